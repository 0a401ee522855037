// SPDX-License-Identifier: MIT
// Blocks with data, as plans and as single convolutions wired by hand.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "foldconv/foldconv.hpp"
#include "harness/problem/problem.hpp"
#include "harness/ways/by_hand.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv::kernel_tests {

struct BlockShape {
  const char* name;
  int n, h, w;                // of x
  harness::BlockShape block;  // c, middle, k, ...
  Activation inner = Activation::relu, last = Activation::relu;
};

// The same block with a projection.
inline BlockShape with_downsample(BlockShape shape, int stride = 1, StrideAt at = StrideAt::conv2) {
  shape.block.projection = true;
  shape.block.stride = stride;
  shape.block.stride_at = at;
  return shape;
}

// y of a plan: poisoned before, guard bands and x checked after. Throws Error if it does not run.
harness::Bytes run_block(const BlockPlan& plan, DataType dtype, const harness::Bytes& x,
                         Guards guards = Guards::shifted);

// How the reference sums a projection shortcut.
enum class Projection {
  joined,   // [t2 | x] . [w3 ; wd] as one longer K: a 1x1 of the two tensors set side by side
  rounded,  // a convolution of its own, rounded, then added
};

struct BlockOptions {
  bool integers = false;  // every intermediate is exact, whatever the order of the sums
  ScalePlacement placement = FoldOptions().placement;
};

// A block, or several, each reading what the one before it wrote. All throw Error.
class TestBlocks {
 public:
  TestBlocks(const std::vector<BlockShape>& shapes, DataType dtype,
             const BlockOptions& options = {});
  TestBlocks(const BlockShape& shape, DataType dtype, const BlockOptions& options = {})
      : TestBlocks(std::vector{shape}, dtype, options) {}

  const std::vector<Block>& blocks() const { return blocks_; }
  harness::Bytes input() const { return problem_.input().encode(problem_.x); }
  // Of the block, or of the stage.
  Result<BlockPlan> plan(const BlockPlanOptions& options) const;
  BlockPlan plan(BlockCut cut) const { return value_of(plan({.cut = cut})); }

  harness::Bytes run(const BlockPlan& plan, Guards guards = Guards::shifted) const;
  harness::Bytes run(BlockCut cut) const { return run(plan(cut)); }

  // Single convolutions, each planned and run by itself, and judged if asked for. y is finite.
  harness::ByHand by_hand(Projection projection = Projection::joined, bool judged = false,
                          Instructions instructions = Instructions::automatic) const;
  harness::Bytes run_by_hand(Projection projection = Projection::joined) const {
    return by_hand(projection).checked.y;
  }

 private:
  harness::Problem problem_;
  std::vector<Block> blocks_;
};

}  // namespace foldconv::kernel_tests
