// SPDX-License-Identifier: MIT
// Options as Python has them: names, numbers, one or one a channel.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <string_view>

#include "foldconv/activation.hpp"
#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/fold.hpp"
#include "foldconv/pixels.hpp"

namespace foldconv::python {

// All raise for what is none, saying what is.
BlockCut cut_of(std::string_view name);
Instructions instructions_of(std::string_view name);
StrideAt stride_at_of(std::string_view name);
ScalePlacement placement_of(std::string_view name);
// "u8 nhwc", "f32"
PixelFormat pixel_format_of(std::string_view name);
// A number for all channels, or one for each.
std::array<float, 4> channels_of(nanobind::handle value, const char* name);
// A number for both, or (h, w).
Extent extent_of(nanobind::handle value, const char* name);
// A number, (h, w) or (top, bottom, left, right).
Padding padding_of(nanobind::handle value);

}  // namespace foldconv::python
