// SPDX-License-Identifier: MIT
// Storage formats as arithmetic on doubles: rounding to nearest even, spacing, and the bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "foldconv/tensor.hpp"

namespace foldconv::oracle {

// 2^exponent, from -1022 to 1023.
constexpr double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(1023 + exponent) << 52);
}

// `value` rounded to the nearest number that `dtype` holds, ties to even; infinity from
// overflow_threshold() on. NaN stays NaN.
double round_to_storage(DataType dtype, double value);

// Half the distance between the numbers of `dtype` around `value`: the largest error of rounding
// it, below overflow.
double half_spacing(DataType dtype, double value);

// The smallest magnitude that rounds to infinity.
double overflow_threshold(DataType dtype);

// Storage <-> float, bit by bit. encode() rounds values that the dtype does not hold.
std::vector<std::byte> encode(DataType dtype, std::span<const float> values);
std::vector<float> decode(DataType dtype, std::span<const std::byte> bytes);

}  // namespace foldconv::oracle
