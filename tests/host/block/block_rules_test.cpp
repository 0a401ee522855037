// SPDX-License-Identifier: MIT
// The rules of kernels of blocks, by shapes alone: no tensor is made.
#include "block/rules.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "foldconv/fold.hpp"
#include "tile/tiles.hpp"

namespace foldconv::host {
namespace {

// Stands for the weights that a rule does not look at.
Conv some_conv() {
  static const std::vector<float> weights(64, 1.0f);
  return *Conv::create(*fold({.values = weights, .k = 8, .c_per_group = 8}, std::nullopt));
}

BlockData bottleneck(int c, int middle, int k) {
  BlockData data = {
      DataType::f16, 0, {}, {}, Activation::relu, Activation::relu, {}, {}, {}, {}, {}};
  data.steps = {{"conv1", c, middle, 1, 1, 1},
                {"conv2", middle, middle, 3, 1, 1},
                {"conv3", middle, k, 1, 1, 1}};
  return data;
}
BlockData projection(int c, int middle, int k) {
  BlockData data = bottleneck(c, middle, k);
  data.downsample = BlockStep{"downsample", c, k, 1, 1, 1};
  data.joined = some_conv();
  return data;
}

constexpr Shape kPixel = {1, 1, 1, 0};
PlannedBlock at(const BlockData& data, Shape x, int index = 0) {
  x.c = data.c();
  return {&data, index, x};
}

bool says(const std::string& rule, const std::string& words) {
  return !rule.empty() && rule.find(words) != std::string::npos;
}

// y has 2^31 elements, x and what lies between a quarter of them.
TEST(BlockRules, YOf2To31ElementsWithASmallerX) {
  const BlockData wider = projection(64, 64, 256);
  const Shape most = {127, 256, 256, 0}, one_more = {128, 256, 256, 0};
  const std::string words = "128x256x256x256 has 2^31 elements";
  EXPECT_EQ(whole_rule(at(wider, most)), "");
  EXPECT_TRUE(says(whole_rule(at(wider, one_more)), words));
  EXPECT_EQ(tail_rule(at(wider, most), nullptr), "");
  EXPECT_TRUE(says(tail_rule(at(wider, one_more), nullptr), words));
  EXPECT_EQ(joined_rule(at(wider, most)), "");
  EXPECT_TRUE(says(joined_rule(at(wider, one_more)), words));
}

// Of a strided block y is smaller than x, which the projection reads.
TEST(BlockRules, XOf2To31ElementsWithASmallerY) {
  BlockData strided = projection(256, 64, 64);
  strided.steps[1].stride = strided.downsample->stride = 2;
  const Shape most = {127, 256, 256, 0}, one_more = {128, 256, 256, 0};
  EXPECT_EQ(joined_rule(at(strided, most)), "");
  EXPECT_TRUE(says(joined_rule(at(strided, one_more)), "128x256x256x256"));
  EXPECT_EQ(tail_rule(at(strided, most), nullptr), "");
  EXPECT_TRUE(says(tail_rule(at(strided, one_more), nullptr), "128x256x256x256"));
}

TEST(BlockRules, TheNextBlocksMiddleOf2To31Elements) {
  const BlockData block = bottleneck(64, 64, 64), next = bottleneck(64, 256, 64);
  const Shape most = {127, 256, 256, 0}, one_more = {128, 256, 256, 0};
  const PlannedBlock after = at(next, most, 1), after_more = at(next, one_more, 1);
  EXPECT_EQ(tail_rule(at(block, most), &after), "");
  EXPECT_TRUE(says(tail_rule(at(block, one_more), &after_more), "128x256x256x256"));
  EXPECT_EQ(tail_rule(at(block, one_more), nullptr), "");
}

// Packed weights: rows of whole slices of 64.
TEST(BlockRules, MatricesOf2To31Elements) {
  constexpr int kMost = (1 << 24) - 8, kTooMany = 1 << 24;
  // [w3 | wd]: two slices a row.
  const BlockData most = projection(64, 64, kMost), too_many = projection(64, 64, kTooMany);
  EXPECT_EQ(whole_rule(at(most, kPixel)), "");
  EXPECT_EQ(tail_rule(at(most, kPixel), nullptr), "");
  EXPECT_EQ(joined_rule(at(most, kPixel)), "");
  EXPECT_TRUE(says(whole_rule(at(too_many, kPixel)), "weights of conv3 have 2147483648"));
  EXPECT_TRUE(says(tail_rule(at(too_many, kPixel), nullptr), "weights of conv3 have 2147483648"));
  EXPECT_TRUE(says(joined_rule(at(too_many, kPixel)), "conv3 and downsample have 2147483648"));
  // The last slice counts in full.
  EXPECT_TRUE(says(joined_rule(at(projection(64, 8, kTooMany), kPixel)), "2147483648"));
  // w3 alone: one.
  EXPECT_EQ(tail_rule(at(bottleneck(64, 64, 2 * kMost), kPixel), nullptr), "");
  EXPECT_TRUE(says(tail_rule(at(bottleneck(64, 64, 2 * kTooMany), kPixel), nullptr), "conv3"));
  // conv1 of the whole kernel.
  EXPECT_EQ(whole_rule(at(bottleneck((1 << 25) - 64, 64, 64), kPixel)), "");
  EXPECT_TRUE(says(whole_rule(at(bottleneck(1 << 25, 64, 64), kPixel)), "conv1"));
  // The next block's conv1.
  const BlockData block = bottleneck(64, 64, kTooMany);
  const BlockData fits = bottleneck(kTooMany, 120, 64), next = bottleneck(kTooMany, 128, 64);
  const PlannedBlock after_fits = at(fits, kPixel, 1), after = at(next, kPixel, 1);
  EXPECT_EQ(tail_rule(at(block, kPixel), &after_fits), "");
  EXPECT_TRUE(says(tail_rule(at(block, kPixel), &after), "the next block's conv1 have 2147483648"));
}

// Any tile that is wide enough for this block's middle tensor and the next one's.
TEST(BlockRules, TilesOfTheTailKernelAreWideEnough) {
  const BlockData block = bottleneck(256, 64, 256), next = bottleneck(256, 128, 256);
  const Shape x = {1, 8, 8, 0};
  const PlannedBlock after = at(next, x, 1);
  EXPECT_EQ(tail_rule(tiles::k128x64_tail::value, at(block, x), nullptr), "");
  EXPECT_EQ(tail_rule(tiles::k64x256_tail::value, at(block, x), nullptr), "");
  EXPECT_TRUE(
      says(tail_rule(tiles::k128x64_tail::value, at(block, x), &after), "the widest is 128"));
  EXPECT_EQ(tail_rule(tiles::k128x128_tail::value, at(block, x), &after), "");
}

}  // namespace
}  // namespace foldconv::host
