// SPDX-License-Identifier: MIT
// A whole bottleneck block as one kernel, sm_80 instructions (runs on every later GPU too).
//
//   t1 = inner(scale1 * conv1(x) + bias1)      1x1, c -> 64 channels, rounded to the storage type
//   t2 = inner(scale2 * conv2(t1) + bias2)     3x3, padded by 1, 64 -> 64, rounded likewise
//   y  = last(scale3 * conv3(t2) + bias3 + x)  1x1, 64 -> k, rounded at the store
//   y  = last(scale3 * [t2 | x] . [w3 ; wd] + bias3)
//        with a projection shortcut: one longer K, not rounded in between
// Stride 1. x, y NHWC, pixels pitches apart, 16-byte aligned; weights packed (tile/weight_layout.hpp). Bit-identical to
// the chain of conv_sm80.
//
// A persistent CTA takes tiles of tile_h x 8 pixels. t1 and t2 never leave shared memory; x is read
// with a halo of one pixel, whose second reading hits L2; y is written once. DRAM traffic is the
// compulsory minimum, x + y + weights.
//
// Shared memory's bandwidth is the limit, so registers keep what more than one product needs: the
// first 1x1's weights of a slice for all fragments of a warp, t2 for all channels of y. Each warp
// brings the halo rows that it multiplies itself, and no other warp waits for it until t1 is whole.
// Barriers ("|"; of resident tiles all that there are):
//
//   first 1x1, slice by slice; t1 -> shared memory | 3x3: 9 taps | t2 -> in place of t1 |
//   t2 -> registers | last 1x1, round by round, and at once the next tile's first 1x1
//
// Halo: the first 1x1 computes first_rows() / pixels() times its share, 1.36 for 28x8: 8% of an
// identity block's FLOPs. 255 registers, one CTA of 8 warps per SM. Shared memory: see
// WholeTile. Not taken: strides, middle widths over 64, grouped 3x3: the planner has the chain
// for those.
#pragma once

#include <type_traits>
#include <utility>

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/slice_rows.cuh"
#include "stage/sm80/weight_loader.cuh"
#include "stage/sm80/whole_convs.cuh"
#include "stage/sm80/whole_copies.cuh"
#include "tile/whole_tile.hpp"

namespace foldconv {

// x at the tile's own pixels, as rows for the projection: [pixels][kSliceWidth], swizzled by row;
// zero outside the image.
template <WholeTile T, class Element>
__device__ __forceinline__ void copy_shortcut(const WholeParams& p, const TilePlace& place,
                                              std::uint32_t to) {
  for_each_chunk<T.threads(), T.pixels()>([&](int pixel, int chunk, int offset) {
    const int h = place.h + pixel / T.kTileW, w = place.w + pixel % T.kTileW;
    const auto* from = static_cast<const Element*>(p.x) +
                       (((place.image * p.h + h) * p.w + w) * p.x_pitch + chunk * 8);
    ptx::copy_async_16(to + offset, from, h < p.h && w < p.w);
  });
}

// Calls body with each of the numbers, as std::integral_constant.
template <class Body, int... kNumbers>
__device__ __forceinline__ void for_each_number(std::integer_sequence<int, kNumbers...>,
                                                Body&& body) {
  (body(std::integral_constant<int, kNumbers>()), ...);
}

template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), 1)
    block_whole_sm80(const __grid_constant__ WholeParams p) {
  constexpr WholeTile T = Tile::value;
  static_assert(!(T.resident && T.projection),
                "a projection's longer K does not fit beside the other weights");
  extern __shared__ __align__(128) char shared[];
  char* const middle = shared + T.table_bytes() + T.conv2_bytes();
  const std::uint32_t w2 = ptx::shared_address(shared) + T.table_bytes();
  const std::uint32_t t = w2 + T.conv2_bytes();
  const std::uint32_t shortcut = t + T.middle_bytes();
  const std::uint32_t x_begin = shortcut + T.shortcut_bytes();
  const std::uint32_t weights_begin = x_begin + T.x_bytes();
  const int slices = p.c / kSliceWidth;

  const auto same_row = [](int row) { return row; };
  const WeightLoader<T.threads(), kSliceWidth, Element> conv2_weights(p.conv2.w, 9 * kSliceWidth,
                                                                      same_row);
  for (int tap = 0; tap < 9; ++tap) conv2_weights.load(w2 + tap * kSliceWidth * kSliceBytes, tap);
  using Weights =
      std::conditional_t<T.resident, ResidentWeights<T, Element>, WeightStages<T, Element>>;
  Weights weights(p, weights_begin);
  using Fragments = std::make_integer_sequence<int, T.most_first_fragments()>;
  WarpRows<T, Element> rows(p, x_begin, shared);
  if constexpr (Tile::value.resident) weights.wait();
  for (int tile = blockIdx.x; tile < p.tiles; tile += gridDim.x) {
    const TilePlace place(tile, T.tile_h, T.kTileW, p.tiles_per_image, p.tile_columns);
    {
      FirstConv<T, Element> conv;
      for (int slice = 0; slice < slices; ++slice) {
        conv.load_weights(weights.first(slice));
        // From here on nobody reads the last tile's.
        if (T.projection && slice == 0) copy_shortcut<T, Element>(p, place, shortcut);
        for_each_number(Fragments(), [&](auto i) {
          if (i >= T.least_first_fragments() && !FirstFragments<T>::has(i)) return;
          conv.load_x(rows.template wait<Weights::groups_before(i)>());
          rows.refill();
          conv.multiply(i);
        });
      }
      conv.store(p, place, middle);
    }
    __syncthreads();
    middle_conv<T, Element>(p, middle, t, w2);
    const LastConv<T, Element> conv(p, place, t, shortcut);
    for (int first = 0; first < p.k; first += T.round_channels()) {
      conv.round(first, [&] { return weights.last(first); });
    }
  }
  ptx::wait_async_copies<0>();
}

}  // namespace foldconv
