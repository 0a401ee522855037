// SPDX-License-Identifier: MIT
// Blocks as test parameters, and what all tests of blocks do with them.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/support/test_block.hpp"

namespace foldconv::kernel_tests {

struct BlockCase {
  BlockShape shape;
  DataType dtype;
};
inline std::ostream& operator<<(std::ostream& out, const BlockCase& c) {
  return out << c.shape.name << '_' << to_string(c.dtype);
}
inline constexpr auto kBlockName = [](const auto& info) {
  return std::string(info.param.shape.name) + '_' + to_string(info.param.dtype);
};

inline std::vector<BlockCase> both_dtypes(std::initializer_list<BlockShape> shapes) {
  std::vector<BlockCase> cases;
  for (const BlockShape& shape : shapes) {
    for (const DataType dtype : {DataType::f16, DataType::bf16}) cases.push_back({shape, dtype});
  }
  return cases;
}

// The same block with a projection.
inline BlockShape with_downsample(BlockShape shape, int stride = 1, StrideAt at = StrideAt::conv2) {
  shape.downsample = true;
  shape.stride = stride;
  shape.stride_at = at;
  return shape;
}

// Throws std::runtime_error where the cut is refused.
template <class BlockOrStage>
BlockPlan plan_cut(const BlockOrStage& block, const BlockProblem& problem, BlockCut cut) {
  return value_of(block.plan(problem, {.cut = cut}));
}

}  // namespace foldconv::kernel_tests
