// SPDX-License-Identifier: MIT
// Tiles of the block-tail kernel (block_tail_sm80): one struct feeds kernel, launch and planner.
#pragma once

#include <cstdint>

#include "tile/conv_tile.hpp"

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
  FOLDCONV_HOST_DEVICE constexpr std::int64_t shared_bytes(int operand_slices,
                                                           int table_entries) const {
    return operand_begin() + std::int64_t{operand_slices} * slice_bytes() + table_entries * 8;
  }
};

}  // namespace foldconv
