// SPDX-License-Identifier: MIT
// Pooling of the whole map.
//
//   global_max_pool: y[n, c] = the largest x[n, :, c], NaN if one is
//   global_average_pool: y[n, c] = (sum of x[n, :, c]) / pixels, one rounding at the store
//
// x [n][pixels][c], dense, 16-byte aligned. A CTA takes a group of an image's channels: lanes of a piece each (16 bytes
// where c permits, else one element), times rows that take every rows-th pixel, each in the order of the pixels. The rows'
// results meet in shared memory, as a tree. So the order of a sum depends on pixels and c alone.
// Shared memory: [elements of a piece][threads] fp32, at most 8 KiB.
#pragma once

#include "params/layer_params.hpp"
#include "simt/pool.cuh"
#include "stage/piece.cuh"

namespace foldconv {

template <class Reduction, class Element, int kWidth>
__device__ __forceinline__ void global_pool_group(const GlobalPoolParams& p, std::int64_t unit,
                                                  float (*partial)[kLayerThreads]) {
  const int thread = static_cast<int>(threadIdx.x);
  const int lanes = 1 << p.lane_bits, rows = kLayerThreads >> p.lane_bits;
  const int lane = thread & (lanes - 1), row = thread >> p.lane_bits;
  std::int64_t image = unit;
  const auto group = static_cast<int>(take_digit(image, p.groups));
  const std::int64_t channel = (static_cast<std::int64_t>(group) * lanes + lane) * kWidth;
  const bool valid = channel < p.c;
  const auto* x = static_cast<const Element*>(p.x) + image * p.pixels * p.c + channel;

  Values<kWidth> all;
#pragma unroll
  for (int e = 0; e < kWidth; ++e) all.at[e] = Reduction::start();
  if (valid) {
#pragma unroll 4
    for (int pixel = row; pixel < p.pixels; pixel += rows) {
      const Values<kWidth> more = load_piece<kWidth>(x + static_cast<std::int64_t>(pixel) * p.c);
#pragma unroll
      for (int e = 0; e < kWidth; ++e) all.at[e] = Reduction::add(all.at[e], more.at[e]);
    }
  }

  for (int e = 0; e < kWidth; ++e) partial[e][thread] = all.at[e];
  for (int half = rows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (row >= half) continue;
#pragma unroll
    for (int e = 0; e < kWidth; ++e) {
      all.at[e] = Reduction::add(all.at[e], partial[e][thread + half * lanes]);
      partial[e][thread] = all.at[e];
    }
  }
  if (row == 0 && valid) {
#pragma unroll
    for (int e = 0; e < kWidth; ++e)
      all.at[e] = Reduction::result(all.at[e], static_cast<float>(p.pixels));
    store_piece<kWidth>(static_cast<Element*>(p.y) + image * p.c + channel, all);
  }
  __syncthreads();  // the next group writes where this one is read
}

template <class Reduction, class Element>
__device__ __forceinline__ void global_pool(const GlobalPoolParams& p) {
  __shared__ float partial[kPieceWidth<Element>][kLayerThreads];
  with_width<Element>(p.vector, [&](auto width) {
    for (std::int64_t unit = blockIdx.x; unit < p.units; unit += gridDim.x)
      global_pool_group<Reduction, Element, width()>(p, unit, partial);
  });
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads)
    global_max_pool(const __grid_constant__ GlobalPoolParams p) {
  global_pool<Largest, Element>(p);
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads)
    global_average_pool(const __grid_constant__ GlobalPoolParams p) {
  global_pool<Mean, Element>(p);
}

}  // namespace foldconv
