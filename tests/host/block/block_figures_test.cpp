// SPDX-License-Identifier: MIT
// Which kernels plans take and refuse, and what they say that these cost.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "block/family.hpp"
#include "catalog/registry.hpp"
#include "cost/best.hpp"
#include "foldconv/block.hpp"
#include "host/small_blocks.hpp"

namespace foldconv {
namespace {

using test::expect_refused;
using test::SmallBlocks;

const CutFigures& figures_of(const BlockExplanation& explanation, BlockCut cut) {
  return *std::ranges::find(explanation.cuts, cut, &CutFigures::cut);
}

// Not "is for blocks with a downsample", which only the last kernel of the list says.
TEST(BlockChoice, ARefusalSaysHowMuchSharedMemoryIsMissing) {
  const host::DeviceFigures rtx3090 = {86, 82, 101376};
  host::BlockData data = {
      DataType::f16, 0, {}, {}, Activation::relu, Activation::relu, {}, {}, {}, {}, {}};
  data.steps = {
      {"conv1", 256, 64, 1, 1, 1}, {"conv2", 64, 64, 3, 1, 1}, {"conv3", 64, 256, 1, 1, 1}};
  const host::PlannedBlock planned = {&data, 0, {1, 56, 56, 256}};
  const auto refusal = [&](const char* kernel) {
    return host::offer_whole(planned, {rtx3090, {}, kernel}).status();
  };
  expect_refused(refusal(""), ErrorCode::unsupported, "the device has 101376");
  const auto projection =
      std::ranges::find_if(host::whole_kernels(), [](const host::WholeKernel& kernel) {
        return kernel.dtype == DataType::f16 && kernel.tile->projection;
      });
  ASSERT_NE(projection, host::whole_kernels().end());
  expect_refused(refusal(projection->name), ErrorCode::unsupported,
                 std::string(projection->name) + " is for blocks with a downsample");
}

const host::TailKernel& tail_named(const std::string& name) {
  const auto found = std::ranges::find_if(
      host::tail_kernels(), [&](const host::TailKernel& kernel) { return kernel.name == name; });
  if (found == host::tail_kernels().end()) throw std::runtime_error("no tail: " + name);
  return *found;
}

// conv3 reads 64 + 256 channels of a CTA's pixels: 128 pixels need 172,032 bytes with the tile of the
// fitting width, 64 pixels 122,880 with the next wider one.
TEST(BlockChoice, AWiderTailWhereNoneOfTheFittingWidthHasRoom) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.conv1 = blocks.layer(64, 256, 1);
  weights.conv3 = blocks.layer(64, 64, 1);
  weights.downsample = blocks.layer(64, 256, 1);
  const auto block = Block::create(weights);
  ASSERT_TRUE(block.ok()) << block.status().message();
  const auto plan = block->plan({64, 14, 14}, {.cut = BlockCut::tails});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const auto device = host::device_figures(0);
  ASSERT_TRUE(device.ok());
  const auto has_room = [&](const host::TailKernel& kernel) {
    return kernel.dtype == DataType::f16 &&
           kernel.tile->shared_bytes(5, 9) <= static_cast<std::int64_t>(device->shared_bytes);
  };
  const auto fitting = [&](const host::TailKernel& kernel) {
    return has_room(kernel) && kernel.tile->conv2.block_n == 64;
  };
  const host::TailKernel& chosen = tail_named(plan->explanation().chosen().launches.back().kernel);
  EXPECT_TRUE(has_room(chosen)) << chosen.name;
  if (std::ranges::none_of(host::tail_kernels(), fitting)) {
    EXPECT_GT(chosen.tile->conv2.block_n, 64) << chosen.name;
  }
}

TEST(BlockChoice, APinnedTailMayBeWiderThanItNeeds) {
  const SmallBlocks blocks;
  const Block block = *Block::create(blocks.bottleneck());
  const auto width = [](const host::TailKernel* kernel) { return kernel->tile->conv2.block_n; };
  const auto kernels = host::in_order(host::tail_kernels(), DataType::f16);
  const int widest = width(*std::ranges::max_element(kernels, {}, width));
  EXPECT_GT(widest, 64);
  int planned = 0;
  for (const host::TailKernel* kernel : kernels) {
    if (width(kernel) != widest) continue;
    const auto plan = block.plan({1, 8, 8}, {.kernel = kernel->name});
    if (!plan.ok()) continue;  // for want of shared memory
    EXPECT_EQ(plan->explanation().chosen().launches.back().kernel, kernel->name);
    ++planned;
  }
  EXPECT_GT(planned, 0);
}

TEST(BlockChoice, APinnedKernelIsLaunchedOrRefused) {
  const SmallBlocks blocks;
  const Block block = *Block::create(blocks.bottleneck());
  const auto plan = [&](BlockPlanOptions options) {
    return block.plan({1, 8, 8}, options).status();
  };
  const auto first_whole = [](DataType dtype) {
    return host::in_order(host::whole_kernels(), dtype).front()->name;
  };
  expect_refused(plan({.kernel = "block_whole"}), ErrorCode::invalid_argument,
                 first_whole(DataType::bf16));
  expect_refused(plan({.kernel = first_whole(DataType::bf16)}), ErrorCode::unsupported,
                 "no such kernel for the data type");
  expect_refused(plan({.cut = BlockCut::chain, .kernel = first_whole(DataType::f16)}),
                 ErrorCode::unsupported, "no launch of the pinned kernel");
}

// A stage's own way is the cheapest of all that are shown, and its figures are those of the plan:
// around the sizes where a kernel over the border pays or not.
TEST(BlockFigures, TheChosenOnesAreThePlansOwn) {
  const SmallBlocks blocks;
  auto narrow = blocks.bottleneck(), wide = blocks.bottleneck();
  narrow.conv1 = blocks.layer(72, 64, 1);
  narrow.conv2 = blocks.layer(72, 72, 3);
  narrow.conv3 = blocks.layer(64, 72, 1);
  wide.conv1 = blocks.layer(256, 64, 1);
  wide.conv2 = blocks.layer(64, 256, 3);
  const Block first = *Block::create(narrow), second = *Block::create(wide);
  const Block basic = *Block::create(blocks.basic());
  for (const auto& list : {std::vector{first, second},
                           {first, second, first},
                           {second, basic},
                           {first, first, second, first}}) {
    const Stage stage = *Stage::create(list);
    for (int n = 1; n <= 64; n += n < 8 ? 1 : 7) {
      const auto plan = stage.plan({n, 28, 28});
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      const BlockExplanation& explanation = plan->explanation();
      const CutFigures& chosen = explanation.chosen();
      for (const CutFigures& cut : explanation.cuts) {
        if (!cut.refusal.empty()) continue;
        // Within the model's own doubt; and then none that moves less is as fast.
        EXPECT_LE(chosen.floor_us, cut.floor_us * host::kTimeTolerance)
            << n << " images: " << explanation.to_string();
        EXPECT_TRUE(chosen.dram_bytes <= cut.dram_bytes || chosen.floor_us < cut.floor_us)
            << n << " images: " << explanation.to_string();
      }
      EXPECT_EQ(explanation.chosen().workspace_bytes, plan->workspace_bytes());
    }
  }
}

TEST(BlockFigures, AnEmptyExplanationHasEmptyOnes) {
  const BlockExplanation none;
  EXPECT_TRUE(none.chosen().launches.empty());
  EXPECT_EQ(none.chosen().floor_us, 0);
}

// The projection: what it reads of x, its weights, its products; in the tail kernel and in the joined
// convolution.
TEST(BlockFigures, CountTheProjection) {
  const SmallBlocks blocks;
  for (const int stride : {1, 2}) {
    auto weights = blocks.bottleneck();
    weights.conv1 = blocks.layer(64, 128, 1);
    weights.conv3 = blocks.layer(256, 64, 1);
    weights.downsample = blocks.layer(256, 128, 1);
    weights.stride = stride;
    const auto plan = Block::create(weights)->plan({8, 32, 32});
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    const double x_pixels = 8 * 32 * 32, pixels = x_pixels / (stride * stride);
    const double w1 = 128 * 64, w2 = 9 * 64 * 64, w3 = 64 * 256, wd = 128 * 256;
    const double conv1 = x_pixels * (128 + 64) + w1;
    const double tail = x_pixels * 64 + pixels * (128 + 256) + w2 + w3 + wd;
    const double conv2 = x_pixels * 64 + pixels * 64 + w2;
    const double joined = pixels * (64 + 128 + 256) + w3 + wd;
    const double flops = 2 * (x_pixels * w1 + pixels * (w2 + w3 + wd));
    const CutFigures& tails = figures_of(plan->explanation(), BlockCut::tails);
    const CutFigures& chain = figures_of(plan->explanation(), BlockCut::chain);
    ASSERT_EQ(tails.launches.size(), 2u);
    ASSERT_EQ(chain.launches.size(), 3u);
    const double scales1 = 8 * 64, scales2 = 8 * 64, scales3 = 8 * 256;
    EXPECT_DOUBLE_EQ(tails.launches[0].dram_bytes, 2 * conv1 + scales1);
    EXPECT_DOUBLE_EQ(tails.launches[1].dram_bytes, 2 * tail + scales2 + scales3);
    EXPECT_DOUBLE_EQ(chain.launches[1].dram_bytes, 2 * conv2 + scales2);
    EXPECT_DOUBLE_EQ(chain.launches[2].dram_bytes, 2 * joined + scales3);
    EXPECT_DOUBLE_EQ(tails.flops, flops);
    EXPECT_DOUBLE_EQ(chain.flops, flops);
  }
}

TEST(BlockFigures, AWholeProjectionReadsXOnce) {
  const SmallBlocks blocks;
  auto weights = blocks.bottleneck();
  weights.conv3 = blocks.layer(256, 64, 1);
  weights.downsample = blocks.layer(256, 64, 1);
  const auto plan = Block::create(weights)->plan({8, 32, 32});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  const double pixels = 8 * 32 * 32, matrices = 64 * 64 + 9 * 64 * 64 + 2 * 64 * 256;
  const CutFigures& whole = figures_of(plan->explanation(), BlockCut::whole);
  EXPECT_DOUBLE_EQ(whole.dram_bytes, 2 * (pixels * (64 + 256) + matrices) + 8 * (64 + 64 + 256));
  EXPECT_DOUBLE_EQ(whole.flops * (1 - whole.recomputed), 2 * pixels * matrices);
}

}  // namespace
}  // namespace foldconv
