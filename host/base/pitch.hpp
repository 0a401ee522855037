// SPDX-License-Identifier: MIT
// Tensors that are parts of the channels of others.
#pragma once

#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv::host {

// A pitch is 0, the channels, or more than these in whole chunks of 16 bytes. Names are for messages.
Status check_pitch(const char* name, int pitch, const char* channels_name, int channels,
                   DataType dtype);

}  // namespace foldconv::host
