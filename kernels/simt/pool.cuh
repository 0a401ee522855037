// SPDX-License-Identifier: MIT
// Max and average pooling by windows.
//
//   max_pool: y[n, p, q, c] = the largest x of the window, NaN if one is; -infinity where no tap is in the image
//   average_pool: y[n, p, q, c] = (sum of x over the window) / (taps that count), fp32 sums in the order of the taps, one
//   rounding at the store
//
// Taps outside the image are skipped. Those that count for the average are the ones in the image, or with count_padding
// also those in the padding, but not those that the rounding up of p and q adds behind it.
// NHWC, 16-byte aligned; pixels are pitches apart. A thread makes a piece of a pixel, channels fastest: 16 bytes where c
// permits, else one element. Neighbouring windows share what they read by way of the caches: DRAM sees x once.
#pragma once

#include "params/layer_params.hpp"
#include "ptx/min_max.cuh"
#include "stage/piece.cuh"

namespace foldconv {

// How windows are reduced: start, one more value, and the result from all and the taps that count.
struct Largest {
  static __device__ __forceinline__ float start() { return __int_as_float(0xff800000); }
  static __device__ __forceinline__ float add(float a, float b) { return ptx::max_nan(a, b); }
  static __device__ __forceinline__ float result(float all, float) { return all; }
};
struct Mean {
  static __device__ __forceinline__ float start() { return 0.0f; }
  static __device__ __forceinline__ float add(float a, float b) { return a + b; }
  static __device__ __forceinline__ float result(float all, float count) { return all / count; }
};

// Taps of a window from `first` on, `dilation` apart, that lie before `end`.
__device__ __forceinline__ int taps_before(int end, int first, int dilation, int window) {
  int count = 0;
  for (int tap = 0; tap < window && first + tap * dilation < end; ++tap) ++count;
  return count;
}

template <class Reduction, class Element, int kWidth>
__device__ __forceinline__ void pool_piece(const PoolParams& p, std::int64_t unit) {
  std::int64_t rest = unit;
  const auto channel = static_cast<int>(take_digit(rest, p.pieces)) * kWidth;
  const std::int64_t pixel = rest;
  const int left = static_cast<int>(take_digit(rest, p.columns)) * p.stride_w - p.pad_left;
  const int top = static_cast<int>(take_digit(rest, p.rows)) * p.stride_h - p.pad_top;
  const auto* image =
      static_cast<const Element*>(p.x) + rest * p.h * p.w * p.x_pitch + channel;  // rest: the image

  Values<kWidth> all;
#pragma unroll
  for (int e = 0; e < kWidth; ++e) all.at[e] = Reduction::start();
  int taps = 0;
  for (int r = 0; r < p.window_h; ++r) {
    const int row = top + r * p.dilation_h;
    if (row < 0 || row >= p.h) continue;
    for (int s = 0; s < p.window_w; ++s) {
      const int column = left + s * p.dilation_w;
      if (column < 0 || column >= p.w) continue;
      const Values<kWidth> x =
          load_piece<kWidth>(image + (static_cast<std::int64_t>(row) * p.w + column) * p.x_pitch);
#pragma unroll
      for (int e = 0; e < kWidth; ++e) all.at[e] = Reduction::add(all.at[e], x.at[e]);
      ++taps;
    }
  }
  if (p.count_padding != 0) {
    taps = taps_before(p.counted_h, top, p.dilation_h, p.window_h) *
           taps_before(p.counted_w, left, p.dilation_w, p.window_w);
  }
#pragma unroll
  for (int e = 0; e < kWidth; ++e)
    all.at[e] = Reduction::result(all.at[e], static_cast<float>(taps));
  store_piece<kWidth>(static_cast<Element*>(p.y) + pixel * p.y_pitch + channel, all);
}

template <class Reduction, class Element>
__device__ __forceinline__ void pool(const PoolParams& p) {
  with_width<Element>(p.vector, [&](auto width) {
    for_units_of_thread<kLayerThreads>(
        p.units, [&](std::int64_t unit) { pool_piece<Reduction, Element, width()>(p, unit); });
  });
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads) max_pool(const __grid_constant__ PoolParams p) {
  pool<Largest, Element>(p);
}

// With this many blocks of an SM in mind ptxas spills nothing; left to itself it aims at more for sm_90, and does.
template <class Element>
__global__ void __launch_bounds__(kLayerThreads, 4)
    average_pool(const __grid_constant__ PoolParams p) {
  pool<Mean, Element>(p);
}

}  // namespace foldconv
