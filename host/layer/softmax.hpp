// SPDX-License-Identifier: MIT
// Softmax over one extent of a tensor.
#pragma once

#include <cstdint>

#include "foldconv/tensor.hpp"
#include "layer/layer.hpp"

namespace foldconv::host {

// Over the middle extent of [outer][length][inner], dense; n divides outer: images come first in it. y may be x.
struct SoftmaxProblem {
  DataType dtype = DataType::f16;
  int n = 1;
  std::int64_t outer = 1, length = 0, inner = 1;
};

// Errors: invalid_argument, device_too_old, cuda_error.
Result<Layer> plan_softmax(const SoftmaxProblem& problem);

}  // namespace foldconv::host
