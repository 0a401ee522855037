// SPDX-License-Identifier: MIT
// Sizes of layers: named, for messages, and checked.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "foldconv/status.hpp"
#include "foldconv/tensor.hpp"
#include "tile/fast_division.hpp"

namespace foldconv::host {

struct NamedSize {
  std::string_view name;
  std::int64_t value;
};

// Every size must be at least 1 and the tensor of `dtype` that they make smaller than 2^63 bytes.
Status check_tensor(DataType dtype, std::initializer_list<NamedSize> sizes);

// Sizes that kernels divide by: each must be below 2^31.
Status check_divisors(std::initializer_list<NamedSize> sizes);

// Of a divisor that passed check_divisors().
inline FastDivision fast_division(std::int64_t divisor) {
  return FastDivision(static_cast<std::uint32_t>(divisor));
}

// Elements of `dtype` in 16 bytes.
inline int piece_width(DataType dtype) {
  return static_cast<int>(kAlignmentBytes / size_of(dtype));
}

}  // namespace foldconv::host
