// SPDX-License-Identifier: MIT
// A slice of channels of some pixels in shared memory: [rows][kSliceWidth], swizzled by row.
#pragma once

#include "stage/accumulators.cuh"
#include "stage/swizzle.cuh"
#include "tile/weight_layout.hpp"

namespace foldconv {

// Calls body(row, chunk, offset) for each 16-byte chunk that this thread serves: the same chunk of
// every kThreads / 8-th row, so that eight neighbouring threads move 128 contiguous bytes. `offset`:
// of the chunk in shared memory, in bytes.
template <int kThreads, int kRows, class Body>
__device__ __forceinline__ void for_each_chunk(Body&& body) {
  constexpr int kRowStep = kThreads / 8;
  static_assert(kRowStep % 8 == 0, "the swizzle is the same for all rows of a thread");
  const int first = threadIdx.x / 8, chunk = threadIdx.x % 8;
  const int offset = first * kSliceBytes + swizzled_chunk(first, chunk) * 16;
#pragma unroll
  for (int row = 0; row < kRows; row += kRowStep) {
    if (kRows % kRowStep == 0 || first + row < kRows) {
      body(first + row, chunk, offset + row * kSliceBytes);
    }
  }
}

// The offset of a pair of a warp's accumulators; the warp's tile begins at `row` and `column` of the
// slice, multiples of 8.
__device__ __forceinline__ int pair_offset(int row, int column, const PairPlace& at) {
  return (row + at.row()) * kSliceBytes +
         swizzled_chunk(at.row_in_eight, column / 8 + at.column_eight) * 16 +
         at.column_in_eight * 2;
}

}  // namespace foldconv
