// SPDX-License-Identifier: MIT
// Convolution of narrow groups on tensor cores, sm_80 instructions (runs on every later GPU too).
//
//   y[m, k] = act(scale[k] * sum_K x(m, K) * w[k, K] + bias[k] + residual[m, k])
//   K of one group: its taps and channels without gaps, in the canonical order (tile/weight_layout.hpp), in steps of 16.
//   Products and sums in fp32, one rounding at the store: the bits of conv_sm80 with the narrow loader. No value of a group
//   meets another group's weights, so that infinities stay in theirs.
//
// Layouts: x NHWC, w packed [k][row], residual and y NPQK, each with a pitch; every pointer 16-byte aligned. A CTA has a block
// of neighbouring groups, 64 channels of x or as many as whole groups have, and computes tiles of 8x8 output pixels of them,
// one after the other: weights come once, the pixels that a tile's windows reach once a tile, whole sectors of them. Grid:
// blocks of groups x as many tiles as the device has room for; blocks run fastest. A warp's unit: a tile of one or two groups,
// 4 fragments of 16 pixels x the fragments of 8 channels of GroupedTile.
//
// Operands (stage/sm80/grouped_operands.cuh): fragments of pixels are taken from where x lies, by a table of K's positions. For
// groups of 8 channels and multiples by ldmatrix; of 4, 12, ... two groups at a time by loads of 4 bytes, of which two taps
// make a quad. Columns of x lie in planes by their remainder by the stride, so that 8 neighbouring pixels of y read 8
// neighbouring places, an odd number of chunks apart: no bank conflicts at any stride.
//
// Shared memory: weights, rows an odd number of chunks apart; the table; one or two buffers of pixels, each behind its
// channels with 16 bytes of zeros, which are what K's filling meets; a tile of y.
//
//   copy       w x0 | x1       |  x2      |          (2 buffers; of large windows there is one: more CTAs an SM do the same)
//   multiply        | tile 0   |  tile 1  |  tile 2
//   store                   y0 |       y1 |
//
// Floor of ResNeXt-50 32x4d's 3x3s, n = 32. Bytes: x and y once. FLOPs: the layer's and those executed: half of the columns
// at 4 channels, filling of K, tiles past the map. Wavefronts of a tile and block: x 100 (stride 2: 289), and
//   products  steps * units * (2 a column of weights + 1 or 2 of the table + 16 a group by ldmatrix, 32 for two by loads)
//   epilogue  8 a fragment of channels, 1 a pixel
//
//   layer                  MB    GFLOP  executed  wavefronts      H100: DRAM, units, shared memory, us
//   56x56x128,  4 a group  51.4  0.925  2.47      3136 * 1204     17.0  3.7  14.6
//   28x28x256,  8 a group  25.7  0.925  1.34      2048 *  968      8.5  2.0   7.9
//   14x14x512, 16 a group  13.0  0.925  1.21      1024 *  969      4.3  1.8   4.2
//   7x7x1024,  32 a group   7.0  0.925  1.21       512 * 1113      2.3  1.8   2.5
//   28x28x256  from 56x56  64.3  0.925  1.34      2048 * 1157     21.3  2.0   9.5
//   14x14x512  from 28x28  32.3  0.925  1.21      1024 * 1158     10.7  1.8   4.9
//   7x7x1024   from 14x14  16.7  0.925  1.21       512 * 1302      5.5  1.8   2.9
//
// Other ways, for 4 a group: blocks of 32 channels with zeros beside the diagonal are dense products, 3 times as many (7.4
// GFLOP, 11 us), and 0 * infinity of a neighbour is NaN; without tensor cores 0.46 G fused multiply-adds and as many
// conversions are 15 us and more of the issue. Here the products hide behind the bytes.
//
// As compiled, no spills; registers on sm_80 and sm_90: groups of 4, 12, ... channels 115 (f16) or 110 (bf16), and 110; of up
// to 8 output channels 122 and 128, 16: 108 and 107, more: 144 and 147. By registers four CTAs an SM, or more.
// Counted (tests/kernels/grouped_test.cpp): DRAM the compulsory bytes, sectors and wavefronts ideal in all of these layers;
// wavefronts and FLOPs are the cost model's (host/cost/grouped_cost.hpp) to the last one. Halo: 100 / 64 of x from L2 at
// stride 1, 289 / 256 at stride 2.
//
// Not taken: one group, channels of a group that are 64 or more or no multiple of 4, output channels of a group over 64 or no
// multiple of 4, c or x's pitch no multiple of 8, windows that do not fit (host/catalog/grouped.cpp has the rules).
#pragma once

#include "params/grouped_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/mma.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/sm80/accumulators.cuh"
#include "stage/sm80/grouped_copies.cuh"
#include "stage/sm80/grouped_operands.cuh"
#include "tile/grouped_tile.hpp"

namespace foldconv {

template <GroupedTile T>
using GroupedSums = Accumulators<GroupedTile::kFragmentsM, T.columns()>;

template <GroupedTile T, class Element>
__device__ __forceinline__ void multiply_groups(const GroupedParams& p,
                                                const GroupedOperands<T>& operands,
                                                GroupedSums<T>& sums) {
  for (int step = 0; step < p.steps; ++step) {
    typename GroupedOperands<T>::Step at;
    operands.load_step(at, step);
#pragma unroll
    for (int i = 0; i < GroupedTile::kFragmentsM; ++i) {
      typename GroupedOperands<T>::Fragments fragments;
      operands.load(fragments, at, i);
#pragma unroll
      for (int j = 0; j < T.columns(); ++j) {
        ptx::mma_m16n8k16<Element>(sums.pair(i * 2, j), sums.pair(i * 2 + 1, j),
                                   fragments.x[j / T.fragments_n], at.w[j / 2][j % 2 * 2],
                                   at.w[j / 2][j % 2 * 2 + 1]);
      }
    }
  }
#pragma unroll
  for (float2& pair : sums.pairs) {
    pair.x += p.zero_steps;
    pair.y += p.zero_steps;
  }
}

// Into the CTA's tile of y, where the residual, if any, lies already. `group`, `part`: as of GroupedOperands.
template <GroupedTile T, class Element>
__device__ __forceinline__ void finish_groups(const GroupedParams& p, const GroupedSums<T>& sums,
                                              char* shared, int first_group, int group, int part) {
  using PairType = typename Pair<Element>::type;
  struct Channel {
    int in_cta;
    bool exists;
  };
  const auto channel_of = [&](const PairPlace& at) -> Channel {
    const int own_group = group + at.column_eight / T.fragments_n;
    const int channel =
        (part * T.fragments_n + at.column_eight % T.fragments_n) * 8 + at.column_in_eight;
    return {own_group * p.g.k_per_group + channel, channel < p.g.k_per_group &&
                                                       own_group < p.groups_of_block &&
                                                       first_group + own_group < p.g.groups};
  };
  const auto pair_at = [&](const PairPlace& at) {
    return reinterpret_cast<PairType*>(shared + p.shared.output + at.row() * p.shared.output_pitch +
                                       channel_of(at).in_cta * 2);
  };
  const Epilogue epilogue{p.scale, p.bias, p.activation};
  epilogue.apply(
      sums,
      [&](const PairPlace& at) {
        const Channel channel = channel_of(at);
        return epilogue.channels(first_group * p.g.k_per_group + channel.in_cta, channel.exists);
      },
      p.residual != nullptr,
      [&](const PairPlace& at) { return channel_of(at).exists ? unpack(*pair_at(at)) : float2{}; },
      [&](const PairPlace& at, float2 v) {
        if (channel_of(at).exists) *pair_at(at) = Pair<Element>::pack(v);
      });
}

template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), Tile::value.min_ctas_per_sm)
    conv_grouped_sm80(const __grid_constant__ GroupedParams p) {
  constexpr GroupedTile T = Tile::value;
  extern __shared__ __align__(128) char shared[];
  const std::uint32_t begin = ptx::shared_address(shared);

  const int first_tile = static_cast<int>(p.blocks.quotient(blockIdx.x));
  const int tile_step = static_cast<int>(p.blocks.quotient(gridDim.x));
  const GroupedCopies<T, Element> copies(
      p, shared, static_cast<int>(p.blocks.remainder(blockIdx.x, first_tile)));
  copies.load_weights();
  copies.load_pixels(first_tile, 0);
  ptx::commit_async_copies();
  if (p.buffers > 1) copies.load_pixels(first_tile + tile_step, 1);
  ptx::commit_async_copies();
  copies.clear_zeros();
  build_grouped_table<T>(p, reinterpret_cast<int*>(shared + p.shared.table));

  int buffer = 0;
  for (int tile = first_tile; tile < p.tiles; tile += tile_step) {
    if (p.residual != nullptr) {
      __syncthreads();  // others still store the tile before this one
      copies.load_residual(tile);
      ptx::commit_async_copies();
      ptx::wait_async_copies<0>();
    } else if (p.buffers > 1) {
      ptx::wait_async_copies<1>();
    } else {
      ptx::wait_async_copies<0>();
    }
    __syncthreads();
    for (int unit = static_cast<int>(threadIdx.x) / 32; unit < p.units; unit += T.warps) {
      const int groups = static_cast<int>(p.units_per_group.quotient(unit));
      const int part = static_cast<int>(p.units_per_group.remainder(unit, groups));
      const int group = groups * T.groups;
      if (copies.first_group() + group >= p.g.groups) break;
      GroupedSums<T> sums;
      multiply_groups<T, Element>(
          p,
          GroupedOperands<T>(p, begin, begin + p.shared.pixels + buffer * p.shared.buffer_bytes,
                             group, part),
          sums);
      finish_groups<T, Element>(p, sums, shared, copies.first_group(), group, part);
    }
    __syncthreads();
    copies.load_pixels(tile + p.buffers * tile_step, buffer);
    ptx::commit_async_copies();
    copies.store(tile);
    buffer = p.buffers - 1 - buffer;
  }
}

}  // namespace foldconv
