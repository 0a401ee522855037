// SPDX-License-Identifier: MIT
// What a Block and a BlockPlan hold.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/device.hpp"
#include "base/internals.hpp"
#include "block/launches.hpp"
#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"

namespace foldconv {

namespace host {

using BlockData = DataOf<Block>;
using BlockPlanData = DataOf<BlockPlan>;

// A convolution of a block.
struct BlockStep {
  const char*
      name;  // as in a PyTorch state dict: "conv1", "downsample"; "expand", "depthwise", "project"
  int c, k, r;  // r x r taps
  int stride, groups;
  std::optional<Conv> conv = {};  // absent where every kernel reads BlockData::joined instead
  Padding pad = Padding::same(r / 2);
};

// conv1 and conv2 with the middle tensor filled up to kSliceWidth channels by zero weights.
struct WidenedMiddle {
  Conv conv1, conv2;
};

// Errors: invalid_argument: weights of the block are no longer on the device.
Status check_weights(const Block& block);

}  // namespace host

struct Block::Data {
  DataType dtype;
  int device;
  host::DeviceFigures figures;  // of the device
  DeviceSpeed speed;
  Activation inner, last;
  std::vector<host::BlockStep> steps;  // in order, without the shortcut
  std::optional<host::BlockStep> downsample;
  // A bottleneck's last 1x1 and its downsample as one matrix [w3 | wd], each filled up to whole
  // slices: every kernel that sums them sums this, so that all cuts give the same bits.
  std::optional<Conv> joined;
  BlockShortcut shortcut;
  std::optional<host::WidenedMiddle> widened;  // where the whole kernel reads it
  bool inverted = false;                       // its last two steps: a depthwise, and a 1x1
  bool residual = true;                        // x, or the downsample of it, is added

  bool bottleneck() const { return !inverted && steps.size() == 3; }
  bool expands() const { return inverted && steps.size() == 3; }
  const host::BlockStep& depthwise() const {
    return steps[steps.size() - 2];
  }  // of an inverted one
  int c() const { return steps.front().c; }
  int k() const { return steps.back().k; }
};

struct BlockPlan::Data {
  std::vector<Block> blocks;  // keeps the weights
  DataType dtype;
  Shape input, output;
  BlockPitches pitch;
  int device;
  host::BlockWorkspace workspace;
  std::vector<host::BlockLaunch> launches;
  BlockExplanation explanation;
  std::string trace_name;
};

}  // namespace foldconv
