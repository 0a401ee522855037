// SPDX-License-Identifier: MIT
// A scale and a shift for each channel, and an activation: a BatchNorm that no convolution takes.
//
//   y = act(scale[c] * x + shift[c]), one fp32 fused multiply-add, one rounding at the store
//
// x and y [pixels][c], 16-byte aligned; pixels are pitches apart; y may be x. A thread makes a piece of a pixel, channels
// fastest: 16 bytes where c permits and scale and shift are aligned, else one element.
#pragma once

#include "params/layer_params.hpp"
#include "simt/binary.cuh"
#include "stage/piece.cuh"

namespace foldconv {

// kCount fp32 values, by as few accesses as they take.
template <int kCount>
__device__ __forceinline__ Values<kCount> load_parameters(const float* from) {
  Values<kCount> values;
  if constexpr (kCount == 1) {
    values.at[0] = __ldg(from);
  } else {
#pragma unroll
    for (int e = 0; e < kCount; e += 4) {
      const float4 four = __ldg(reinterpret_cast<const float4*>(from + e));
      values.at[e] = four.x;
      values.at[e + 1] = four.y;
      values.at[e + 2] = four.z;
      values.at[e + 3] = four.w;
    }
  }
  return values;
}

template <class Element, int kWidth>
__device__ __forceinline__ void affine_piece(const AffineParams& p, std::int64_t unit) {
  std::int64_t pixel = unit;
  const std::int64_t channel = take_digit(pixel, p.pieces) * kWidth;
  const Values<kWidth> scale = load_parameters<kWidth>(p.scale + channel);
  const Values<kWidth> shift = load_parameters<kWidth>(p.shift + channel);
  Values<kWidth> y =
      load_piece<kWidth>(static_cast<const Element*>(p.x) + pixel * p.x_pitch + channel);
#pragma unroll
  for (int e = 0; e < kWidth; ++e) y.at[e] = fmaf(scale.at[e], y.at[e], shift.at[e]);
  activate_values(p.activation, y);
  store_piece<kWidth>(static_cast<Element*>(p.y) + pixel * p.y_pitch + channel, y);
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads) affine(const __grid_constant__ AffineParams p) {
  with_width<Element>(p.vector, [&](auto width) {
    for_units_of_thread<kLayerThreads>(
        p.units, [&](std::int64_t unit) { affine_piece<Element, width()>(p, unit); });
  });
}

}  // namespace foldconv
