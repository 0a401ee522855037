// SPDX-License-Identifier: MIT
// Runs of blocks with data, as plans and block by block.
#pragma once

#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "harness/oracle/rounding.hpp"
#include "kernels/support/block_cases.hpp"

namespace foldconv::kernel_tests {

class TestStage {
 public:
  TestStage(std::vector<BlockShape> shapes, DataType dtype) : dtype_(dtype) {
    for (const BlockShape& shape : shapes)
      tests_.emplace_back(shape, dtype, BlockDataOptions{.seed = tests_.size() + 1});
  }

  Stage create() const {
    std::vector<Block> blocks;
    for (const TestBlock& test : tests_) blocks.push_back(test.create());
    return value_of(Stage::create(std::move(blocks)));
  }
  BlockProblem problem() const { return tests_.front().problem(); }

  std::vector<std::byte> run(const BlockPlan& plan, Guards guards = Guards::shifted) const {
    return run_block(plan, dtype_, tests_.front().input(), guards);
  }
  // Block by block, each planned by itself as its chain.
  std::vector<std::byte> run_separately() const {
    std::vector<std::byte> y = tests_.front().input();
    for (const TestBlock& test : tests_)
      y = run_block(plan_cut(test.create(), test.problem(), BlockCut::chain), dtype_, y);
    for (const float value : oracle::decode(dtype_, y))
      if (!std::isfinite(value)) throw std::runtime_error("the test's data overflows");
    return y;
  }

 private:
  DataType dtype_;
  std::vector<TestBlock> tests_;
};

}  // namespace foldconv::kernel_tests
