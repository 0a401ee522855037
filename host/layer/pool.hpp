// SPDX-License-Identifier: MIT
// Pooling, with the semantics of ONNX's MaxPool, AveragePool, GlobalMaxPool and GlobalAveragePool.
#pragma once

#include <cstdint>

#include "foldconv/conv.hpp"
#include "layer/layer.hpp"
#include "layer/layer_sizes.hpp"

namespace foldconv::host {

// x NHWC -> y NPQC. Padding is -infinity for the largest; for the average it counts, as zeros, where count_include_pad.
struct PoolProblem {
  enum class Kind : std::uint8_t { max, average };

  DataType dtype = DataType::f16;
  int n = 1, h = 0, w = 0, c = 0;
  Kind kind = Kind::max;
  Extent window = {1, 1};
  Extent stride = {1, 1};
  Extent dilation = {1, 1};
  Padding pad = {};
  bool ceil_mode =
      false;  // sizes of y are rounded up; a last window that starts behind the image is dropped
  bool count_include_pad = false;
  LayerPitches pitch = {};

  int p() const;
  int q() const;
};

// A window that is the whole map takes the kernel that divides a map among threads. Errors: invalid_argument, unsupported,
// device_too_old, cuda_error.
Result<Layer> plan_pool(const PoolProblem& problem);

}  // namespace foldconv::host
