// SPDX-License-Identifier: MIT
// 16-bit operands of the tensor core as columns of floats.
#pragma once

#include "half.hpp"
#include "vectors.hpp"

namespace cuemu {

// Two 8x8 blocks of A, one above the other, each of 8 rows of 16 bytes, to 8 columns of 16 rows.
template <class Format>
inline void widen_columns(const void* upper_block, const void* lower_block, float columns[128]) {
  const Transposed8x8 upper(upper_block), lower(lower_block);
  const Half32Lanes first = {0, 1, 2,  3,  4,  5,  6,  7,  32, 33, 34, 35, 36, 37, 38, 39,
                             8, 9, 10, 11, 12, 13, 14, 15, 40, 41, 42, 43, 44, 45, 46, 47};
  const Half32Lanes pairs[4] = {__builtin_shuffle(upper.low, lower.low, first),
                                __builtin_shuffle(upper.low, lower.low, first + 16),
                                __builtin_shuffle(upper.high, lower.high, first),
                                __builtin_shuffle(upper.high, lower.high, first + 16)};
  alignas(64) uint16_t halves[128];
  for (int i = 0; i < 4; ++i) store_vector(halves + 32 * i, pairs[i]);
  Format::widen(halves, columns, 128);
}

// What the tensor core writes for a sum that is not a number.
inline void canonicalise_nan(Float16Lanes& v) {
  v = v != v ? Float16Lanes{} + std::bit_cast<float>(kFloatNaNBits) : v;
}

}  // namespace cuemu
