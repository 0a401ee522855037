// SPDX-License-Identifier: MIT
// Local response normalisation, with the semantics of ONNX's LRN.
#pragma once

#include <cstdint>

#include "foldconv/tensor.hpp"
#include "layer/layer.hpp"
#include "layer/layer_sizes.hpp"

namespace foldconv::host {

// y = x / (bias + alpha / size * sum of squares of `size` channels around)^beta, x and y NHWC; of an even size the window has
// one more behind. y may not be x.
struct LrnProblem {
  DataType dtype = DataType::f16;
  int n = 1;
  std::int64_t pixels_per_image = 0;
  int c = 0;
  int size = 1;
  float alpha = 0, beta = 0, bias = 1;
  LayerPitches pitch = {};
};

// Errors: invalid_argument, device_too_old, cuda_error.
Result<Layer> plan_lrn(const LrnProblem& problem);

}  // namespace foldconv::host
