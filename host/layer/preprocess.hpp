// SPDX-License-Identifier: MIT
// From pixels as programs have them to a network's tensor.
#pragma once

#include <cstddef>

#include "foldconv/pixels.hpp"
#include "foldconv/tensor.hpp"
#include "layer/layer.hpp"
#include "params/layer_params.hpp"

namespace foldconv::host {

Storage pixel_storage(PixelType type);
std::size_t pixel_bytes(PixelType type);  // of a value

// x of `format`, dense -> y NHWC of `dtype`: (x - mean[c]) * scale[c], one rounding. mean, scale and swap are for up to four
// channels; where they change nothing there may be more.
struct PreprocessProblem {
  DataType dtype = DataType::f16;
  int n = 1, h = 0, w = 0, c = 0;
  PixelFormat format;
};

// Errors: invalid_argument, unsupported, device_too_old, cuda_error.
Result<Layer> plan_preprocess(const PreprocessProblem& problem);

}  // namespace foldconv::host
