// SPDX-License-Identifier: MIT
// Pooling of the whole map.
//
//   global_max_pool: y[n, c] = the largest x[n, :, c], NaN if one is
//   global_average_pool: y[n, c] = (sum of x[n, :, c]) / pixels, in the order of tile/mean_order.hpp, one rounding at the
//   store
//
// x [n][pixels][c], 16-byte aligned; pixels, and those of y, are pitches apart. A CTA takes a group of an image's channels:
// lanes of a piece each (16 bytes where c permits, else one element), times rows that take a column of a tile of the map
// each, its eight pixels loaded before the first is added. A pass of the CTA is as many columns as it has rows, whole tiles of them: 4 where pieces are
// 16 bytes. The columns meet in shared memory, a warp for each element of a piece, whose lanes are a tile and a lane each;
// they hand their sums on tile by tile. x is read once; of maps up to 8x8 a CTA has loads for 8 of its 32 rows alone.
// Registers: 84 to 96 (sm_80), 88 to 128 (sm_90, bf16), none spilled: two CTAs an SM.
// Shared memory: [elements of a piece][threads, a gap of lanes behind each tile] fp32, at most 9 KiB; no bank conflict.
#pragma once

#include <type_traits>

#include "params/layer_params.hpp"
#include "simt/pool.cuh"
#include "stage/piece.cuh"
#include "tile/mean_order.hpp"

namespace foldconv {

// Threads, and the gaps: lanes * tiles of a pass = 32.
inline constexpr int kGlobalPoolSlots = kLayerThreads + kLayerThreads / kMeanTile;

// A column of a tile of the map, from top to bottom. All of its pixels are on their way before the first is added.
template <class Reduction, class Element, int kWidth>
__device__ __forceinline__ Values<kWidth> column_of_tile(const GlobalPoolParams& p,
                                                         const Element* image, int tile,
                                                         int column) {
  int rows = 0;  // of the column in the map
  const Element* x = image;
  if (tile < p.tiles) {
    const int tile_row = static_cast<int>(p.tile_columns.quotient(tile));
    const int tile_column = static_cast<int>(p.tile_columns.remainder(tile, tile_row));
    const int h = tile_row * kMeanTile, w = tile_column * kMeanTile;
    if (column < p.w - w) rows = p.h - h;
    x += (static_cast<std::int64_t>(h) * p.w + w + column) * p.x_pitch;
  }
  const std::int64_t row_step = static_cast<std::int64_t>(p.w) * p.x_pitch;
  Piece<Element, kWidth> pixels[kMeanTile];  // not yet fp32: half the registers
  Values<kWidth> all;
#pragma unroll
  for (int row = 0; row < kMeanTile; ++row) {
    if (row < rows)
      pixels[row] = *reinterpret_cast<const Piece<Element, kWidth>*>(x + row * row_step);
  }
#pragma unroll
  for (int e = 0; e < kWidth; ++e) all.at[e] = Reduction::start();
#pragma unroll
  for (int row = 0; row < kMeanTile; ++row) {
    if (row >= rows) continue;
#pragma unroll
    for (int e = 0; e < kWidth; ++e)
      all.at[e] = Reduction::add(all.at[e], to_float(pixels[row].values[e]));
  }
  return all;
}

template <class Reduction, class Element, int kWidth>
__device__ __forceinline__ void global_pool_group(const GlobalPoolParams& p, std::int64_t unit,
                                                  float (*partial)[kGlobalPoolSlots]) {
  const int thread = static_cast<int>(threadIdx.x), in_warp = thread % 32;
  const int lanes = 1 << p.lane_bits, rows = kLayerThreads >> p.lane_bits;
  const int lane = thread & (lanes - 1), row = thread >> p.lane_bits;
  const int tiles_a_pass = rows / kMeanTile;
  std::int64_t image = unit;
  const auto group = static_cast<int>(take_digit(image, p.groups));
  const std::int64_t first_channel = static_cast<std::int64_t>(group) * lanes * kWidth;
  const std::int64_t channel = first_channel + lane * kWidth;
  const auto* x = static_cast<const Element*>(p.x) +
                  image * static_cast<std::int64_t>(p.pixels) * p.x_pitch + channel;
  // Of the element `thread / 32` of the pieces: this lane of a warp has a tile of the pass, and a lane of the CTA.
  const int own_lane = in_warp & (lanes - 1), own_tile = in_warp >> p.lane_bits;
  const int slot = own_tile * (kMeanTile * lanes + lanes) + own_lane;
  float sum = Reduction::start();

  for (int first = 0; first < p.tiles; first += tiles_a_pass) {
    const int tile = channel < p.c ? first + row / kMeanTile : p.tiles;
    const Values<kWidth> own =
        column_of_tile<Reduction, Element, kWidth>(p, x, tile, row % kMeanTile);
    if (first > 0) __syncthreads();  // the pass before is read
#pragma unroll
    for (int e = 0; e < kWidth; ++e) partial[e][thread + row / kMeanTile * lanes] = own.at[e];
    __syncthreads();
    if (thread / 32 >= kWidth) continue;
    float tile_sum = Reduction::start();
#pragma unroll
    for (int j = 0; j < kMeanTile; ++j)
      tile_sum = Reduction::add(tile_sum, partial[thread / 32][slot + j * lanes]);
    for (int tile = 0; tile < tiles_a_pass; ++tile)
      sum = Reduction::add(sum, __shfl_sync(~0u, tile_sum, tile * lanes + own_lane));
  }

  // Back to pieces, over what all have read.
  auto* results = reinterpret_cast<Element*>(&partial[0][0]);
  __syncthreads();
  if (thread / 32 < kWidth && own_tile == 0) {
    results[own_lane * kWidth + thread / 32] =
        from_float<Element>(Reduction::result(sum, static_cast<float>(p.pixels)));
  }
  __syncthreads();
  if (row == 0 && channel < p.c) {
    using Whole = std::conditional_t<kWidth == 1, Element, uint4>;
    *reinterpret_cast<Whole*>(static_cast<Element*>(p.y) + image * p.y_pitch + channel) =
        reinterpret_cast<const Whole*>(results)[lane];
  }
  __syncthreads();  // the next group writes where this one is read
}

template <class Reduction, class Element>
__device__ __forceinline__ void global_pool(const GlobalPoolParams& p) {
  __shared__ __align__(16) float partial[kPieceWidth<Element>][kGlobalPoolSlots];
  with_width<Element>(p.vector, [&](auto width) {
    for (std::int64_t unit = blockIdx.x; unit < p.units; unit += gridDim.x)
      global_pool_group<Reduction, Element, width()>(p, unit, partial);
  });
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads, 2)
    global_max_pool(const __grid_constant__ GlobalPoolParams p) {
  global_pool<Largest, Element>(p);
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads, 2)
    global_average_pool(const __grid_constant__ GlobalPoolParams p) {
  global_pool<Mean, Element>(p);
}

}  // namespace foldconv
