// SPDX-License-Identifier: MIT
#include "kernels/support/test_blocks.hpp"

#include <algorithm>
#include <cmath>

#include "harness/problem/data.hpp"
#include "harness/ways/library.hpp"

namespace foldconv::kernel_tests {

using harness::Bytes;

Bytes run_block(const BlockPlan& plan, DataType dtype, const Bytes& content, Guards guards) {
  const DeviceBuffer x(content, guards), y(harness::Images{dtype, plan.output()}.bytes(), guards),
      workspace(plan.workspace_bytes(), guards);
  harness::launch_of(plan, x, y, workspace)(nullptr);
  check(cudaDeviceSynchronize(), "run");
  EXPECT_EQ(x.download(), content) << "the input changed";
  return y.download();
}

TestBlocks::TestBlocks(const std::vector<BlockShape>& shapes, DataType dtype,
                       const BlockOptions& options) {
  problem_.blocks = true;
  for (const BlockShape& shape : shapes) {
    harness::Line line =
        harness::make_line(shape.block, {shape.n, shape.h, shape.w, shape.block.c});
    for (harness::LineConv& conv : line.convs) {
      conv.problem.activation = &conv == &line.convs.back() ? shape.last : shape.inner;
    }
    problem_.lines.push_back(std::move(line));
  }
  for (harness::LineConv* conv : problem_.convs()) conv->problem.dtype = dtype;
  harness::fill(problem_, {.conv_bias = true, .integers = options.integers}, false);
  blocks_ = harness::create_blocks(problem_, options.placement);
}

Result<BlockPlan> TestBlocks::plan(const BlockPlanOptions& options) const {
  return harness::plan_blocks(blocks_, problem_, options);
}

Bytes TestBlocks::run(const BlockPlan& plan, Guards guards) const {
  return run_block(plan, problem_.dtype(), input(), guards);
}

harness::ByHand TestBlocks::by_hand(Projection projection, bool judged,
                                    Instructions instructions) const {
  const std::vector<bool> joined(problem_.lines.size(), projection == Projection::joined);
  harness::ByHand hand = harness::by_hand(problem_, joined, judged, instructions);
  EXPECT_TRUE(std::ranges::all_of(hand.images.distinct_values(hand.checked.y), [](float value) {
    return std::isfinite(value);
  })) << "the test's data overflows";
  return hand;
}

}  // namespace foldconv::kernel_tests
