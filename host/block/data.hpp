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
  const char* name;  // as in a PyTorch state dict: "conv1", "downsample"
  int c, k, r;       // r x r taps, padded by r / 2
  int stride, groups;
  std::optional<Conv> conv = {};  // absent where every kernel reads BlockData::joined instead
};

// conv1 and conv2 with the middle tensor filled up to kSliceWidth channels by zero weights.
struct WidenedMiddle {
  Conv conv1, conv2;
};

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

  bool bottleneck() const { return steps.size() == 3; }
  int c() const { return steps.front().c; }
  int k() const { return steps.back().k; }
};

struct BlockPlan::Data {
  std::vector<Block> blocks;  // keeps the weights
  DataType dtype;
  Shape input, output;
  int device;
  host::BlockWorkspace workspace;
  std::vector<host::BlockLaunch> launches;
  BlockExplanation explanation;
  std::string trace_name;
};

}  // namespace foldconv
