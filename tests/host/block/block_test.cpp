// SPDX-License-Identifier: MIT
// Blocks that are wired wrongly, cuts that cannot be taken, and buffers that do not fit: each
// refused in words, before anything is written.
#include "foldconv/block.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "host/small_blocks.hpp"
#include "kernels/support/device_buffer.hpp"

namespace foldconv {
namespace {

using kernel_tests::DeviceBuffer;
using test::expect_refused;
using test::SmallBlocks;

TEST(BlockWiring, StridesOtherThanOneAndTwoAreRefused) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.stride = 3;
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument, "stride = 3");
}

TEST(BlockWiring, ActivationsThatDoNotExistAreRefused) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.last.kind = static_cast<Activation::Kind>(77);
  EXPECT_EQ(Block::create(weights).status().code(), ErrorCode::invalid_argument);
  auto basic = blocks.basic();
  basic.inner = Activation::leaky_relu(std::numeric_limits<float>::quiet_NaN());
  expect_refused(Block::create(basic).status(), ErrorCode::invalid_argument, "alpha");
}

TEST(BlockWiring, WidthsThatDoNotChainAreRefused) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.conv2 = blocks.layer(64, 32, 3);
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument,
                 "do not chain at conv2");
  auto basic = blocks.basic();
  basic.conv2 = blocks.layer(64, 8, 3);
  expect_refused(Block::create(basic).status(), ErrorCode::invalid_argument,
                 "do not chain at conv2");
}

TEST(BlockWiring, GroupsMustMakeTheWidthsChain) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.groups = 2;
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument,
                 "it takes 128 channels");
  weights.groups = 0;
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument, "groups = 0");
}

TEST(BlockWiring, GroupsMustDivideTheirOutput) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.conv2 = blocks.layer(60, 8, 3);
  weights.conv3 = blocks.layer(64, 60, 1);
  weights.groups = 8;
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument,
                 "k = 60, groups = 8");
}

TEST(BlockWiring, AStrideAtNoConvolutionIsRefused) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.stride_at = static_cast<StrideAt>(7);
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument,
                 "static_cast<StrideAt>(7)");
}

TEST(BlockWiring, OtherFilterSizesAreRefused) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.conv2 = blocks.layer(64, 64, 1);
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument, "weights of 3x3");
}

TEST(BlockWiring, AMissingDownsampleIsRefused) {
  const SmallBlocks blocks;
  auto wider = blocks.bottleneck();
  wider.conv3 = blocks.layer(128, 64, 1);
  expect_refused(Block::create(wider).status(), ErrorCode::invalid_argument, "channels 64 -> 128");
  auto strided = blocks.basic();
  strided.stride = 2;
  expect_refused(Block::create(strided).status(), ErrorCode::invalid_argument, "stride = 2");
}

TEST(BlockWiring, ADownsampleThatDoesNotFitIsRefused) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.downsample = blocks.layer(32, 64, 1);
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument,
                 "32 channels, the block has 64");
  weights.downsample = blocks.layer(64, 32, 1);
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument,
                 "do not chain at downsample");
}

TEST(BlockWiring, AFoldingErrorNamesTheConvolution) {
  SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  std::vector<float> mean(64, 0.0f), variance(64, -1.0f);
  weights.conv3.batch_norm = BatchNorm{.mean = mean, .variance = variance, .eps = Epsilon{1e-5}};
  expect_refused(Block::create(weights).status(), ErrorCode::invalid_argument, "conv3: ");
}

TEST(BlockPlanning, APinnedCutThatIsImpossibleSaysWhy) {
  const SmallBlocks blocks;
  const auto block = Block::create(blocks.basic());
  ASSERT_TRUE(block.ok());
  const auto plan = block->plan({.n = 1, .h = 8, .w = 8}, {.cut = BlockCut::whole});
  expect_refused(plan.status(), ErrorCode::unsupported, "bottlenecks (1x1, 3x3, 1x1) only");
}

// With 24 channels an mma of the chain spans two taps: filled up to 64 it would sum in another order.
TEST(BlockPlanning, MiddleWidthsThatCannotBeFilledUpAreRefused) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.conv1 = blocks.layer(24, 64, 1);
  weights.conv2 = blocks.layer(24, 24, 3);
  weights.conv3 = blocks.layer(64, 24, 1);
  const auto block = Block::create(weights);
  ASSERT_TRUE(block.ok());
  expect_refused(block->plan({1, 8, 8}, {.cut = BlockCut::whole}).status(), ErrorCode::unsupported,
                 "multiple of 16: the block's are 24 -> 24");
}

// Kernels of blocks move 16 bytes at a time.
TEST(BlockPlanning, WidthsThatBreak16BytesAreRefused) {
  const SmallBlocks blocks;
  const auto expect_refusal = [](const BottleneckWeights& weights, BlockCut cut,
                                 const std::string& words) {
    const auto block = Block::create(weights);
    ASSERT_TRUE(block.ok());
    expect_refused(block->plan({1, 8, 8}, {.cut = cut}).status(), ErrorCode::unsupported, words);
  };
  auto weights = blocks.bottleneck();
  weights.conv3 = blocks.layer(60, 64, 1);
  weights.downsample = blocks.layer(60, 64, 1);
  expect_refusal(weights, BlockCut::whole, "k = 60");
  expect_refusal(weights, BlockCut::tails, "the block's output has 60 channels");

  weights = blocks.bottleneck();
  weights.conv1 = blocks.layer(68, 64, 1);
  weights.conv2 = blocks.layer(64, 68, 3);
  expect_refusal(weights, BlockCut::tails, "conv2's input has 68 channels");

  weights = blocks.bottleneck();
  weights.conv1 = blocks.layer(64, 60, 1);
  weights.downsample = blocks.layer(64, 60, 1);
  expect_refusal(weights, BlockCut::tails, "the block has 60 and 64 channels");
}

TEST(BlockPlanning, SizesThatNoConvolutionTakesAreRefused) {
  const SmallBlocks blocks;
  const auto block = Block::create(blocks.bottleneck());
  ASSERT_TRUE(block.ok());
  expect_refused(block->plan({.n = 1, .h = 0, .w = 8}).status(), ErrorCode::invalid_argument, "h");
}

TEST(BlockPlanning, AnUnknownCutIsRefused) {
  const SmallBlocks blocks;
  const auto block = Block::create(blocks.bottleneck());
  ASSERT_TRUE(block.ok());
  expect_refused(block->plan({.n = 1, .h = 8, .w = 8}, {.cut = static_cast<BlockCut>(9)}).status(),
                 ErrorCode::invalid_argument, "static_cast<BlockCut>(9)");
}

// Kernels of blocks index their own tensors with 32 bits: 2^31 elements of x, of y, and of what they make for
// the next block are left to others.
TEST(BlockPlanning, TensorsOf2To31ElementsAreRefused) {
  const SmallBlocks blocks;
  const auto block = Block::create(blocks.bottleneck());
  ASSERT_TRUE(block.ok());
  const Images largest{511, 256, 256}, too_large{512, 256, 256};
  for (const BlockCut cut : {BlockCut::whole, BlockCut::tails}) {
    EXPECT_TRUE(block->plan(largest, {.cut = cut}).ok());
    expect_refused(block->plan(too_large, {.cut = cut}).status(), ErrorCode::unsupported,
                   "512x256x256x64 has 2^31 elements");
  }
  EXPECT_EQ(block->plan(too_large)->explanation().cut, BlockCut::chain);

  auto wide = blocks.bottleneck();
  wide.conv1 = blocks.layer(64, 128, 1);
  wide.conv3 = blocks.layer(128, 64, 1);
  const auto wide_block = Block::create(wide);
  ASSERT_TRUE(wide_block.ok());
  for (const BlockCut cut : {BlockCut::whole, BlockCut::tails}) {
    expect_refused(wide_block->plan({256, 256, 256}, {.cut = cut}).status(), ErrorCode::unsupported,
                   "256x256x256x128 has 2^31 elements");
  }
}

TEST(BlockPlanning, PitchesCountInPlaceOfChannels) {
  const SmallBlocks blocks;
  const auto block = Block::create(blocks.bottleneck());
  ASSERT_TRUE(block.ok());
  for (const BlockCut cut : {BlockCut::whole, BlockCut::tails}) {
    for (const BlockPitches& pitch : {BlockPitches{.x = 128}, BlockPitches{.y = 128}}) {
      EXPECT_TRUE(block->plan({255, 256, 256}, {.cut = cut, .pitch = pitch}).ok());
      expect_refused(block->plan({256, 256, 256}, {.cut = cut, .pitch = pitch}).status(),
                     ErrorCode::unsupported, "256x256x256x128 has 2^31 elements");
    }
  }
}

// The joined convolution reads x past what its own problem says. No other kernel may take its place: a
// downsample of its own is rounded, and the bits would depend on the batch.
TEST(BlockPlanning, AProjectionOf2To34ElementsIsRefused) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.downsample = blocks.layer(64, 64, 1);
  weights.stride = 2;
  const auto block = Block::create(weights);
  ASSERT_TRUE(block.ok());
  EXPECT_TRUE(block->plan({.n = 4095, .h = 256, .w = 256}).ok());
  expect_refused(block->plan({.n = 4096, .h = 256, .w = 256}).status(), ErrorCode::unsupported,
                 "the downsample indexes with 32 bits: 16-byte chunks of x");
}

TEST(BlockPlanning, TensorsWhoseSumWouldOverflowAreRefused) {
  const SmallBlocks blocks;
  const auto block = Block::create(blocks.bottleneck());
  ASSERT_TRUE(block.ok());
  expect_refused(block->plan({.n = 1 << 24, .h = 1 << 15, .w = 1 << 15}).status(),
                 ErrorCode::invalid_argument, "2^59 bytes: 16777216x32768x32768x64");
}

// 64 -> 64 channels, but 256 between the next block's first two convolutions.
TEST(BlockPlanning, TheNextBlocksTensorOf2To31ElementsIsRefused) {
  const SmallBlocks blocks;
  auto narrow = blocks.bottleneck(), wide = blocks.bottleneck();
  narrow.conv1 = blocks.layer(128, 64, 1);  // which the whole cut does not take
  narrow.conv2 = blocks.layer(64, 128, 3);
  wide.conv1 = blocks.layer(256, 64, 1);
  wide.conv2 = blocks.layer(64, 256, 3);
  const auto first = Block::create(narrow), second = Block::create(wide);
  ASSERT_TRUE(first.ok() && second.ok());
  const auto stage = Stage::create({*first, *second});
  ASSERT_TRUE(stage.ok());
  const auto reaches_over = [&](int n) {
    const auto plan = stage->plan({n, 256, 256});
    const auto& cuts = plan->explanation().cuts;
    const auto tails = std::ranges::find(cuts, BlockCut::tails, &CutFigures::cut);
    return std::ranges::any_of(tails->launches, [](const LaunchFigures& launch) {
      return launch.kernel.find("x256_st3") != std::string::npos;
    });
  };
  EXPECT_TRUE(reaches_over(100));
  EXPECT_FALSE(reaches_over(128));
}

TEST(BlockPlanning, TheReasonOfAMixtureIsItsTime) {
  const SmallBlocks blocks;
  const auto basic = Block::create(blocks.basic());
  const auto bottleneck = Block::create(blocks.bottleneck());
  ASSERT_TRUE(basic.ok() && bottleneck.ok());
  const auto reason = [](std::vector<Block> stage) {
    return Stage::create(std::move(stage))->plan({8, 56, 56})->explanation().reason;
  };
  EXPECT_EQ(reason({*basic, *bottleneck}), "the least floor time");
  EXPECT_EQ(reason({*basic, *basic}), "no other cut takes the blocks");
}

TEST(BlockStages, BlocksThatDoNotFollowEachOtherAreRefused) {
  const SmallBlocks blocks;
  auto narrow = blocks.basic();
  narrow.conv1 = blocks.layer(64, 32, 3);
  narrow.downsample = blocks.layer(64, 32, 1);
  const auto block = Block::create(blocks.basic());
  const auto other_channels = Block::create(narrow);
  const auto other_type = Block::create(blocks.basic(), {.dtype = DataType::bf16});
  ASSERT_TRUE(block.ok() && other_channels.ok() && other_type.ok());
  expect_refused(Stage::create({}).status(), ErrorCode::invalid_argument, "0 blocks");
  expect_refused(Stage::create({*block, *other_channels}).status(), ErrorCode::invalid_argument,
                 "it takes 32, block 0 gives 64");
  expect_refused(Stage::create({*block, *block, *other_type}).status(), ErrorCode::invalid_argument,
                 "block 1 f16, block 2 bf16");
}

TEST(BlockPlanning, TheExplanationShowsEveryCutWithItsFigures) {
  const SmallBlocks blocks;
  const auto block = Block::create(blocks.bottleneck());
  ASSERT_TRUE(block.ok());
  const auto plan = block->plan({.n = 32, .h = 56, .w = 56});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const BlockExplanation& explanation = plan->explanation();
  EXPECT_EQ(explanation.cut, BlockCut::whole);
  ASSERT_EQ(explanation.cuts.size(), 3u);
  const CutFigures &whole = explanation.cuts[0], &tails = explanation.cuts[1],
                   &chain = explanation.cuts[2];
  const double pixels = 32.0 * 56 * 56, weights = 64.0 * 64 * 11, scales = 8 * 3 * 64;
  EXPECT_DOUBLE_EQ(whole.dram_bytes, 2 * (pixels * 128 + weights) + scales);
  EXPECT_DOUBLE_EQ(tails.dram_bytes, 2 * (pixels * 64 * 5 + weights) + scales);
  EXPECT_DOUBLE_EQ(chain.dram_bytes, 2 * (pixels * 64 * 7 + weights) + scales);
  EXPECT_DOUBLE_EQ(chain.flops, 2 * pixels * weights);
  EXPECT_DOUBLE_EQ(tails.flops, chain.flops);
  EXPECT_EQ(tails.recomputed, 0);
  EXPECT_GT(whole.recomputed, 0);
  EXPECT_LT(whole.floor_us, chain.floor_us);
  EXPECT_EQ(whole.workspace_bytes, 0u);
  EXPECT_EQ(tails.workspace_bytes, static_cast<std::size_t>(pixels) * 64 * 2);
  EXPECT_EQ(chain.workspace_bytes, static_cast<std::size_t>(pixels) * 64 * 2 * 2);
  EXPECT_NE(explanation.to_string().find("chain  3 launches"), std::string::npos)
      << explanation.to_string();
}

TEST(BlockBuffers, WhatDoesNotFitIsRefusedAndNothingIsWritten) {
  const SmallBlocks blocks;
  const auto block = Block::create(blocks.bottleneck());
  ASSERT_TRUE(block.ok());
  const auto plan = block->plan({.n = 1, .h = 8, .w = 8}, {.cut = BlockCut::chain});
  ASSERT_TRUE(plan.ok());
  const std::size_t bytes = 8 * 8 * 64 * 2;
  ASSERT_EQ(plan->workspace_bytes(), 2 * bytes);
  const DeviceBuffer x(bytes), y(bytes), workspace(2 * bytes);
  const auto untouched = y.download();
  const BlockBuffers good{
      .x = x.data(), .y = y.data(), .workspace = workspace.data(), .workspace_bytes = 2 * bytes};
  const auto with = [&](auto change) {
    BlockBuffers buffers = good;
    change(buffers);
    return plan->run(buffers);
  };
  expect_refused(with([](auto& b) { b.x = nullptr; }), ErrorCode::invalid_argument, "x = null");
  expect_refused(with([](auto& b) { b.y = nullptr; }), ErrorCode::invalid_argument, "y = null");
  expect_refused(with([](auto& b) { b.x = static_cast<const char*>(b.x) + 2; }),
                 ErrorCode::misaligned, "x lies 2 bytes");
  expect_refused(with([](auto& b) { b.y = const_cast<void*>(b.x); }), ErrorCode::aliasing,
                 "x and y overlap");
  expect_refused(with([](auto& b) { b.workspace_bytes -= 1; }), ErrorCode::workspace_too_small,
                 "16383 bytes");
  expect_refused(with([](auto& b) { b.workspace = nullptr; }), ErrorCode::invalid_argument,
                 "workspace = null");
  expect_refused(with([](auto& b) { b.workspace = b.y; }), ErrorCode::aliasing,
                 "workspace and y overlap");
  expect_refused(with([](auto& b) { b.workspace = const_cast<void*>(b.x); }), ErrorCode::aliasing,
                 "workspace and x overlap");
  EXPECT_EQ(y.download(), untouched);
}

// x of a strided block is four times y.
TEST(BlockBuffers, XHasASizeOfItsOwn) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.downsample = blocks.layer(64, 64, 1);
  weights.stride = 2;
  const auto plan = Block::create(weights)->plan({1, 8, 8}, {.cut = BlockCut::chain});
  ASSERT_TRUE(plan.ok());
  const std::size_t bytes = 8 * 8 * 64 * 2;
  const DeviceBuffer x(bytes), y(bytes / 4), workspace(plan->workspace_bytes());
  std::byte* const tail = static_cast<std::byte*>(x.data()) + bytes / 2;
  const BlockBuffers good{.x = x.data(),
                          .y = y.data(),
                          .workspace = workspace.data(),
                          .workspace_bytes = workspace.bytes()};
  BlockBuffers buffers = good;
  buffers.y = tail;
  expect_refused(plan->run(buffers), ErrorCode::aliasing, "x and y overlap");
  buffers = good;
  buffers.workspace = tail;
  expect_refused(plan->run(buffers), ErrorCode::aliasing, "workspace and x overlap");
}

}  // namespace
}  // namespace foldconv
