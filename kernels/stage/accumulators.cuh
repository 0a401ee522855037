// SPDX-License-Identifier: MIT
// A warp's accumulators: the one place that knows which lane holds which element.
#pragma once

namespace foldconv {

// Where a pair of accumulators stands in the warp's tile. Rows are pixels, columns channels, both
// split into eights: what is a constant stays one in the addresses made of it.
struct PairPlace {
  int row_eight, row_in_eight;
  int column_eight, column_in_eight;  // of the pair's first; the second is the next one
  __device__ __forceinline__ int row() const { return row_eight * 8 + row_in_eight; }
  __device__ __forceinline__ int column() const { return column_eight * 8 + column_in_eight; }
};

// kFragmentsM x kFragmentsN fragments of 16 pixels x 8 channels. A lane holds two neighbouring
// columns of each fragment, of every eighth row (PTX ISA, "mma.m16n8k16", matrix D; each warp of a
// wgmma.m64 has the same).
template <int kFragmentsM, int kFragmentsN>
struct Accumulators {
  static constexpr int kRows = kFragmentsM * 2;  // that a lane holds
  static constexpr int kColumns = kFragmentsN;   // pairs of columns that a lane holds

  float2 pairs[kRows * kColumns] = {};

  // Of the lane's i-th row and its j-th pair of columns.
  static __device__ __forceinline__ PairPlace place(int i, int j) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    return {i, lane / 4, j, lane % 4 * 2};
  }

  __device__ __forceinline__ float2& pair(int i, int j) { return pairs[i * kColumns + j]; }
  __device__ __forceinline__ const float2& pair(int i, int j) const {
    return pairs[i * kColumns + j];
  }
};

}  // namespace foldconv
