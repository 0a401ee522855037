// SPDX-License-Identifier: MIT
// Local response normalisation: each value by those of the channels beside it.
//
//   y[c] = x[c] / (bias + factor * sum of x[i]^2 for i from c - before to c + behind, as far as they are channels)^beta
//
// in fp32, squares in the order of channels, one rounding at the store. x and y NHWC, 16-byte aligned, by pitches. A thread
// makes an element: lanes are neighbouring channels, so what a window reads beside its own comes from L1; DRAM sees x and y
// once, 4 bytes an element of 16 bits: 5 loads and a powf for a window of 5 stay below that. No shared memory. 31 registers
// on sm_80, 32 on sm_90, no spills.
#pragma once

#include "params/layer_params.hpp"
#include "stage/piece.cuh"

namespace foldconv {

template <class Element>
__global__ void __launch_bounds__(kLayerThreads) lrn(const __grid_constant__ LrnParams p) {
  for_units_of_thread<kLayerThreads>(p.units, [&](std::int64_t unit) {
    std::int64_t pixel = unit;
    const int channel = static_cast<int>(take_digit(pixel, p.channels));
    const auto* x = static_cast<const Element*>(p.x) + pixel * p.x_pitch;
    const int begin = max(channel - p.before, 0), end = min(channel + p.behind + 1, p.c);
    float sum = 0.0f;
    for (int i = begin; i < end; ++i) {
      const float value = to_float(x[i]);
      sum = fmaf(value, value, sum);
    }
    const float scale = powf(fmaf(p.factor, sum, p.bias), p.beta);
    static_cast<Element*>(p.y)[pixel * p.y_pitch + channel] =
        from_float<Element>(to_float(x[channel]) / scale);
  });
}

}  // namespace foldconv
