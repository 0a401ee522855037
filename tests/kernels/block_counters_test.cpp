// SPDX-License-Identifier: MIT
// What the kernels of blocks move and multiply, by the emulator's exact counts.
#include "cuemu.h"
#include "foldconv/block.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

class BlockCounters : public testing::Test {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  }
};

cuemu_counters count(const TestBlocks& test, BlockCut cut) {
  const BlockPlan plan = test.plan(cut);
  cuemu_counters counters{};
  cuemu_reset_counters();
  test.run(plan, Guards::none);  // which would break the alignment of whole sectors
  cuemu_read_counters(&counters);
  return counters;
}

// Compulsory bytes of all launches together: what each reads and writes, once.
double dram_bytes(const cuemu_counters& counters) {
  return static_cast<double>(counters.global_load.unique_bytes +
                             counters.global_store.unique_bytes);
}

void expect_clean_mainloops(const cuemu_counters& counters) {
  EXPECT_EQ(counters.ldmatrix.wavefronts, counters.ldmatrix.ideal_wavefronts);
  EXPECT_EQ(counters.async_copy.wavefronts, counters.async_copy.ideal_wavefronts);
  EXPECT_EQ(counters.global_store.sectors, counters.global_store.ideal_sectors);
  EXPECT_EQ(counters.integer_divisions, 0u);
}

void expect_no_waste(const cuemu_counters& counters) {
  expect_clean_mainloops(counters);
  EXPECT_EQ(counters.global_load.sectors, counters.global_load.ideal_sectors);
}

void expect_compulsory_bytes(const cuemu_counters& whole, const cuemu_counters& chain, int images) {
  const double compulsory =
      2.0 * (images * 2.0 * 56 * 56 * 256 + 256 * 64 + 9 * 64 * 64 + 64 * 256);
  EXPECT_EQ(whole.launches, 1u);
  EXPECT_LE(dram_bytes(whole), 0.55 * dram_bytes(chain));
  EXPECT_LE(dram_bytes(whole), 1.15 * compulsory);
  expect_clean_mainloops(whole);
}

// One image: small tiles, for the sake of more CTAs.
TEST_F(BlockCounters, WholeIdentityBlockMovesTheCompulsoryBytesWithoutBankConflicts) {
  const TestBlocks test({"stage2", 1, 56, 56, 256, 64, 256}, DataType::f16);
  const cuemu_counters whole = count(test, BlockCut::whole);
  expect_compulsory_bytes(whole, count(test, BlockCut::chain), 1);
}

// As many images as give each SM one large tile: 304 halo rows (300, in fragments of 16) for 224 pixels
// are at most a tenth more products than the chain's, and its tails.
TEST_F(BlockCounters, WholeIdentityBlockRecomputesLittle) {
  int multiprocessors = 0;
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0), "attribute");
  const int images = multiprocessors / 14;
  const TestBlocks test({"stage2", images, 56, 56, 256, 64, 256}, DataType::f16);
  const cuemu_counters whole = count(test, BlockCut::whole);
  const cuemu_counters chain = count(test, BlockCut::chain);
  expect_compulsory_bytes(whole, chain, images);
  EXPECT_LE(static_cast<double>(whole.mma_instructions),
            1.11 * static_cast<double>(chain.mma_instructions));
}

// t2 never leaves the kernel; nothing is computed twice (28x28 are 6.125 tiles of 128 pixels, 12.25
// of 64).
TEST_F(BlockCounters, TailsSaveTheMiddleTensor) {
  const TestBlocks test({"stage3", 1, 28, 28, 512, 128, 512}, DataType::f16);
  const cuemu_counters tails = count(test, BlockCut::tails);
  const cuemu_counters chain = count(test, BlockCut::chain);
  EXPECT_EQ(tails.launches, 2u);
  EXPECT_DOUBLE_EQ(dram_bytes(chain) - dram_bytes(tails), 2.0 * 2 * 28 * 28 * 128);
  EXPECT_LE(static_cast<double>(tails.mma_instructions),
            7 / 6.125 * static_cast<double>(chain.mma_instructions));
  expect_no_waste(tails);
}

TEST_F(BlockCounters, TailProjectionReadsXOnce) {
  const TestBlocks test(with_downsample({"stage3_first", 1, 56, 56, 256, 128, 512}, 2),
                        DataType::f16);
  const cuemu_counters tails = count(test, BlockCut::tails);
  EXPECT_EQ(tails.launches, 2u);
  EXPECT_EQ(count(test, BlockCut::chain).launches, 3u);
  const double pixels = 28 * 28, weights = 256 * 128 + 9 * 128 * 128 + (128 + 256) * 512;
  const double elements = 4 * pixels * (256 + 128)          // conv1
                          + pixels * (4 * 128 + 256 + 512)  // the rest
                          + weights;
  // And scale and bias of 128, 128 and 512 channels in fp32.
  EXPECT_DOUBLE_EQ(dram_bytes(tails), 2 * elements + 4 * 2 * (128 + 128 + 512));
  expect_no_waste(tails);
}

}  // namespace
}  // namespace foldconv::kernel_tests
