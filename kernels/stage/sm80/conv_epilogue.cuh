// SPDX-License-Identifier: MIT
// conv_sm80's accumulators -> y.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
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
                                           const OutputTile<T, Element>& tile, int n_begin,
                                           int group) {
  using PairType = typename Pair<Element>::type;
  const auto pairs = tile.warp_pairs(warp_row<T>(), warp_column<T>());
  const Epilogue epilogue{p.scale, p.bias, p.activation};
  epilogue.apply(
      sums,
      [&](const PairPlace& at) {
        const int k = n_begin + warp_column<T>() + at.column();
        return epilogue.channels(group * p.g.k_per_group + k, k < p.g.k_per_group);
      },
      p.residual != nullptr,
      [&](const PairPlace& at) { return unpack(*pairs.template pair<PairType>(at)); },
      [&](const PairPlace& at, float2 v) {
        *pairs.template pair<PairType>(at) = Pair<Element>::pack(v);
      });
  __syncthreads();
  tile.store();
}

// Element by element, for channel counts that break 16-byte pieces.
template <ConvTile T, class Element, class Sums>
__device__ __forceinline__ void store_elements(const ConvParams& p, const Sums& sums, int m_begin,
                                               int n_begin, int group) {
  const auto* residual = static_cast<const Element*>(p.residual);
  auto* y = static_cast<Element*>(p.y);
  const int row = m_begin + warp_row<T>(), column = n_begin + warp_column<T>();
  // Calls body(i, element of y) for each of the pair that lies in y.
  const auto in_y = [&](const PairPlace& at, auto&& body) {
    const int m = row + at.row(), k = column + at.column();
    const auto first = static_cast<std::int64_t>(m) * p.g.k + group * p.g.k_per_group + k;
    if (m < p.m && k < p.g.k_per_group) body(0, first);
    if (m < p.m && k + 1 < p.g.k_per_group) body(1, first + 1);
  };
  const Epilogue epilogue{p.scale, p.bias, p.activation};
  epilogue.template apply<EpilogueCode::one_copy>(
      sums,
      [&](const PairPlace& at) {
        const int k = column + at.column();
        return epilogue.channels(group * p.g.k_per_group + k, k < p.g.k_per_group,
                                 k + 1 < p.g.k_per_group);
      },
      residual != nullptr,
      [&](const PairPlace& at) {
        float z[2] = {};
        in_y(at, [&](int i, std::int64_t element) { z[i] = to_float(residual[element]); });
        return float2{z[0], z[1]};
      },
      [&](const PairPlace& at, float2 v) {
        in_y(at, [&](int i, std::int64_t element) {
          y[element] = from_float<Element>(i == 0 ? v.x : v.y);
        });
      });
}

}  // namespace foldconv
