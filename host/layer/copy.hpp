// SPDX-License-Identifier: MIT
// Copies by strides, with conversion: transposes, slices, concatenation (into a part of y), expansion, constant padding,
// nearest upsampling.
#pragma once

#include <cstdint>
#include <vector>

#include "foldconv/tensor.hpp"
#include "layer/layer.hpp"

namespace foldconv::host {

// An index i of y, in [0, extent), reads x's index i / divide + x_begin; outside [0, x_extent): the fill value. Strides in
// elements. x_stride may be 0, or negative: x_offset then points to the last.
struct CopyAxis {
  std::int64_t extent = 0;
  std::int64_t y_stride = 0, x_stride = 0;
  std::int64_t x_begin = 0, x_extent = 0;
  int divide = 1;
};

struct CopyProblem {
  DataType from = DataType::f16, to = DataType::f16;
  std::vector<CopyAxis> axes;  // at most six, outermost first
  std::int64_t x_offset = 0, y_offset = 0;
  float fill = 0;
  bool batched = false;  // axes[0] is n
};

// x and y do not overlap. Errors: invalid_argument, unsupported, device_too_old, cuda_error.
Result<Layer> plan_copy(const CopyProblem& problem);

}  // namespace foldconv::host
