// SPDX-License-Identifier: MIT
// A whole bottleneck block as one kernel, sm_80 instructions (runs on every later GPU too).
//
//   t1 = inner(scale1 * conv1(x) + bias1)      1x1, c -> 64 channels, rounded to the storage type
//   t2 = inner(scale2 * conv2(t1) + bias2)     3x3, padded by 1, 64 -> 64, rounded likewise
//   y  = last(scale3 * conv3(t2) + bias3 + x)  1x1, 64 -> k, rounded at the store
//   y  = last(scale3 * [t2 | x] . [w3 ; wd] + bias3)
//        with a projection shortcut: one longer K, not rounded in between
// Stride 1. x, y NHWC, 16-byte aligned; weights packed (tile/weight_layout.hpp). Bit-identical to
// the chain of conv_sm80.
//
// A persistent CTA takes tiles of tile_h x 8 pixels. t1 and t2 never leave shared memory; x is read
// with a halo of one pixel, whose second reading hits L2; y is written once. DRAM traffic is the
// compulsory minimum, x + y + weights.
//
//   ring     x00 x01 x02 ... x43 (w3 w3') | x00 of the next tile ...   (x<chunk><slice>, 64 halo rows)
//   compute  t1 chunk 0 ... t1 chunk 4 | 3x3: 9 taps, no barrier | y 0..127 | y 128..255
//
// Halo: the first 1x1 computes halo_rows() / pixels() times its share, 1.34 for 28x8: 8% of an
// identity block's FLOPs. 255 registers, one CTA of 8 warps per SM. Shared memory: see
// WholeTile. Not taken: strides, middle widths over 64, grouped 3x3: the planner has the chain
// for those.
#pragma once

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/slice_rows.cuh"
#include "stage/weight_loader.cuh"
#include "stage/whole_convs.cuh"
#include "stage/whole_ring.cuh"
#include "tile/whole_tile.hpp"

namespace foldconv {

// x at the tile's own pixels, as rows for the projection: [pixels][kSliceWidth], swizzled by row;
// zero outside the image.
template <WholeTile T, class Element>
__device__ __forceinline__ void copy_shortcut(const WholeParams& p, const TilePlace& place,
                                              std::uint32_t to) {
  for_each_chunk<T.threads(), T.pixels()>([&](int pixel, int chunk, int offset) {
    const int h = place.h + pixel / T.kTileW, w = place.w + pixel % T.kTileW;
    const auto* from =
        static_cast<const Element*>(p.x) + (((place.image * p.h + h) * p.w + w) * p.c + chunk * 8);
    ptx::copy_async_16(to + offset, from, h < p.h && w < p.w);
  });
}

template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), 1)
    block_whole_sm80(const __grid_constant__ WholeParams p) {
  constexpr WholeTile T = Tile::value;
  static_assert(!(T.resident && T.projection),
                "a projection's longer K does not fit beside the other weights");
  static_assert(T.chunks() + 1 >= T.stages,
                "the shortcut has arrived when the ring brings its weights");
  extern __shared__ __align__(128) char shared[];
  char* const middle = shared + T.conv2_bytes();
  const std::uint32_t w2 = ptx::shared_address(shared);
  const std::uint32_t t = w2 + T.conv2_bytes();
  const std::uint32_t shortcut = t + T.middle_bytes();
  const std::uint32_t ring_begin = shortcut + T.shortcut_bytes();
  const std::uint32_t w1_resident = ring_begin + T.stages * T.stage_bytes();
  const std::uint32_t w3_resident = w1_resident + p.c * kSliceBytes;
  const int slices = p.c / kSliceWidth;

  // Resident weights belong to the first group of copies: complete before the first stage is.
  const auto same_row = [](int row) { return row; };
  const WeightLoader<T.threads(), kSliceWidth, Element> conv2_weights(p.conv2.w, 9 * kSliceWidth,
                                                                      same_row);
  for (int tap = 0; tap < 9; ++tap) conv2_weights.load(w2 + tap * kSliceWidth * kSliceBytes, tap);
  if constexpr (Tile::value.resident) {
    const WeightLoader<T.threads(), kSliceWidth, Element> conv1_weights(p.conv1.w, p.c, same_row);
    for (int slice = 0; slice < slices; ++slice)
      conv1_weights.load(w1_resident + slice * kSliceWidth * kSliceBytes, slice);
    for (int first = 0; first < p.k; first += T.kRoundChannels) {
      last_weights<T, Element>(p, first).load(w3_resident + first * kSliceBytes, 0);
    }
  }

  WholeRing<T, Element> ring(p, ring_begin);
  for (int tile = blockIdx.x; tile < p.tiles; tile += gridDim.x) {
    const TilePlace place(tile, T.tile_h, T.kTileW, p.tiles_per_image, p.tile_columns);

    for (int chunk = 0; chunk < T.chunks(); ++chunk) {
      first_conv<T, Element>(p, place, chunk, middle, [&](auto& mma, int m, int n) {
        using Mma = std::decay_t<decltype(mma)>;
        for (int slice = 0; slice < slices; ++slice) {
          const std::uint32_t stage = ring.next();
          // From here on nobody reads the last tile's.
          if (Tile::value.projection && chunk == 0) copy_shortcut<T, Element>(p, place, shortcut);
          const std::uint32_t w1 = Tile::value.resident
                                       ? w1_resident + slice * kSliceWidth * kSliceBytes
                                       : stage + T.kChunkRows * kSliceBytes;
          mma.multiply_slice(stage + x_offset<Mma>(m), w1 + w_offset<Mma>(n));
        }
      });
    }
    __syncthreads();
    middle_conv<T, Element>(p, middle, t, w2);
    for (int first = 0; first < p.k; first += T.kRoundChannels) {
      last_conv<T, Element>(p, place, first, [&](auto& mma, int m, int n) {
        using Mma = std::decay_t<decltype(mma)>;
        const std::uint32_t w3 =
            Tile::value.resident ? w3_resident + first * kSliceBytes : ring.next();
        mma.multiply_slice(t + x_offset<Mma>(m), w3 + w_offset<Mma>(n));
        if constexpr (Tile::value.projection)
          mma.multiply_slice(shortcut + x_offset<Mma>(m), ring.next() + w_offset<Mma>(n));
      });
    }
    // The next tile's first write to t1 or the shortcut comes after a barrier of the ring.
  }
  ptx::wait_async_copies<0>();
}

}  // namespace foldconv
