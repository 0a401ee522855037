// SPDX-License-Identifier: MIT
// BatchNorm, add and activation as kernels of their own: the unfused baseline.
//
//   batch_norm: y = gamma * (x - mean) / sqrt(variance + eps) + beta      add: y = x + z activate:
//   y = act(x)
//
// fp32 arithmetic, one rounding at the store; y may be x or z. NHWC, 16-byte aligned, dense or with pitches. A
// thread moves 16 bytes at a time in a grid-stride loop; the last elements % (elements of 16 bytes) go one by one, and so
// do all where pixels are pitches apart and do not fill 16 bytes.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "stage/activation.cuh"
#include "stage/element.cuh"
#include "stage/piece.cuh"

namespace foldconv {

// Each operation maps a value x, with the element's channel and (for add) the second operand's
// value.
struct batch_norm {
  static constexpr bool kReadsZ = false;
  static constexpr bool kReadsChannel = true;
  static __device__ __forceinline__ float apply(const PointwiseParams& p, float x, float,
                                                int channel) {
    const float scale = p.gamma[channel] * rsqrtf(p.variance[channel] + p.eps);
    return fmaf(x - p.mean[channel], scale, p.beta[channel]);
  }
};
struct add {
  static constexpr bool kReadsZ = true;
  static constexpr bool kReadsChannel = false;
  static __device__ __forceinline__ float apply(const PointwiseParams&, float x, float z, int) {
    return x + z;
  }
};
struct activate {
  static constexpr bool kReadsZ = false;
  static constexpr bool kReadsChannel = false;
  static __device__ __forceinline__ float apply(const PointwiseParams& p, float x, float, int) {
    float y = 0.0f;
    with_activation(p.activation, [&](auto activation) { y = activation(x); });
    return y;
  }
};

// Where an element lies, given by its number in a dense tensor.
struct PointwisePlace {
  std::int64_t x, z, y;

  __device__ __forceinline__ PointwisePlace(const PointwiseParams& p, std::int64_t element)
      : x(element), z(element), y(element) {
    if (p.pitched == 0) return;
    std::int64_t pixel = element;
    const std::int64_t channel = take_digit(pixel, p.channels);
    x = pixel * p.x_pitch + channel;
    z = pixel * p.z_pitch + channel;
    y = pixel * p.y_pitch + channel;
  }
};

template <class Operation, class Element>
__global__ void __launch_bounds__(kPointwiseThreads)
    pointwise(const __grid_constant__ PointwiseParams p) {
  constexpr int kWidth = Chunk<Element>::kElements;
  const auto* x = static_cast<const Element*>(p.x);
  const auto* z = static_cast<const Element*>(p.z);
  auto* y = static_cast<Element*>(p.y);
  const std::int64_t thread =
      static_cast<std::int64_t>(blockIdx.x) * kPointwiseThreads + threadIdx.x;
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * kPointwiseThreads;
  const bool whole = p.pitched == 0 || p.c % kWidth == 0;  // no chunk reaches over a pixel's end
  const std::int64_t chunks = whole ? p.elements / kWidth : 0;

  for (std::int64_t i = thread; i < chunks; i += threads) {
    const PointwisePlace at(p, i * kWidth);
    const auto x_chunk = *reinterpret_cast<const Chunk<Element>*>(x + at.x);
    Chunk<Element> z_chunk = {};
    if constexpr (Operation::kReadsZ) z_chunk = *reinterpret_cast<const Chunk<Element>*>(z + at.z);
    Chunk<Element> y_chunk;
    int channel = Operation::kReadsChannel ? static_cast<int>(i * kWidth % p.c) : 0;
#pragma unroll
    for (int e = 0; e < kWidth; ++e) {
      y_chunk.values[e] = from_float<Element>(
          Operation::apply(p, to_float(x_chunk.values[e]), to_float(z_chunk.values[e]), channel));
      if (Operation::kReadsChannel && ++channel == p.c) channel = 0;
    }
    *reinterpret_cast<Chunk<Element>*>(y + at.y) = y_chunk;
  }
  for (std::int64_t i = chunks * kWidth + thread; i < p.elements; i += threads) {
    const PointwisePlace at(p, i);
    const float z_value = Operation::kReadsZ ? to_float(z[at.z]) : 0.0f;
    y[at.y] = from_float<Element>(
        Operation::apply(p, to_float(x[at.x]), z_value, static_cast<int>(i % p.c)));
  }
}

}  // namespace foldconv
