// SPDX-License-Identifier: MIT
// Small blocks to be broken, and what a refusal must say.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "foldconv/block.hpp"

namespace foldconv::test {

// Weights of ones in a small bottleneck, 64 -> 64 -> 64 -> 64, to be broken by tests.
struct SmallBlocks {
  std::vector<float> ones = std::vector<float>(256 * 64 * 9, 1.0f / 64);

  BlockLayer layer(int k, int c, int r) const {
    return {{.values = std::span(ones).first(static_cast<std::size_t>(k * c * r * r)),
             .k = k,
             .c_per_group = c,
             .r = r,
             .s = r}};
  }
  BottleneckWeights bottleneck() const {
    BottleneckWeights weights;
    weights.conv1 = layer(64, 64, 1);
    weights.conv2 = layer(64, 64, 3);
    weights.conv3 = layer(64, 64, 1);
    return weights;
  }
  BasicBlockWeights basic() const {
    BasicBlockWeights weights;
    weights.conv1 = layer(64, 64, 3);
    weights.conv2 = layer(64, 64, 3);
    return weights;
  }
};

inline void expect_refused(const Status& status, ErrorCode code, const std::string& words) {
  EXPECT_EQ(status.code(), code);
  EXPECT_NE(status.message().find(words), std::string::npos) << status.message();
}

}  // namespace foldconv::test
