// SPDX-License-Identifier: MIT
// Sums and products of two tensors, with broadcasts.
#pragma once

#include <cstdint>
#include <vector>

#include "foldconv/activation.hpp"
#include "foldconv/tensor.hpp"
#include "layer/layer.hpp"

namespace foldconv::host {

// y = activation(x op z) over `extents`, at most six, outermost first; strides in elements, of x and z 0 where they are
// broadcast; without y_strides y is dense. y may be x or z where that one lies as y does.
struct BinaryProblem {
  enum class Op : std::uint8_t { add, multiply };

  DataType dtype = DataType::f16;
  Op op = Op::add;
  std::vector<std::int64_t> extents, x_strides, z_strides;
  std::vector<std::int64_t> y_strides = {};
  Activation activation = Activation::none;
  bool batched = false;  // extents[0] is n
};

// Errors: invalid_argument, unsupported, device_too_old, cuda_error.
Result<Layer> plan_binary(const BinaryProblem& problem);

}  // namespace foldconv::host
