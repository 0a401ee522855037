// SPDX-License-Identifier: MIT
// Where a warp of conv_halo_sm80 finds its operands in shared memory, tap by tap.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "stage/address_table.cuh"
#include "stage/sm80/mainloop.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "stage/swizzle.cuh"
#include "tile/halo_tile.hpp"

namespace foldconv {

// The validity mask of output pixel `m`; 0 past the last one.
__device__ __forceinline__ unsigned int window_mask(const ConvParams& p, int m) {
  if (m >= p.m) return 0;
  const int image = static_cast<int>(p.per_image.quotient(m));
  const int pixel = static_cast<int>(p.per_image.remainder(m, image));
  const int row = static_cast<int>(p.per_row.quotient(pixel));
  const int column = static_cast<int>(p.per_row.remainder(pixel, row));
  return validity_mask(p, row - p.g.pad_top, column - p.g.pad_left);
}

// A lane's row of x in the halo, and so its swizzle key, moves by the same distance from tap to tap as all others': the
// keys of eight neighbouring pixels stay eight different ones, and no tap has a bank conflict. Where the tap lies
// outside the pixel's image, the lane reads the chunk of its key in the row of zeros, in the same banks.
template <class Mma>
class HaloOperands {
 public:
  // Shared addresses: `zeros`, the row of zeros; `pixels`, the first slice's; the other buffer is
  // `pixels_bytes` behind. `weights`: where they begin in a stage. `m`: the warp's first pixel, counted from the CTA's
  // at `m_begin`; `n`: its first channel.
  __device__ __forceinline__ HaloOperands(const ConvParams& p, std::uint32_t zeros,
                                          std::uint32_t pixels, int pixels_bytes,
                                          std::uint32_t weights, int m_begin, int m, int n)
      : g_(p.g),
        zeros_(zeros),
        pixels_(pixels),
        other_pixels_(pixels + pixels_bytes),
        row_(m + Mma::x_row()),
        w_part_(weights + w_offset<Mma>(n)) {
#pragma unroll
    for (int i = 0; i < Mma::kXFragments; ++i) {
      missing_[i] = ~window_mask(p, m_begin + row_ + i * 16);
    }
    next();
  }

  // A k-step of a tap, whose weights lie in `stage`; in the order of K.
  __device__ __forceinline__ void load(typename Mma::Fragments& to, std::uint32_t stage,
                                       int k_step) {
    Mma::load(to, x_, stage + w_part_, k_step);
    // Before the next tap's weights have arrived, beside products.
    if (k_step == kStepsPerSlice - 1) next();
  }

 private:
  __device__ __forceinline__ void next() {
    const int row = row_ + r_ * g_.dilation_h * g_.w + s_ * g_.dilation_w;
    const unsigned int needs = mask_bits::row(r_) | mask_bits::column(s_);
    const std::uint32_t chunk = swizzled_chunk(row, Mma::x_chunk()) * 16;
    const std::uint32_t inside = pixels_ + row * kSliceBytes + chunk;
    const std::uint32_t outside = zeros_ + chunk;
#pragma unroll
    for (int i = 0; i < Mma::kXFragments; ++i) {
      x_[i] = (missing_[i] & needs) == 0 ? inside + i * 16 * kSliceBytes : outside;
    }
    if (++s_ < g_.s) return;
    s_ = 0;
    if (++r_ < g_.r) return;
    r_ = 0;
    const std::uint32_t read = pixels_;
    pixels_ = other_pixels_;
    other_pixels_ = read;
  }

  const ConvGeometry& g_;
  std::uint32_t zeros_, pixels_, other_pixels_;
  int row_;  // of the first tap, in the halo
  std::uint32_t w_part_;
  int r_ = 0, s_ = 0;
  unsigned int missing_[Mma::kXFragments];  // bits that the pixels' validity masks lack
  std::uint32_t x_[Mma::kXFragments];
};

}  // namespace foldconv
