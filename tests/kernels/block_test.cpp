// Whole blocks: bit-identical to convolutions wired by hand, whatever the cut; what the whole-block
// kernel moves.
#include "foldconv/block.hpp"

#include <gtest/gtest.h>

#include <string>

#include "cuemu.h"
#include "kernels/support/test_block.hpp"

namespace foldconv::kernel_tests {
namespace {

struct Case {
  BlockShape shape;
  DataType dtype;
};
std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.shape.name << '_' << to_string(c.dtype);
}
constexpr auto kName = [](const auto& info) {
  return std::string(info.param.shape.name) + '_' + to_string(info.param.dtype);
};

std::vector<Case> both_dtypes(std::initializer_list<BlockShape> shapes) {
  std::vector<Case> cases;
  for (const BlockShape& shape : shapes) {
    for (const DataType dtype : {DataType::f16, DataType::bf16}) cases.push_back({shape, dtype});
  }
  return cases;
}

BlockPlan plan(const TestBlock& test, BlockCut cut) {
  auto result = test.create().plan(test.problem(), {.cut = cut});
  if (!result.ok()) throw std::runtime_error(result.status().message());
  EXPECT_EQ(result->explanation().cut, cut);
  return *result;
}

// --- The whole-block kernel
// ------------------------------------------------------------------------------------------

class WholeIdentity : public testing::TestWithParam<Case> {};

TEST_P(WholeIdentity, HasTheBitsOfTheConvolutionsWiredByHand) {
  const TestBlock test(GetParam().shape, GetParam().dtype);
  EXPECT_EQ(test.run(plan(test, BlockCut::whole)), test.run_by_hand());
}

INSTANTIATE_TEST_SUITE_P(Shapes, WholeIdentity,
                         testing::ValuesIn(both_dtypes({
                             {"one_pixel", 1, 1, 1, 64, 64, 64},
                             {"one_tile", 1, 28, 8, 128, 64, 128},
                             {"less_than_a_tile", 3, 5, 7, 256, 64, 256},
                             {"tails_everywhere", 2, 57, 43, 192, 64, 192},
                             {"row", 1, 1, 60, 64, 64, 64},
                             {"column", 1, 60, 1, 64, 64, 64},
                             {"more_tiles_than_sms", 33, 29, 9, 64, 64, 64},
                         })),
                         kName);

class WholeProjection : public testing::TestWithParam<Case> {};

TEST_P(WholeProjection, IsExactOnIntegers) {
  const TestBlock test(GetParam().shape, GetParam().dtype, /*integers=*/true);
  EXPECT_EQ(test.run(plan(test, BlockCut::whole)), test.run_by_hand());
}

TEST_P(WholeProjection, LiesWithinTheBoundOfItsOwnRoundingPoints) {
  const TestBlock test(GetParam().shape, GetParam().dtype);
  const auto got = reference::decode(GetParam().dtype, test.run(plan(test, BlockCut::whole)));
  const auto comparison = reference::compare(got, test.expect_projection());
  EXPECT_TRUE(comparison.pass) << comparison.to_string();
}

INSTANTIATE_TEST_SUITE_P(Shapes, WholeProjection,
                         testing::ValuesIn(both_dtypes({
                             {.name = "one_pixel",
                              .n = 1,
                              .h = 1,
                              .w = 1,
                              .c = 64,
                              .middle = 64,
                              .k = 256,
                              .downsample = true},
                             {.name = "tails",
                              .n = 2,
                              .h = 29,
                              .w = 11,
                              .c = 64,
                              .middle = 64,
                              .k = 256,
                              .downsample = true},
                             {.name = "odd_width",
                              .n = 1,
                              .h = 9,
                              .w = 43,
                              .c = 64,
                              .middle = 64,
                              .k = 136,
                              .downsample = true},
                         })),
                         kName);

// --- The chain
// -------------------------------------------------------------------------------------------------------

class Chain : public testing::TestWithParam<Case> {};

TEST_P(Chain, HasTheBitsOfTheConvolutionsWiredByHand) {
  const TestBlock test(GetParam().shape, GetParam().dtype);
  EXPECT_EQ(test.run(plan(test, BlockCut::chain)), test.run_by_hand());
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Chain,
    testing::ValuesIn(both_dtypes({
        {"identity", 2, 15, 13, 128, 32, 128},
        {.name = "v1",
         .n = 2,
         .h = 15,
         .w = 14,
         .c = 64,
         .middle = 32,
         .k = 128,
         .stride = 2,
         .stride_at = StrideAt::conv1,
         .downsample = true},
        {.name = "v1_5",
         .n = 2,
         .h = 15,
         .w = 14,
         .c = 64,
         .middle = 32,
         .k = 128,
         .stride = 2,
         .downsample = true},
        {.name = "wide", .n = 1, .h = 9, .w = 9, .c = 256, .middle = 128, .k = 256},
        {.name = "grouped",
         .n = 1,
         .h = 9,
         .w = 9,
         .c = 256,
         .middle = 128,
         .k = 256,
         .groups = 32},
        {.name = "odd_widths",
         .n = 1,
         .h = 7,
         .w = 5,
         .c = 40,
         .middle = 24,
         .k = 56,
         .downsample = true},
    })),
    kName);

// --- Figures
// ---------------------------------------------------------------------------------------------------------

cuemu_counters count(const TestBlock& test, const BlockPlan& plan) {
  cuemu_counters counters{};
  cuemu_reset_counters();
  test.run(plan);
  cuemu_read_counters(&counters);
  return counters;
}
double dram_bytes(const cuemu_counters& counters) {
  return static_cast<double>(counters.global_load.unique_bytes +
                             counters.global_store.unique_bytes);
}

TEST(BlockCounters, WholeIdentityBlockMovesTheCompulsoryBytesWithoutBankConflicts) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  const TestBlock test({"stage2", 1, 56, 56, 256, 64, 256}, DataType::f16);
  const cuemu_counters whole = count(test, plan(test, BlockCut::whole));
  const cuemu_counters chain = count(test, plan(test, BlockCut::chain));
  const double compulsory = 2.0 * (2.0 * 56 * 56 * 256 + 256 * 64 + 9 * 64 * 64 + 64 * 256);
  EXPECT_EQ(whole.launches, 1u);
  EXPECT_LE(dram_bytes(whole), 0.55 * dram_bytes(chain));
  EXPECT_LE(dram_bytes(whole), 1.15 * compulsory);
  EXPECT_EQ(whole.ldmatrix.wavefronts, whole.ldmatrix.ideal_wavefronts);
  EXPECT_EQ(whole.async_copy.wavefronts, whole.async_copy.ideal_wavefronts);
  EXPECT_EQ(whole.integer_divisions, 0u);
  // 320 halo rows (300, in chunks of 64) for 224 pixels: at most a tenth more products than the
  // chain's, and its tails.
  EXPECT_LE(static_cast<double>(whole.mma_instructions),
            1.11 * static_cast<double>(chain.mma_instructions));
}

}  // namespace
}  // namespace foldconv::kernel_tests
