// SPDX-License-Identifier: MIT
// Tiles of the convolution whose taps come from shared memory (conv_halo_sm80): one struct feeds kernel, launch and
// rules.
#pragma once

#include <cstdint>

#include "tile/conv_tile.hpp"

namespace foldconv {

// At stride 1, with as many output rows and columns as x has, a tap moves an output pixel by the same distance in the
// flattened n, h, w, whichever pixel it is. So the windows of block_m neighbouring output pixels lie in block_m +
// reach neighbouring pixels of x: the halo. Its rows of x's width are not padded; what a window has outside its image
// is masked.
struct HaloTile {
  ConvTile conv;

  // Pixels from the first tap's to the last one's; `row`: x's width.
  FOLDCONV_HOST_DEVICE static constexpr std::int64_t reach(int r, int s, int dilation_h,
                                                           int dilation_w, int row) {
    return (std::int64_t{r} - 1) * dilation_h * row + (std::int64_t{s} - 1) * dilation_w;
  }
  // The next slice's pixels arrive while this one's taps are multiplied, in as many steps; the first
  // stages of its weights are on their way by then.
  FOLDCONV_HOST_DEVICE constexpr int fewest_taps() const { return conv.stages - 1; }

  // Shared memory, in this order: the ring, a stage being one tap of the weights; a row of zeros;
  // the pixels of a slice with their halo, and those of the next one, if there is one.
  FOLDCONV_HOST_DEVICE constexpr int stage_bytes() const { return conv.block_n * kSliceBytes; }
  FOLDCONV_HOST_DEVICE constexpr int zeros_begin() const { return conv.stages * stage_bytes(); }
  FOLDCONV_HOST_DEVICE constexpr int pixels_begin() const { return zeros_begin() + kSliceBytes; }
  FOLDCONV_HOST_DEVICE constexpr std::int64_t pixels_bytes(std::int64_t reach) const {
    return (conv.block_m + reach) * kSliceBytes;
  }
  FOLDCONV_HOST_DEVICE constexpr std::int64_t shared_bytes(std::int64_t reach, int slices) const {
    return pixels_begin() + (slices > 1 ? 2 : 1) * pixels_bytes(reach);
  }
};

}  // namespace foldconv
