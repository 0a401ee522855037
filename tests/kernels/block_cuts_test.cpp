// SPDX-License-Identifier: MIT
// Every cut of a block gives the bits of single convolutions wired by hand: around the edges of each
// kernel's tiles, with tails in every dimension.
#include "foldconv/block.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

struct BlockCase {
  BlockShape shape;
  DataType dtype;
};
std::ostream& operator<<(std::ostream& out, const BlockCase& c) {
  return out << c.shape.name << '_' << to_string(c.dtype);
}
constexpr auto kBlockName = [](const auto& info) { return testing::PrintToString(info.param); };

std::vector<BlockCase> both_dtypes(const std::vector<BlockShape>& shapes) {
  std::vector<BlockCase> cases;
  for (const BlockShape& shape : shapes) {
    for (const DataType dtype : {DataType::f16, DataType::bf16}) cases.push_back({shape, dtype});
  }
  return cases;
}

class BlockChain : public testing::TestWithParam<BlockCase> {};
class BlockWhole : public testing::TestWithParam<BlockCase> {};
class BlockTails : public testing::TestWithParam<BlockCase> {};
class BlockJoined : public testing::TestWithParam<BlockCase> {};

TEST_P(BlockChain, HasTheBitsOfTheConvolutionsWiredByHand) {
  const TestBlocks test(GetParam().shape, GetParam().dtype);
  EXPECT_EQ(test.run(BlockCut::chain), test.run_by_hand());
}

TEST_P(BlockWhole, HasTheBitsOfTheConvolutionsWiredByHand) {
  const TestBlocks test(GetParam().shape, GetParam().dtype);
  EXPECT_EQ(test.run(BlockCut::whole), test.run_by_hand());
}

TEST_P(BlockTails, HasTheBitsOfTheConvolutionsWiredByHand) {
  const TestBlocks test(GetParam().shape, GetParam().dtype);
  EXPECT_EQ(test.run(BlockCut::tails), test.run_by_hand());
}

// The longer K against the fp64 oracle, and on integers against a shortcut of its own.
TEST_P(BlockJoined, LiesWithinTheBoundOfItsRoundingPoints) {
  const TestBlocks test(GetParam().shape, GetParam().dtype);
  const harness::ByHand hand = test.by_hand(Projection::joined, /*judged=*/true);
  const harness::Verdict verdict = judge(hand, test.run(BlockCut::chain));
  EXPECT_TRUE(verdict.pass) << verdict.reason;
}
// Integers are exact in 16 bits: only where the placement asks for it do they take up their scale.
TEST_P(BlockJoined, IsExactOnIntegers) {
  const TestBlocks test(GetParam().shape, GetParam().dtype,
                        {.integers = true, .placement = ScalePlacement::weights});
  const BlockPlan plan = test.plan(BlockCut::chain);
  EXPECT_EQ(plan.explanation().shortcuts.front().kind, BlockShortcut::Kind::joined);
  EXPECT_EQ(test.run(plan), test.run_by_hand(Projection::rounded));
}

const std::initializer_list<BlockShape> kWholeShapes = {
    {"one_pixel", 1, 1, 1, 64, 64, 64},
    {"one_tile", 1, 28, 8, 128, 64, 128},
    {"less_than_a_tile", 3, 5, 7, 256, 64, 256},
    {"tails_everywhere", 2, 57, 43, 192, 64, 192},
    {"row", 1, 1, 60, 64, 64, 64},
    {"column", 1, 60, 1, 64, 64, 64},
    {"more_tiles_than_sms", 35, 29, 9, 64, 64, 64},
    {"middle_16", 1, 9, 11, 64, 16, 64},
    {"middle_32", 2, 29, 9, 128, 32, 128},
    {"middle_48", 1, 7, 17, 64, 48, 64},
    with_downsample({"one_pixel_projection", 1, 1, 1, 64, 64, 256}),
    with_downsample({"tails_projection", 2, 29, 11, 64, 64, 256}),
    with_downsample({"odd_width_projection", 1, 9, 43, 64, 64, 136}),
    with_downsample({"more_tiles_than_sms_projection", 35, 2, 25, 64, 64, 64}),
    with_downsample({"middle_16_projection", 1, 9, 11, 64, 16, 64}),
};
INSTANTIATE_TEST_SUITE_P(Shapes, BlockWhole, testing::ValuesIn(both_dtypes(kWholeShapes)),
                         kBlockName);

// 128 and 64 pixels a CTA, middle tensors up to 64, 128 and 256 channels, 64 channels of y a round.
const std::initializer_list<BlockShape> kTailsShapes = {
    {"one_pixel", 1, 1, 1, 64, 64, 64},
    {"one_tile", 1, 16, 8, 128, 64, 128},
    {"a_pixel_more_than_a_tile", 1, 43, 3, 64, 64, 64},
    {"tails_everywhere", 2, 57, 43, 72, 72, 72},
    {"middle_96", 1, 9, 13, 136, 96, 136},
    {"middle_128", 1, 11, 13, 256, 128, 256},
    {"middle_136", 1, 5, 9, 64, 136, 64},
    {"middle_256", 2, 7, 7, 512, 256, 512},
    with_downsample({"projection", 2, 9, 11, 64, 64, 256}),
    with_downsample({"projection_tails", 1, 9, 15, 40, 72, 104}),
    with_downsample({"projection_v1", 2, 15, 14, 64, 64, 128}, 2, StrideAt::conv1),
    with_downsample({"projection_v1_5", 2, 15, 14, 256, 128, 512}, 2),
    with_downsample({"projection_of_a_wide_x", 1, 9, 15, 256, 64, 256}),
    with_downsample({"projection_narrower_than_the_tile", 1, 13, 12, 256, 72, 64}, 2),
};
INSTANTIATE_TEST_SUITE_P(Shapes, BlockTails, testing::ValuesIn(both_dtypes(kTailsShapes)),
                         kBlockName);

const std::initializer_list<BlockShape> kJoinedShapes = {
    with_downsample({"one_pixel", 1, 1, 1, 64, 64, 64}),
    with_downsample({"v1", 2, 15, 14, 64, 32, 128}, 2, StrideAt::conv1),
    with_downsample({"v1_5", 2, 15, 14, 64, 32, 128}, 2),
    with_downsample({"odd_widths", 1, 7, 5, 40, 24, 56}),
    with_downsample({"more_tiles_than_sms", 5, 57, 57, 72, 64, 136}),
    with_downsample({"channels_of_y_that_break_16_bytes", 1, 7, 9, 64, 64, 77}),
};
INSTANTIATE_TEST_SUITE_P(Shapes, BlockJoined, testing::ValuesIn(both_dtypes(kJoinedShapes)),
                         kBlockName);
INSTANTIATE_TEST_SUITE_P(Joined, BlockChain, testing::ValuesIn(both_dtypes(kJoinedShapes)),
                         kBlockName);

// Without guard bands, so that the emulator faults on a slice's last channels where there are none.
TEST(BlockBounds, NothingIsReadBesideTheTensors) {
  for (const BlockShape& shape : {BlockShape{"identity", 1, 3, 5, 72, 72, 72},
                                  {"narrow", 1, 3, 5, 64, 16, 64},
                                  with_downsample({"projection", 1, 3, 5, 72, 72, 104}),
                                  with_downsample({"wider", 1, 3, 5, 64, 64, 72})}) {
    const TestBlocks test(shape, DataType::f16);
    const auto expected = test.run_by_hand();
    for (const BlockCut cut : {BlockCut::whole, BlockCut::tails, BlockCut::chain}) {
      const auto plan = test.plan({.cut = cut});
      if (!plan.ok()) continue;
      EXPECT_EQ(test.run(*plan, Guards::none), expected) << shape.name << " " << to_string(cut);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, BlockChain,
    testing::ValuesIn(both_dtypes({
        {"identity", 2, 15, 13, 128, 32, 128},
        {"tensors_of_odd_sizes", 1, 3, 5, 7, 5, 7},
        {"wide", 1, 9, 9, 256, 128, 256},
        {"grouped", 1, 9, 9, {.c = 256, .middle = 128, .k = 256, .groups = 32}},
    })),
    kBlockName);

}  // namespace
}  // namespace foldconv::kernel_tests
