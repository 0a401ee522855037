// SPDX-License-Identifier: MIT
// What blocks keep on the device.
#include <gtest/gtest.h>

#include <vector>

#include "cuemu.h"
#include "foldconv/block.hpp"

namespace foldconv {
namespace {

std::uint64_t live_bytes() {
  cuemu_live live = {};
  cuemu_read_live(&live);
  return live.bytes;
}

// He et al., "Deep Residual Learning for Image Recognition", table 1, 50 layers: 16-bit weights, and a
// scale and a bias in fp32 for each output channel; conv3 and a projection share one.
TEST(BlockMemory, OfResNet50IsItsWeightsAndNothingElse) {
  if (!cuemu_present()) GTEST_SKIP() << "live memory needs the emulator";
  const std::vector<float> values(512 * 512 * 9, 1.0f / 512);
  const auto layer = [&](int k, int c, int r) {
    return BlockLayer{{.values = std::span(values).first(std::size_t(k) * std::size_t(c * r * r)),
                       .k = k,
                       .c_per_group = c,
                       .r = r,
                       .s = r}};
  };
  const std::uint64_t before = live_bytes();
  std::uint64_t weights = 0, vectors = 0;
  std::vector<Block> blocks;
  int c = 64;
  constexpr int kBlocks[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    const int middle = 64 << stage, k = 4 * middle;
    for (int i = 0; i < kBlocks[stage]; ++i, c = k) {
      BottleneckWeights block = {.conv1 = layer(middle, c, 1),
                                 .conv2 = layer(middle, middle, 3),
                                 .conv3 = layer(k, middle, 1)};
      weights += 2ull * unsigned(middle * c + 9 * middle * middle + k * middle);
      vectors += 2ull * 4 * unsigned(middle + middle + k);
      if (i == 0) {
        block.downsample = layer(k, c, 1);
        block.stride = stage == 0 ? 1 : 2;
        weights += 2ull * unsigned(k * c);
      }
      const auto created = Block::create(block);
      ASSERT_TRUE(created.ok()) << created.status().message();
      blocks.push_back(*created);
    }
  }
  EXPECT_EQ(blocks.size(), 16u);
  EXPECT_EQ(live_bytes() - before, weights + vectors);
  EXPECT_EQ(weights, 46'891'008u);
  blocks.clear();
  EXPECT_EQ(live_bytes(), before);
}

}  // namespace
}  // namespace foldconv
