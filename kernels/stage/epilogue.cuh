// Accumulators -> y: scale, bias, residual, activation in fp32, one rounding at the store.
#pragma once

#include "params/conv_params.hpp"
#include "stage/activation.cuh"
#include "stage/element.cuh"
#include "stage/output_tile.cuh"
#include "stage/warp_mma.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// A warp's accumulators in conv_sm80, and its place in the CTA tile: warps_m x warps_n, channels
// fastest.
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

// Scale and bias of the two neighbouring channels that a fragment gives a lane.
struct ChannelPair {
  float2 scale, bias;
  __device__ __forceinline__ ChannelPair(const ConvParams& p, int first, bool valid0, bool valid1)
      : scale{valid0 ? __ldg(p.scale + first) : 0.0f, valid1 ? __ldg(p.scale + first + 1) : 0.0f},
        bias{valid0 ? __ldg(p.bias + first) : 0.0f, valid1 ? __ldg(p.bias + first + 1) : 0.0f} {}
};

// Through shared memory, so that y is written in whole 32-byte sectors. The residual, if any, is in
// `tile` already.
template <ConvTile T, class Element>
__device__ __forceinline__ void store_tile(const ConvParams& p, const ConvWarpMma<T, Element>& mma,
                                           const OutputTile<T, Element>& tile, int n_begin,
                                           int group) {
  using PairType = typename Pair<Element>::type;
  const int lane = threadIdx.x % 32;
  const bool has_residual = p.residual != nullptr;
  const auto pairs = tile.warp_pairs(warp_row<T>(), warp_column<T>());
  with_activation(p.activation, [&](auto activation) {
#pragma unroll
    for (int j = 0; j < T.warp_n() / 8; ++j) {
      const int column = warp_column<T>() + j * 8 + lane % 4 * 2;
      const bool valid = n_begin + column < p.g.k_per_group;
      const ChannelPair channel(p, group * p.g.k_per_group + n_begin + column, valid, valid);
#pragma unroll
      for (int i = 0; i < T.warp_m() / 16; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          PairType* pair = pairs.template pair<PairType>(j, i * 16 + half * 8 + lane / 4);
          float2 v;
          v.x = fmaf(mma.sums[i][j][half * 2], channel.scale.x, channel.bias.x);
          v.y = fmaf(mma.sums[i][j][half * 2 + 1], channel.scale.y, channel.bias.y);
          if (has_residual) {
            const float2 z = unpack(*pair);
            v.x += z.x;
            v.y += z.y;
          }
          *pair = Pair<Element>::pack({activation(v.x), activation(v.y)});
        }
      }
    }
  });
  __syncthreads();
  tile.store();
}

// Element by element, for channel counts that break 16-byte pieces.
template <ConvTile T, class Element>
__device__ __forceinline__ void store_elements(const ConvParams& p,
                                               const ConvWarpMma<T, Element>& mma, int m_begin,
                                               int n_begin, int group) {
  const int lane = threadIdx.x % 32;
  const auto* residual = static_cast<const Element*>(p.residual);
  auto* y = static_cast<Element*>(p.y);
  const GeneralActivation activation{
      p.activation};  // one copy of the code: size matters more here than speed
#pragma unroll
  for (int j = 0; j < T.warp_n() / 8; ++j) {
    const int column = n_begin + warp_column<T>() + j * 8 + lane % 4 * 2;
    const bool valid[2] = {column < p.g.k_per_group, column + 1 < p.g.k_per_group};
    const int k = group * p.g.k_per_group + column;
    const ChannelPair channel(p, k, valid[0], valid[1]);
#pragma unroll
    for (int i = 0; i < T.warp_m() / 16; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int m = m_begin + warp_row<T>() + i * 16 + half * 8 + lane / 4;
        const float v[2] = {fmaf(mma.sums[i][j][half * 2], channel.scale.x, channel.bias.x),
                            fmaf(mma.sums[i][j][half * 2 + 1], channel.scale.y, channel.bias.y)};
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          if (m < p.m && valid[e]) {
            const int at = m * p.g.k + k + e;
            const float sum = residual != nullptr ? v[e] + to_float(residual[at]) : v[e];
            y[at] = from_float<Element>(activation(sum));
          }
        }
      }
    }
  }
}

}  // namespace foldconv
