// SPDX-License-Identifier: MIT
// The stem of a network, sm_80 instructions: pixels, its first convolution, a max-pool.
//
//   t = round((pixels - mean) * factor)                   to the storage type; literal zero outside the image
//   u = round(activation(scale * conv(t) + bias))         7x7 or 3x3, stride 2, 3 channels -> k
//   y = max of 3x3 windows of u, stride 2                 outside of u: nothing; NaN wins
//   y = u                                                 without pool
//
// Bit-identical to preprocess, conv_rows_sm80 and max_pool: K in the order of tile/weight_layout.hpp, in steps of 16 into one
// fp32 sum (the steps of zeros that fill packed weights up to a slice of 64 are left out: they add 0 to a sum that began as
// 0), and the largest of rounded values is the rounded largest. Pixels: u8, f16 or f32, NCHW or NHWC; or x, a tensor of the
// storage type, NHWC with any pitch. Weights packed; y NHWC with a pitch. Both tensors 16-byte aligned.
//
// A persistent CTA of 4 warps takes tiles of 7x8 pooled pixels, i.e. 15x17 of the convolution and 35x39 of x (7x7; 31x35
// for 3x3); without pool of 16x16. A tile has 256 pixels of the convolution, 64 a warp, by block_n channels: registers hold
// all sums, so that weights are read by ldmatrix once for four fragments of pixels. Blocks of block_n channels are tiles of
// their own. Neither t nor u leaves shared memory:
//
//   weights   [block_n][steps of 16]    once a CTA, rows an odd number of 16-byte chunks apart    21.5 KB   2.6 KB
//   patch     rows of t, 3 channels a pixel without gaps (tile/stem_tile.hpp)                     10.9      7.6
//   u         [256][block_n], swizzled                                                            32.8     16.4
//                                                                             7x7 and 64, 3x3 and 32: 65.1     26.5
//   patch from x | products, epilogue -> u | largest of 3x3, or pixels, -> y, and at once the next tile's patch
//                barriers
//
// A filter row is a run of neighbours in the patch, so operands of the product are 4-byte loads of pairs of K at constant
// distances from a pixel's window: a step of 16 takes 16 loads and 4 ldmatrix (64 channels) for 32 products.
//
// Floor, ResNet-50's stem at 224x224, an image: DRAM 0.602 MB of f32 pixels (0.301 as a tensor, 0.151 of u8) + 0.401 of y:
// 1.00, 0.70, 0.55 MB, of which 15 % come on top at most; the chain moves 4.8 MB. FLOPs: 56 tiles of 256 pixels x 64 x 160,
// 0.294 G, 1.14 (halo) x 1.09 (K) x 1.004 of the convolution's 0.236. Wavefronts of a tile: 210 that store the patch (of
// planes; of pixels 140), 608 + 640 by which the warps read pixels and weights, 256 to write u, 384 to read it: 2098, in 2560
// cycles of an A100's tensor cores and some 2030 of an H100's; n = 32: 1792 tiles, 17 or 14 an SM. MobileNet's (3x3 and 32,
// 49 tiles an image): 1.40 MB (f32), 0.95 (u8), 646 wavefronts a tile.
//
// Counted: DRAM 1.025 MB, 0.723, 0.573: the floor, and the weights, 0.02 MB a launch. Sectors of loads 1.06 of the ideal, for
// rows of the patch begin inside of one; of stores ideal. Wavefronts of a tile 2632 (774): all as above but the pixels of K.
// 6 of its 20 eights reach into the next filter row, whose pairs lie in banks of other pixels: 406 more (64); a pair that
// ends a filter row, or K, is two loads: 128 (64). A CTA's copy of the weights has 192 (32), of which 32 (16) are conflicts.
// Registers (sm_80, sm_90): 7x7 240 and 223, 3x3 158 and 163; no spills. Two CTAs an SM (130 KB: in an A100's, too); three.
//
// Not taken (host/stem/rules.cpp): f32; other filters, strides or channel counts; dilation, groups, a residual; k no multiple
// of 8; poolings other than 3x3 with stride 2. The planner has the chain for those.
#pragma once

#include <cstdint>

#include "params/stem_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/max_pair.cuh"
#include "ptx/shared_memory.cuh"
#include "ptx/shared_stores.cuh"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/sm80/stem_patch.cuh"
#include "stage/sm80/stem_product.cuh"
#include "tile/stem_tile.hpp"

namespace foldconv {

// The convolution's tile in shared memory, [pixel][block_n] in the storage type, swizzled so that eight pixels' same chunk,
// a pixel's chunks, and those of pixels two apart lie in different banks.
template <StemTile T>
__device__ __forceinline__ int stem_tile_offset(int pixel, int chunk) {
  if constexpr (T.chunks() == 8) {
    return pixel * 128 + (chunk ^ (pixel & 7)) * 16;
  } else {
    static_assert(T.chunks() == 4);
    const int line = pixel / 2;
    return line * 128 + ((pixel ^ line) & 1) * 64 + (chunk ^ (line & 3)) * 16;
  }
}

// The weights of the block's channels, k in the order of K; zeros past the last channel.
template <StemTile T, class Element>
__device__ __forceinline__ void copy_stem_weights(const StemParams& p, std::uint32_t to,
                                                  int first_channel) {
  for (int i = threadIdx.x; i < T.block_n * T.weight_chunks(); i += T.kThreads) {
    const int row = i / T.weight_chunks(), chunk = i % T.weight_chunks();
    const int channel = first_channel + row;
    const auto* from = static_cast<const Element*>(p.w) +
                       static_cast<std::int64_t>(min(channel, p.k - 1)) * p.w_row + chunk * 8;
    ptx::copy_async_16(to + row * T.weight_pitch() + chunk * 16, from, channel < p.k);
  }
  ptx::commit_async_copies();
}

struct StemPlace {
  int image;
  int row, column;            // of y
  int conv_row, conv_column;  // of the convolution; may be -1 or less
};

// Shared memory -> y, the pixels as they are.
template <StemTile T>
__device__ __forceinline__ void store_stem_pixels(const StemParams& p, std::uint32_t tile,
                                                  const StemPlace& place, char* y, bool stored) {
  constexpr StemTile::Sizes kSizes = StemTile::sizes(false);
  constexpr int kStep = T.kThreads / T.chunks();
  const int chunk = static_cast<int>(threadIdx.x) % T.chunks();
#pragma unroll 4
  for (int pixel = static_cast<int>(threadIdx.x) / T.chunks(); pixel < T.kPixels; pixel += kStep) {
    const int row = pixel / kSizes.columns, column = pixel % kSizes.columns;
    std::uint32_t words[4];
    ptx::load_shared_16(tile + stem_tile_offset<T>(pixel, chunk), words);
    if (stored && place.row + row < p.y_h && place.column + column < p.y_w) {
      const int at = (row * p.y_w + column) * p.y_pitch;
      *reinterpret_cast<uint4*>(y + static_cast<std::int64_t>(at) * 2) = {words[0], words[1],
                                                                          words[2], words[3]};
    }
  }
}

// Shared memory -> y, the largest of 3x3. A window's place outside the convolution is taken by one inside, of the same
// window.
template <StemTile T, class Element>
__device__ __forceinline__ void store_stem_pool(const StemParams& p, std::uint32_t tile,
                                                const StemPlace& place, char* y, bool stored) {
  constexpr StemTile::Sizes kSizes = StemTile::sizes(true);
  constexpr int kColumnThreads = T.chunks() * kSizes.y_columns;  // of a row of y
  constexpr int kParts = T.kThreads / kColumnThreads;
  constexpr int kRows = (kSizes.y_rows + kParts - 1) / kParts;  // of y, a thread
  const int chunk = static_cast<int>(threadIdx.x) % T.chunks();
  const int column = static_cast<int>(threadIdx.x) / T.chunks() % kSizes.y_columns;
  const int first = static_cast<int>(threadIdx.x) / kColumnThreads * kRows;
  const int low_row = -place.conv_row, high_row = p.p - 1 - place.conv_row;
  const int low_column = -place.conv_column, high_column = p.q - 1 - place.conv_column;
  int columns[T.kWindow];
#pragma unroll
  for (int s = 0; s < T.kWindow; ++s)
    columns[s] = min(max(column * T.kWindowStride + s, low_column), high_column);
  const auto largest_of_row = [&](std::uint32_t(&to)[4], int row) {
    const int begin = min(max(row, low_row), high_row) * kSizes.columns;
    ptx::load_shared_16(tile + stem_tile_offset<T>(begin + columns[0], chunk), to);
#pragma unroll
    for (int s = 1; s < T.kWindow; ++s) {
      std::uint32_t words[4];
      ptx::load_shared_16(tile + stem_tile_offset<T>(begin + columns[s], chunk), words);
#pragma unroll
      for (int i = 0; i < 4; ++i) to[i] = ptx::max_nan_pair<Element>(to[i], words[i]);
    }
  };
  if (place.column + column >= p.y_w) return;
  std::uint32_t above[4];
  if (first < kSizes.y_rows && place.row + first < p.y_h)
    largest_of_row(above, first * T.kWindowStride);
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int row = first + i;
    if (row >= kSizes.y_rows || place.row + row >= p.y_h) return;
    std::uint32_t middle[4], below[4];
    largest_of_row(middle, row * T.kWindowStride + 1);
    largest_of_row(below, row * T.kWindowStride + 2);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      middle[j] =
          ptx::max_nan_pair<Element>(ptx::max_nan_pair<Element>(above[j], middle[j]), below[j]);
      above[j] = below[j];
    }
    if (stored) {
      const int at = (row * p.y_w + column) * p.y_pitch;
      *reinterpret_cast<uint4*>(y + static_cast<std::int64_t>(at) * 2) = {middle[0], middle[1],
                                                                          middle[2], middle[3]};
    }
  }
}

template <class Tile, class Element>
__global__ void __launch_bounds__(StemTile::kThreads, Tile::value.min_ctas_per_sm)
    stem_sm80(const __grid_constant__ StemParams p) {
  constexpr StemTile T = Tile::value;
  extern __shared__ __align__(128) char shared[];
  const std::uint32_t weights = ptx::shared_address(shared);
  const std::uint32_t patch = weights + T.patch_begin() + T.kPatchMargin;
  const std::uint32_t tile = weights + T.tile_begin();

  const StemTile::Sizes sizes = StemTile::sizes(p.pool != 0);
  const int n_block = static_cast<int>(
      p.n_blocks.remainder(blockIdx.x, p.n_blocks.quotient(blockIdx.x)));  // of all its units
  copy_stem_weights<T, Element>(p, weights, n_block * T.block_n);

  const StemPatch<T, Element> pixels(p, patch, T.reach(sizes.rows), T.reach(sizes.columns));
  using Product = StemProduct<T, Element>;
  const Product product(patch, weights, sizes.rows * sizes.columns, p.columns);
  const int warp_row = static_cast<int>(threadIdx.x) / 32 * T.kWarpPixels;
  const Epilogue epilogue{p.scale, p.bias, p.activation};

  for (std::int64_t unit = blockIdx.x; unit < p.units; unit += gridDim.x) {
    const auto tile_number = p.n_blocks.quotient(static_cast<std::uint32_t>(unit));
    StemPlace place;
    const auto image = p.tiles.quotient(tile_number);
    const auto in_image = p.tiles.remainder(tile_number, image);
    const auto tile_row = p.tile_columns.quotient(in_image);
    place.image = static_cast<int>(image);
    place.row = static_cast<int>(tile_row) * sizes.y_rows;
    place.column = static_cast<int>(p.tile_columns.remainder(in_image, tile_row)) * sizes.y_columns;
    const int step = p.pool != 0 ? T.kWindowStride : 1;
    place.conv_row = place.row * step - p.pool_pad_top;
    place.conv_column = place.column * step - p.pool_pad_left;

    pixels.load(place.image, place.conv_row * T.kStride - p.pad_top,
                place.conv_column * T.kStride - p.pad_left);
    ptx::wait_async_copies<0>();
    __syncthreads();

    typename Product::Mma mma;
    product.multiply(mma);
    epilogue.apply(
        mma.sums,
        [&](const PairPlace& at) {
          const int channel = n_block * T.block_n + at.column();
          return epilogue.channels(channel, channel < p.k);
        },
        false, NoResidual(),
        [&](const PairPlace& at, float2 v) {
          const auto pair = Pair<Element>::pack(v);
          ptx::store_shared_4(tile + stem_tile_offset<T>(warp_row + at.row(), at.column_eight) +
                                  at.column_in_eight * 2,
                              reinterpret_cast<const std::uint32_t&>(pair));
        });
    __syncthreads();

    const int channel = n_block * T.block_n + static_cast<int>(threadIdx.x) % T.chunks() * 8;
    char* y =
        static_cast<char*>(p.y) +
        ((static_cast<std::int64_t>(place.image) * p.y_h + place.row) * p.y_w + place.column) *
            p.y_pitch * 2 +
        channel * 2;
    if (p.pool != 0) {
      store_stem_pool<T, Element>(p, tile, place, y, channel < p.k);
    } else {
      store_stem_pixels<T>(p, tile, place, y, channel < p.k);
    }
  }
}

}  // namespace foldconv
