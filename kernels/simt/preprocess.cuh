// SPDX-License-Identifier: MIT
// Pixels as programs have them -> NHWC of a storage type.
//
//   y[n, h, w, c] = (x[n, h, w, c'] - mean[c]) * scale[c], in fp32, one rounding at the store; c' = c, or with `swap` channels
//   0 and 2 changed places
//
// x NCHW or NHWC of u8, f16 or f32, dense; both 16-byte aligned. A thread makes 16 bytes of y, whatever channels they are
// of; the last elements % (elements of 16 bytes) go one by one. Neighbouring threads read neighbours of each plane: DRAM
// sees x once.
#pragma once

#include "params/layer_params.hpp"
#include "stage/piece.cuh"

namespace foldconv {

__device__ __forceinline__ float pixel_value(const PreprocessParams& p, std::int64_t index) {
  switch (p.from) {
    case Storage::u8:
      return static_cast<float>(static_cast<const unsigned char*>(p.x)[index]);
    case Storage::f16:
      return to_float(static_cast<const element::f16*>(p.x)[index]);
    default:
      return static_cast<const float*>(p.x)[index];
  }
}

// Walks y in its order.
class PixelWalk {
 public:
  __device__ __forceinline__ PixelWalk(const PreprocessParams& p, std::int64_t element) : p_(p) {
    // Most tensors fit in 32 bits, and a division of 64 is many instructions.
    image_ = element >> 31 == 0 && p.image >> 31 == 0
                 ? static_cast<std::uint32_t>(element) / static_cast<std::uint32_t>(p.image)
                 : element / p.image;
    pixel_ = element - image_ * p.image;
    channel_ = static_cast<int>(take_digit(pixel_, p.channels));
  }
  // The value of y here; goes on to the next element.
  __device__ __forceinline__ float next() {
    const int c = static_cast<int>(p_.channels.divisor);
    const int from = p_.swap != 0 && channel_ < 3 ? 2 - channel_ : channel_;
    const std::int64_t at =
        image_ * p_.image + (p_.planes != 0 ? from * p_.plane + pixel_ : pixel_ * c + from);
    float value = pixel_value(p_, at);
    if (p_.normalise != 0) value = (value - p_.mean[channel_]) * p_.scale[channel_];
    if (++channel_ == c) {
      channel_ = 0;
      if (++pixel_ == p_.plane) {
        pixel_ = 0;
        ++image_;
      }
    }
    return value;
  }

 private:
  const PreprocessParams& p_;
  std::int64_t image_, pixel_;
  int channel_;
};

template <class Element>
__global__ void __launch_bounds__(kLayerThreads)
    preprocess(const __grid_constant__ PreprocessParams p) {
  constexpr int kWidth = kPieceWidth<Element>;
  auto* y = static_cast<Element*>(p.y);
  const std::int64_t pieces = p.units / kWidth;
  for_units_of_thread<kLayerThreads>(pieces, [&](std::int64_t piece) {
    PixelWalk walk(p, piece * kWidth);
    Values<kWidth> values;
#pragma unroll
    for (int e = 0; e < kWidth; ++e) values.at[e] = walk.next();
    store_piece<kWidth>(y + piece * kWidth, values);
  });
  for_units_of_thread<kLayerThreads>(p.units - pieces * kWidth, [&](std::int64_t i) {
    PixelWalk walk(p, pieces * kWidth + i);
    y[pieces * kWidth + i] = from_float<Element>(walk.next());
  });
}

}  // namespace foldconv
