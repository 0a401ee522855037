// SPDX-License-Identifier: MIT
// A warp's accumulators: the one place that knows which lane holds which element.
#pragma once

#include "stage/pair_place.cuh"

namespace foldconv {

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
