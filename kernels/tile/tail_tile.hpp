// SPDX-License-Identifier: MIT
// Tiles of the block-tail kernel (block_tail_sm80): one struct feeds kernel, launch and planner.
#pragma once

#include <cstdint>

#include "tile/halo_tile.hpp"

namespace foldconv {

// A CTA computes conv2's block_m pixels of every channel: of the middle tensor, which stays in shared
// memory; of y, kSliceWidth channels at a time ("round"); and of the next block's middle tensor.
struct TailTile {
  ConvTile conv2;  // block_n: the widest middle tensor it takes, this block's and the next one's

  // A stage holds a slice of conv2's pixels and weights; or a slice of the identity shortcut beside
  // the weights of conv3 for one round; or a slice of the next conv1's weights.
  FOLDCONV_HOST_DEVICE constexpr int slices_per_stage() const {
    return conv2.block_n / kSliceWidth;
  }
  // Whether threads have the registers to take conv2's taps from shared memory. Warps of 64 channels have not, nor those
  // of two CTAs an SM.
  FOLDCONV_HOST_DEVICE constexpr bool takes_halo() const {
    return conv2.warp_n() < 64 && conv2.min_ctas_per_sm == 1;
  }
  // A slice of channels of the CTA's pixels.
  FOLDCONV_HOST_DEVICE constexpr int slice_bytes() const { return conv2.block_m * kSliceBytes; }

  // Shared memory, in this order: the ring; a slice of y; the operand of conv3, which is the middle
  // tensor and, with a projection, x at the CTA's pixels (later the next block's middle tensor); the
  // address table. `operand_slices`: the larger of the two.
  FOLDCONV_HOST_DEVICE constexpr int y_begin() const { return conv2.stages * conv2.stage_bytes(); }
  FOLDCONV_HOST_DEVICE constexpr int operand_begin() const { return y_begin() + slice_bytes(); }
  FOLDCONV_HOST_DEVICE constexpr int table_begin(int operand_slices) const {
    return operand_begin() + operand_slices * slice_bytes();
  }
  // Where conv2's taps come from shared memory: a row of zeros and the pixels of a slice with their halo, and those of
  // the next slice, where y and the operand lie later. There is no address table.
  FOLDCONV_HOST_DEVICE constexpr int zeros_begin() const { return y_begin(); }
  FOLDCONV_HOST_DEVICE constexpr int pixels_begin() const { return zeros_begin() + kSliceBytes; }
  FOLDCONV_HOST_DEVICE constexpr bool halo_fits(std::int64_t reach, int conv2_slices,
                                                int operand_slices) const {
    const std::int64_t pixels = (conv2_slices > 1 ? 2 : 1) * HaloTile{conv2}.pixels_bytes(reach);
    return takes_halo() && pixels_begin() + pixels <= table_begin(operand_slices);
  }
  FOLDCONV_HOST_DEVICE constexpr std::int64_t shared_bytes(int operand_slices,
                                                           int table_entries) const {
    return operand_begin() + std::int64_t{operand_slices} * slice_bytes() + table_entries * 8;
  }
};

}  // namespace foldconv
