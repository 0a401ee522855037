// SPDX-License-Identifier: MIT
// Sum or product of two tensors, with broadcasts, and an activation.
//
//   y = act(x + z) or act(x * z), in fp32, one rounding at the store
//
// All by strides in elements (of x and z 0: broadcast), up to kMostAxes extents, which the host has joined where it
// could. 16-byte aligned. A thread makes a piece of y: 16 bytes where the innermost extent and all strides permit, else one
// element. y may be x or z where that one lies as y does.
#pragma once

#include "params/layer_params.hpp"
#include "stage/activation.cuh"
#include "stage/piece.cuh"

namespace foldconv {

// A piece, or one element for all of it.
template <int kWidth, class Element>
__device__ __forceinline__ Values<kWidth> load_spread(const Element* from, int spread) {
  if (spread == 0) return load_piece<kWidth>(from);
  Values<kWidth> values;
  const float value = to_float(*from);
#pragma unroll
  for (int e = 0; e < kWidth; ++e) values.at[e] = value;
  return values;
}

// values = act(values), the branch taken once.
template <int kWidth>
__device__ __forceinline__ void activate_values(const ActivationParams& params,
                                                Values<kWidth>& values) {
  with_activation(params, [&](auto activation) {
#pragma unroll
    for (int e = 0; e < kWidth; ++e) values.at[e] = activation(values.at[e]);
  });
}

template <class Element, int kWidth>
__device__ __forceinline__ void binary_piece(const BinaryParams& p, std::int64_t unit) {
  std::int64_t rest = unit, x_index = 0, z_index = 0, y_index = 0;
  for (int axis = 0; axis < p.axis_count; ++axis) {
    const std::int64_t i = take_digit(rest, p.axes[axis].extent);
    x_index += i * p.axes[axis].x_stride;
    z_index += i * p.axes[axis].z_stride;
    y_index += i * p.axes[axis].y_stride;
  }
  Values<kWidth> y = load_spread<kWidth>(static_cast<const Element*>(p.x) + x_index, p.x_spread);
  const Values<kWidth> z =
      load_spread<kWidth>(static_cast<const Element*>(p.z) + z_index, p.z_spread);
#pragma unroll
  for (int e = 0; e < kWidth; ++e)
    y.at[e] = p.multiply != 0 ? y.at[e] * z.at[e] : y.at[e] + z.at[e];
  activate_values(p.activation, y);
  store_piece<kWidth>(static_cast<Element*>(p.y) + y_index, y);
}

template <class Element>
__global__ void __launch_bounds__(kLayerThreads) binary(const __grid_constant__ BinaryParams p) {
  with_width<Element>(p.vector, [&](auto width) {
    for_units_of_thread<kLayerThreads>(
        p.units, [&](std::int64_t unit) { binary_piece<Element, width()>(p, unit); });
  });
}

}  // namespace foldconv
