// SPDX-License-Identifier: MIT
// Inverted blocks as one kernel: the bits of single convolutions wired by hand, alone, in stages, and of fewer
// images. Tiles of every shape: see inverted_kernel_test.cpp.
#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "catalog/registry.hpp"
#include "foldconv/block.hpp"
#include "harness/problem/list.hpp"
#include "harness/ways/library.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

struct BlockInvertedCase {
  BlockShape shape;
  DataType dtype = DataType::f16;
};
std::ostream& operator<<(std::ostream& out, const BlockInvertedCase& c) {
  return out << c.shape.name << '_' << to_string(c.dtype);
}

class BlockInverted : public testing::TestWithParam<BlockInvertedCase> {};

TEST_P(BlockInverted, HasTheBitsOfTheConvolutionsWiredByHand) {
  const TestBlocks test(GetParam().shape, GetParam().dtype);
  const auto expected = test.run_by_hand();
  EXPECT_EQ(test.run(BlockCut::chain), expected);
  EXPECT_EQ(test.run(BlockCut::whole), expected);
  EXPECT_EQ(test.run(test.plan(BlockCut::whole), Guards::none), expected) << "without guard bands";
}

constexpr Activation kNone = Activation::none, kRelu6 = Activation::relu6;

std::vector<BlockInvertedCase> block_inverted_cases() {
  const BlockShape f16[] = {
      {"one_pixel", 1, 1, 1, {.c = 16, .middle = 72, .k = 16, .depthwise = 3, .residual = true}},
      {"no_expand", 2, 13, 9, {.c = 40, .k = 24, .depthwise = 3}, kRelu6, kNone},
      {"no_expand_residual", 1, 9, 17, {.c = 72, .k = 72, .depthwise = 5, .residual = true}},
      {"residual", 3, 15, 9, {.c = 24, .middle = 144, .k = 24, .depthwise = 3, .residual = true}},
      {"plain", 1, 8, 8, {.c = 24, .middle = 144, .k = 24, .depthwise = 3}, kRelu6, kNone},
      {"strided", 2, 15, 13, {.c = 16, .middle = 96, .k = 24, .stride = 2, .depthwise = 3}},
      {"strided_5x5",
       1,
       17,
       14,
       {.c = 24, .middle = 40, .k = 40, .stride = 2, .depthwise = 5, .same_as_tensorflow = true}},
      {"wide_y", 1, 7, 7, {.c = 40, .middle = 136, .k = 320, .depthwise = 3}, kRelu6, kNone},
      {"calls_in_activations",
       1,
       9,
       11,
       {.c = 16, .middle = 88, .k = 16, .depthwise = 5, .residual = true},
       Activation::silu,
       Activation::hardswish},
  };
  std::vector<BlockInvertedCase> cases;
  for (const BlockShape& shape : f16) cases.push_back({shape});
  cases.push_back({f16[3], DataType::bf16});
  cases.push_back({f16[6], DataType::bf16});
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Shapes, BlockInverted, testing::ValuesIn(block_inverted_cases()),
                         [](const auto& each) { return testing::PrintToString(each.param); });

// Beside a bottleneck, from which tensors come and to which they go; whole and as chains by turns.
TEST(BlockInvertedStage, HasTheBitsOfTheConvolutionsWiredByHand) {
  const TestBlocks test(
      std::vector<BlockShape>{
          {"a", 2, 13, 11, {.c = 32, .k = 16, .depthwise = 3}, kRelu6, kNone},
          {"b", 2, 13, 11, {.c = 16, .middle = 96, .k = 64, .stride = 2, .depthwise = 3}},
          {"c", 2, 7, 6, {.c = 64, .middle = 64, .k = 64}},
          {"d", 2, 7, 6, {.c = 64, .middle = 72, .k = 64, .depthwise = 5, .residual = true}}},
      DataType::f16);
  const auto expected = test.run_by_hand();
  for (const BlockCut cut : {BlockCut::automatic, BlockCut::whole, BlockCut::chain}) {
    const auto plan = test.plan({.cut = cut});
    if (!plan.ok()) {  // of shared memory, for the bottleneck
      ASSERT_EQ(plan.status().code(), ErrorCode::unsupported);
      continue;
    }
    EXPECT_EQ(test.run(*plan), expected) << to_string(cut);
  }
  const BlockExplanation explanation = value_of(test.plan(BlockPlanOptions())).explanation();
  ASSERT_EQ(explanation.shortcuts.size(), 4U);
  EXPECT_EQ(explanation.shortcuts[0].kind, BlockShortcut::Kind::none);
  EXPECT_EQ(explanation.shortcuts[2].kind, BlockShortcut::Kind::identity);
}

// An inverted block behind another reads what that one wrote, in the other half of the workspace.
TEST(BlockInvertedStage, OfWholeBlocksHasNoTensorsBetweenItsConvolutions) {
  const BlockShape block = {
      "a", 1, 9, 10, {.c = 16, .middle = 96, .k = 16, .depthwise = 3, .residual = true}};
  const TestBlocks test(std::vector(3, block), DataType::f16);
  const BlockPlan plan = test.plan(BlockCut::whole);
  EXPECT_EQ(plan.explanation().chosen().launches.size(), 3U);
  EXPECT_LT(plan.workspace_bytes(), 2U * 9 * 10 * 16 * 2 + 2 * 256);
  EXPECT_EQ(test.run(plan), test.run_by_hand());
}

TEST(BlockInvertedKernel, RunsTheFirstImages) {
  constexpr int kImages = 3;
  const TestBlocks test(
      {"", kImages, 9, 19, {.c = 16, .middle = 40, .k = 16, .depthwise = 3, .residual = true}},
      DataType::f16);
  const harness::Bytes x = test.input();
  const BlockPlan plan = test.plan(BlockCut::whole);
  const harness::Bytes all = test.run(plan);
  for (const std::size_t images : {1, 2}) {
    const auto first = [&](const harness::Bytes& bytes) {
      return harness::Bytes(bytes.begin(), bytes.begin() + std::ssize(bytes) / kImages *
                                                               static_cast<std::ptrdiff_t>(images));
    };
    const DeviceBuffer in(first(x), Guards::none), y(first(all).size(), Guards::none);
    check(plan.run({.x = in.data(), .y = y.data(), .images = static_cast<int>(images)}));
    check(cudaDeviceSynchronize(), "an inverted block");
    EXPECT_EQ(y.download(), first(all)) << images;
  }
}

// A pixel of infinity and one that is no number: what they touch, and nothing else.
TEST(BlockInvertedKernel, HasTheChainsInfinitiesAndNans) {
  for (const bool expands : {true, false}) {
    const TestBlocks test(
        {"",
         1,
         9,
         12,
         {.c = 24, .middle = expands ? 72 : 0, .k = 24, .depthwise = 3, .residual = true},
         kRelu6,
         kNone},
        DataType::f16);
    std::vector<float> x = oracle::decode(DataType::f16, test.input());
    x[24 * 15 + 3] = std::numeric_limits<float>::infinity();
    x[24 * 70 + 23] = std::numeric_limits<float>::quiet_NaN();
    const auto input = oracle::encode(DataType::f16, x);
    const auto expected = run_block(test.plan(BlockCut::chain), DataType::f16, input);
    const std::vector<float> values = oracle::decode(DataType::f16, expected);
    EXPECT_TRUE(std::ranges::any_of(values, [](float v) { return v != v; }));
    EXPECT_FALSE(std::ranges::all_of(values, [](float v) { return v != v; }));
    EXPECT_EQ(run_block(test.plan(BlockCut::whole), DataType::f16, input), expected);
  }
}

// Of a list's blocks, each as often as the network has it.
struct ListBytes {
  int blocks = 0;
  double whole = 0, chain = 0;
};

void add_bytes(const std::string& list, const std::map<std::string, int>& repeated,
               ListBytes& sum) {
  static const std::vector<float> ones(1152 * 320, 1.0f);  // whatever they are, bytes are the same
  harness::ProblemList read;
  harness::read_list(list, FOLDCONV_SHAPES, read);
  for (harness::Problem& problem : read.problems) {
    if (!problem.blocks) continue;
    set_images(problem, 8);
    for (harness::LineConv* conv : problem.convs()) {
      const ConvWeights& w = conv->weights;
      conv->weights.values =
          std::span(ones).first(static_cast<std::size_t>(w.k * w.c_per_group * w.r * w.s));
    }
    const BlockPlan plan =
        value_of(harness::plan_blocks(harness::create_blocks(problem), problem, {}));
    const auto found = repeated.find(problem.name);
    const int times = found == repeated.end() ? 1 : found->second;
    sum.blocks += times;
    for (const CutFigures& cut : plan.explanation().cuts) {
      if (cut.cut == BlockCut::whole) sum.whole += times * cut.dram_bytes;
      if (cut.cut == BlockCut::chain) sum.chain += times * cut.dram_bytes;
      if (cut.cut == BlockCut::whole) {
        EXPECT_EQ(cut.refusal, "") << problem.name;
      }
    }
  }
}

TEST(BlockInvertedLists, MoveASixthOfTheirChainsBytesAsWholeBlocks) {
  ListBytes sum;
  add_bytes("mobilenet_v2",
            {{"features.5", 2}, {"features.8", 3}, {"features.12", 2}, {"features.15", 2}}, sum);
  EXPECT_EQ(sum.blocks, 17);
  add_bytes("efficientnet_lite0", {{"blocks.6", 2}, {"blocks.9", 2}, {"blocks.12", 3}}, sum);
  EXPECT_EQ(sum.blocks, 17 + 16);
  EXPECT_LE(sum.whole, 0.16 * sum.chain) << sum.whole / sum.chain;
}

TEST(BlockInvertedKernel, KernelsArePinnedByTheirNames) {
  const TestBlocks test({"", 1, 9, 12, {.c = 16, .middle = 72, .k = 24, .depthwise = 3}},
                        DataType::f16);
  const auto expected = test.run_by_hand();
  bool ran = false;
  for (const auto& kernel : host::inverted_kernels()) {
    if (kernel.dtype != DataType::f16) continue;
    const auto plan = test.plan({.kernel = kernel.name});
    if (!plan.ok()) continue;
    ran = true;
    EXPECT_EQ(plan->explanation().cut, BlockCut::whole);
    EXPECT_EQ(plan->explanation().chosen().launches.front().kernel, kernel.name);
    EXPECT_EQ(test.run(*plan), expected) << kernel.name;
  }
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace foldconv::kernel_tests
