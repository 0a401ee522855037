// SPDX-License-Identifier: MIT
// Direct convolution: one thread for each output element, no tensor cores, no shared memory.
//
//   y[n, p, q, k] = act(scale[k] * sum_K x * w + bias[k] + residual), fp32 fused multiply-adds in
//   the canonical order of K (tile/weight_layout.hpp), one rounding at the store. Positions outside
//   the image are skipped. A gated x is multiplied by its gate and rounded first.
//
// Takes everything: any size, stride, padding, dilation, groups, depthwise, every storage type,
// tensors past 2^31 elements. The last row of the selection table, the strict fp32 path, and
// without its epilogue the conv of the unfused baseline. Layouts: x NHWC, w packed [k][row],
// residual and y NPQK. Grid-stride loop over y, channels fastest: stores are coalesced, and the
// threads of a warp read the same x.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "stage/activation.cuh"
#include "stage/element.cuh"
#include "tile/weight_layout.hpp"

namespace foldconv {

template <class Element>
__device__ __forceinline__ float dot_product(const DirectParams& p, int image, int h, int w,
                                             int k) {
  const ConvGeometry& g = p.g;
  const WeightLayout layout{g.c_per_group, g.r * g.s};
  const auto* weights =
      static_cast<const Element*>(p.w) + static_cast<std::int64_t>(k) * layout.row();
  const int first_channel = k / g.k_per_group * g.c_per_group;
  float sum = 0.0f;
  for (int slice = 0; slice < g.c_per_group; slice += kSliceWidth) {
    const int width = min(kSliceWidth, g.c_per_group - slice);
    for (int r = 0; r < g.r; ++r) {
      const int row = h + r * g.dilation_h;
      if (row < 0 || row >= g.h) continue;
      for (int s = 0; s < g.s; ++s) {
        const int column = w + s * g.dilation_w;
        if (column < 0 || column >= g.w) continue;
        const auto* x =
            static_cast<const Element*>(p.x) +
            ((static_cast<std::int64_t>(image) * g.h + row) * g.w + column) * g.x_pitch +
            first_channel + slice;
        const auto* taps = weights + layout.index(r * g.s + s, slice);
        for (int c = 0; c < width; ++c) sum = fmaf(to_float(x[c]), to_float(taps[c]), sum);
      }
    }
  }
  return sum;
}

// Of a 1x1 at stride 1, whose x is multiplied by a gate for each image and channel, rounded once.
template <class Element>
__device__ __forceinline__ float gated_dot_product(const DirectParams& p, int image,
                                                   std::int64_t pixel, int k) {
  const ConvGeometry& g = p.g;
  const auto* x = static_cast<const Element*>(p.x) + pixel * g.x_pitch;
  const auto* gate = static_cast<const Element*>(p.gate) + static_cast<std::int64_t>(image) * g.c;
  const auto* weights =
      static_cast<const Element*>(p.w) + static_cast<std::int64_t>(k) * WeightLayout{g.c, 1}.row();
  float sum = 0.0f;
  for (int c = 0; c < g.c; ++c) {
    const auto gated = from_float<Element>(__fmul_rn(to_float(x[c]), to_float(gate[c])));
    sum = fmaf(to_float(gated), to_float(weights[c]), sum);
  }
  return sum;
}

template <class Element>
__global__ void __launch_bounds__(kDirectThreads)
    direct_conv(const __grid_constant__ DirectParams p) {
  const ConvGeometry& g = p.g;
  const std::int64_t pixels = static_cast<std::int64_t>(g.n) * g.p * g.q;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kDirectThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kDirectThreads + threadIdx.x;
       i < pixels * g.k; i += step) {
    const std::int64_t pixel = i / g.k;
    const int k = static_cast<int>(i % g.k);
    const int image = static_cast<int>(pixel / (static_cast<std::int64_t>(g.p) * g.q));
    const int output_row = static_cast<int>(pixel / g.q % g.p);
    const int output_column = static_cast<int>(pixel % g.q);
    const float sum = p.gate != nullptr
                          ? gated_dot_product<Element>(p, image, pixel, k)
                          : dot_product<Element>(p, image, output_row * g.stride_h - g.pad_top,
                                                 output_column * g.stride_w - g.pad_left, k);
    float v = fmaf(sum, p.scale[k], p.bias[k]);
    if (p.residual != nullptr)
      v += to_float(static_cast<const Element*>(p.residual)[pixel * g.residual_pitch + k]);
    with_activation(p.activation, [&](auto activation) {
      static_cast<Element*>(p.y)[pixel * g.y_pitch + k] = from_float<Element>(activation(v));
    });
  }
}

}  // namespace foldconv
