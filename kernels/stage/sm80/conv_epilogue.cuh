// SPDX-License-Identifier: MIT
// conv_sm80's accumulators -> y.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/output_tile.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// A warp's accumulators, and its place in the CTA tile: warps_m x warps_n, channels fastest.
template <ConvTile T, class Element>
using ConvWarpMma = WarpMma<T.warp_m() / 16, T.warp_n() / 8, Element>;

template <ConvTile T>
__device__ __forceinline__ int warp_row() {
  return static_cast<int>(threadIdx.x) / 32 / T.warps_n * T.warp_m();
}
template <ConvTile T>
__device__ __forceinline__ int warp_column() {
  return static_cast<int>(threadIdx.x) / 32 % T.warps_n * T.warp_n();
}

// Through shared memory, so that y is written in whole 32-byte sectors. The residual, if any, is in
// `tile` already.
template <ConvTile T, class Element, class Sums>
__device__ __forceinline__ void store_tile(const ConvParams& p, const Sums& sums,
                                           const OutputTile<T, Element>& tile,
                                           const OutputPlace& place) {
  using PairType = typename Pair<Element>::type;
  const auto pairs = tile.warp_pairs(warp_row<T>(), warp_column<T>());
  const Epilogue epilogue{p.scale, p.bias, p.activation};
  epilogue.apply(
      sums,
      [&](const PairPlace& at) {
        const int k = place.n_begin + warp_column<T>() + at.column();
        const int channel = place.group * p.g.k_per_group + k;
        return p.vector_output != 0
                   ? epilogue.channels(channel, k < p.g.k_per_group)
                   : epilogue.channels(channel, k < p.g.k_per_group, k + 1 < p.g.k_per_group);
      },
      p.residual != nullptr,
      [&](const PairPlace& at) { return unpack(*pairs.template pair<PairType>(at)); },
      [&](const PairPlace& at, float2 v) {
        *pairs.template pair<PairType>(at) = Pair<Element>::pack(v);
      });
  __syncthreads();
  p.vector_output != 0 ? tile.store() : tile.store_elements();
}

}  // namespace foldconv
