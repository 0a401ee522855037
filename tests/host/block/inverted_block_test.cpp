// SPDX-License-Identifier: MIT
// Inverted blocks: wired wrongly, at sizes that their padding makes, and cut.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "block/rules.hpp"
#include "foldconv/block.hpp"
#include "host/small_blocks.hpp"

namespace foldconv {
namespace {

using host::BlockData;
using host::inverted_rule;
using host::tail_rule;
using host::whole_rule;
using test::expect_refused;
using test::SmallBlocks;

constexpr ErrorCode kInvalid = ErrorCode::invalid_argument;

// 16 -> 48 -> 16 by a 3x3.
InvertedBlockWeights inverted(const SmallBlocks& blocks, int r = 3) {
  InvertedBlockWeights weights{.depthwise = blocks.layer(48, 1, r),
                               .project = blocks.layer(16, 48, 1)};
  weights.expand = blocks.layer(48, 16, 1);
  return weights;
}

TEST(InvertedBlockWiring, TheDepthwiseHasAChannelAGroupAndASquareFilter) {
  const SmallBlocks blocks;
  auto weights = inverted(blocks);
  weights.depthwise.conv.c_per_group = 2;
  expect_refused(Block::create(weights).status(), kInvalid, "c_per_group = 2");
  weights = inverted(blocks);
  weights.depthwise.conv.s = 1;
  expect_refused(Block::create(weights).status(), kInvalid, "3x1");
  weights = inverted(blocks);
  weights.stride = 3;
  expect_refused(Block::create(weights).status(), kInvalid, "stride = 3");
}

TEST(InvertedBlockWiring, WidthsThatDoNotChainAreRefused) {
  const SmallBlocks blocks;
  auto weights = inverted(blocks);
  weights.expand = blocks.layer(40, 16, 1);
  expect_refused(Block::create(weights).status(), kInvalid, "do not chain at depthwise");
  weights = inverted(blocks);
  weights.project = blocks.layer(16, 40, 1);
  expect_refused(Block::create(weights).status(), kInvalid, "do not chain at project");
  weights = inverted(blocks);
  weights.expand = blocks.layer(48, 16, 3);
  expect_refused(Block::create(weights).status(), kInvalid, "expand has another filter");
}

TEST(InvertedBlockWiring, WhatIsAddedHasYsShape) {
  const SmallBlocks blocks;
  auto weights = inverted(blocks);
  weights.residual = true;
  EXPECT_TRUE(Block::create(weights).ok());
  weights.stride = 2;
  expect_refused(Block::create(weights).status(), kInvalid, "stride = 2, channels 16 -> 16");
  weights.stride = 1;
  for (const Padding pad : {Padding{0, 1, 1, 1}, Padding{1, 1, 1, 0}, Padding{1, 2, 1, 1}}) {
    weights.pad = pad;
    expect_refused(Block::create(weights).status(), kInvalid, "changes the image's size");
  }
  weights.pad = Padding{0, 2, 2, 0};
  EXPECT_TRUE(Block::create(weights).ok());
  weights.pad.reset();
  weights.project = blocks.layer(24, 48, 1);
  expect_refused(Block::create(weights).status(), kInvalid, "channels 16 -> 24");
  weights.expand.reset();
  expect_refused(Block::create(weights).status(), kInvalid, "channels 48 -> 24");
}

TEST(InvertedBlockWiring, ErrorsNameTheConvolution) {
  const SmallBlocks blocks;
  auto weights = inverted(blocks);
  weights.depthwise.conv.values = weights.depthwise.conv.values.first(7);
  expect_refused(Block::create(weights).status(), kInvalid, "depthwise: ");
}

TEST(InvertedBlockPlans, HaveTheShapesOfTheirPadding) {
  const SmallBlocks blocks;
  auto weights = inverted(blocks, 5);
  weights.stride = 2;
  weights.pad = Padding{1, 2, 1, 2};
  const Block block = *Block::create(weights);
  const auto plan = block.plan({.n = 2, .h = 8, .w = 12});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->output(), (Shape{2, 4, 6, 16}));
  EXPECT_EQ(plan->explanation().shortcuts.front().kind, BlockShortcut::Kind::none);
  weights.pad = Padding{};
  expect_refused(Block::create(weights)->plan({.n = 1, .h = 4, .w = 8}).status(), kInvalid,
                 "depthwise: ");
}

TEST(InvertedBlockPlans, CutAsAChainOrAsAWhole) {
  const SmallBlocks blocks;
  auto weights = inverted(blocks);
  weights.residual = true;
  const Block block = *Block::create(weights);
  expect_refused(block.plan({.h = 9, .w = 9}, {.cut = BlockCut::tails}).status(),
                 ErrorCode::unsupported, "the block is an inverted one");
  const auto chain = block.plan({.h = 9, .w = 9}, {.cut = BlockCut::chain});
  ASSERT_TRUE(chain.ok()) << chain.status().message();
  EXPECT_EQ(chain->explanation().chosen().launches.size(), 3U);
  weights.expand.reset();
  weights.depthwise = blocks.layer(16, 1, 3);
  weights.project = blocks.layer(16, 16, 1);
  const auto shorter = Block::create(weights)->plan({.h = 9, .w = 9}, {.cut = BlockCut::chain});
  ASSERT_TRUE(shorter.ok()) << shorter.status().message();
  EXPECT_EQ(shorter->explanation().chosen().launches.size(), 2U);
}

// The kernel indexes x and y with 32 bits: a pitch counts in place of channels.
TEST(InvertedBlockPlans, TensorsOf2To31ElementsAreAChain) {
  const SmallBlocks blocks;
  const Block block = *Block::create(inverted(blocks));
  for (const BlockPitches& pitch : {BlockPitches{.x = 128}, BlockPitches{.y = 128}}) {
    const BlockPlanOptions whole = {.cut = BlockCut::whole, .pitch = pitch};
    EXPECT_TRUE(block.plan({255, 256, 256}, whole).ok());
    expect_refused(block.plan({256, 256, 256}, whole).status(), ErrorCode::unsupported,
                   "256x256x256x128 has 2^31 elements");
  }
}

// No instructions of sm_90 take a depthwise convolution, so none of the block's.
TEST(InvertedBlockPlans, AreOfTheSm80Family) {
  const SmallBlocks blocks;
  const auto plan = Block::create(inverted(blocks))->plan({.h = 9, .w = 9});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ(plan->explanation().instructions, Instructions::sm80);
}

// 0: without expand.
BlockData data(int c, int middle, int k, int r = 3) {
  BlockData data = {
      DataType::f16, 0, {}, {}, Activation::relu6, Activation::none, {}, {}, {}, {}, {}};
  data.inverted = true;
  if (middle > 0) data.steps.push_back({"expand", c, middle, 1, 1, 1});
  const int width = middle > 0 ? middle : c;
  data.steps.push_back({"depthwise", width, width, r, 1, width});
  data.steps.push_back({"project", width, k, 1, 1, 1});
  return data;
}
bool says(const std::string& rule, const std::string& words) {
  return !rule.empty() && rule.find(words) != std::string::npos;
}

TEST(InvertedBlockRules, ChannelsAreMultiplesOf8) {
  EXPECT_EQ(inverted_rule(data(8, 24, 40)), "");
  EXPECT_EQ(inverted_rule(data(8, 0, 40)), "");
  EXPECT_TRUE(says(inverted_rule(data(12, 24, 40)), "the block's input has 12 channels"));
  EXPECT_TRUE(says(inverted_rule(data(8, 20, 40)), "the middle tensor has 20 channels"));
  EXPECT_TRUE(says(inverted_rule(data(8, 24, 4)), "the block's output has 4 channels"));
}

TEST(InvertedBlockRules, FiltersAndTypes) {
  EXPECT_EQ(inverted_rule(data(8, 24, 40, 5)), "");
  EXPECT_TRUE(says(inverted_rule(data(8, 24, 40, 7)), "the block's is 7x7"));
  EXPECT_TRUE(says(inverted_rule(data(8, 24, 40, 1)), "the block's is 1x1"));
  BlockData of_f32 = data(8, 24, 40);
  of_f32.dtype = DataType::f32;
  EXPECT_TRUE(says(inverted_rule(of_f32), "the block is f32"));
}

// y has 2^31 elements, x an eighth of them.
TEST(InvertedBlockRules, YOf2To31Elements) {
  const BlockData wider = data(32, 64, 256);
  EXPECT_EQ(inverted_rule({&wider, 0, {127, 256, 256, 32}}), "");
  EXPECT_TRUE(says(inverted_rule({&wider, 0, {128, 256, 256, 32}}), "128x256x256x256"));
}

// Other blocks' kernels look at the steps of an inverted block as if they were a bottleneck's.
TEST(InvertedBlockRules, OtherKernelsRefuseIt) {
  const BlockData block = data(64, 64, 64);
  const host::PlannedBlock planned{&block, 0, {1, 8, 8, 64}};
  EXPECT_TRUE(says(whole_rule(block), "an inverted one"));
  EXPECT_TRUE(says(tail_rule(planned, nullptr), "an inverted one"));
  BlockData bottleneck = block;
  bottleneck.inverted = false;
  bottleneck.steps[1].groups = 1;
  const host::PlannedBlock before{&bottleneck, 0, {1, 8, 8, 64}};
  EXPECT_EQ(tail_rule(before, nullptr), "");
  EXPECT_TRUE(says(tail_rule(before, &planned), "the next block is an inverted one"));
  EXPECT_TRUE(says(inverted_rule(bottleneck), "takes inverted blocks only"));
}

}  // namespace
}  // namespace foldconv
