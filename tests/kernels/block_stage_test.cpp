// SPDX-License-Identifier: MIT
// Runs of blocks: bits do not depend on where the planner cuts, and kernels reach over the borders.
#include <algorithm>

#include "foldconv/block.hpp"
#include "kernels/support/test_stage.hpp"

namespace foldconv::kernel_tests {
namespace {

BlockShape activated(BlockShape shape, const Activation& inner, const Activation& last) {
  shape.inner = inner;
  shape.last = last;
  return shape;
}

struct StageCase {
  const char* name;
  std::vector<BlockShape> blocks;
  std::size_t tails_launches;  // 0: refused
  DataType dtype = DataType::f16;
};
std::ostream& operator<<(std::ostream& out, const StageCase& c) {
  return out << c.name;
}

class BlockStage : public testing::TestWithParam<StageCase> {};

TEST_P(BlockStage, EveryCutHasTheBitsOfTheBlocksRunOneByOne) {
  const StageCase& c = GetParam();
  const TestStage test(c.blocks, c.dtype);
  const Stage stage = test.create();
  const auto expected = test.run_separately();
  for (const BlockCut cut : {BlockCut::automatic, BlockCut::tails, BlockCut::chain}) {
    const auto plan = stage.plan(test.problem(), {.cut = cut});
    if (cut == BlockCut::tails && c.tails_launches == 0) {
      EXPECT_EQ(plan.status().code(), ErrorCode::unsupported);
      continue;
    }
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(test.run(*plan), expected) << to_string(cut);
    if (cut == BlockCut::tails) {
      const auto& cuts = plan->explanation().cuts;
      const auto tails = std::ranges::find(cuts, BlockCut::tails, &CutFigures::cut);
      EXPECT_EQ(tails->launches.size(), c.tails_launches) << plan->explanation().to_string();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Runs, BlockStage,
    testing::Values(
        StageCase{"one_block", {{"a", 2, 9, 7, 128, 64, 128}}, 2},
        StageCase{"stage2",
                  {with_downsample({"a", 1, 29, 19, 64, 64, 256}, 1),
                   {"b", 1, 29, 19, 256, 64, 256},
                   {"c", 1, 29, 19, 256, 64, 256}},
                  4},
        StageCase{"stage3_v1_5",
                  {with_downsample({"a", 2, 15, 13, 256, 128, 512}, 2),
                   {"b", 2, 8, 7, 512, 128, 512},
                   {"c", 2, 8, 7, 512, 128, 512},
                   {"d", 2, 8, 7, 512, 128, 512}},
                  5},
        StageCase{"stage3_v1",
                  {with_downsample({"a", 2, 15, 13, 256, 128, 512}, 2, StrideAt::conv1),
                   {"b", 2, 8, 7, 512, 128, 512}},
                  3,
                  DataType::bf16},
        StageCase{"stage4_of_resnet152",
                  {{"a", 1, 14, 14, 1024, 256, 1024},
                   {"b", 1, 14, 14, 1024, 256, 1024},
                   {"c", 1, 14, 14, 1024, 256, 1024},
                   {"d", 1, 14, 14, 1024, 256, 1024}},
                  5},
        // Over the border of stages: the next conv1 is wider than this block's middle tensor.
        StageCase{
            "border_of_stages",
            {{"a", 1, 12, 10, 256, 64, 256}, with_downsample({"b", 1, 12, 10, 256, 128, 512}, 2)},
            3},
        // Where the next block's conv1 has the stride, the kernel ends at the border.
        StageCase{"border_of_stages_v1",
                  {{"a", 1, 12, 10, 256, 64, 256},
                   with_downsample({"b", 1, 12, 10, 256, 128, 512}, 2, StrideAt::conv1)},
                  4},
        StageCase{"odd_widths",
                  {{"a", 1, 9, 13, 136, 72, 136},
                   {"b", 1, 9, 13, 136, 104, 136},
                   {"c", 1, 9, 13, 136, 64, 136}},
                  4,
                  DataType::bf16},
        // A projection reads other pixels than it writes: its input and output may not share memory.
        StageCase{"projections_in_the_middle",
                  {{"a", 1, 12, 10, 64, 64, 64},
                   with_downsample({"b", 1, 12, 10, 64, 64, 128}, 1),
                   with_downsample({"c", 1, 12, 10, 128, 64, 256}, 2),
                   {"d", 1, 6, 5, 256, 64, 256}},
                  5},
        // Each kernel that reaches over a border applies the next block's inner activation and slope.
        StageCase{"activations_of_their_own",
                  {activated({"a", 1, 9, 7, 72, 72, 72}, Activation::relu, Activation::tanh),
                   activated({"b", 1, 9, 7, 72, 64, 72}, Activation::leaky_relu(0.25f),
                             Activation::hardswish),
                   activated({"c", 1, 9, 7, 72, 72, 72}, Activation::leaky_relu(0.75f),
                             Activation::relu6),
                   activated({"d", 1, 9, 7, 72, 64, 72}, Activation::sigmoid,
                             Activation::leaky_relu(0.125f))},
                  5},
        StageCase{
            "with_a_grouped_block",
            {{"a", 1, 9, 13, 128, 64, 128},
             {.name = "b", .n = 1, .h = 9, .w = 13, .c = 128, .middle = 64, .k = 128, .groups = 4}},
            0}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace foldconv::kernel_tests
