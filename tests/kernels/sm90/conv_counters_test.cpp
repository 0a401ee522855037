// SPDX-License-Identifier: MIT
// What conv_sm90 copies and multiplies, counted by the emulator.
#include <gtest/gtest.h>

#include "cuemu.h"
#include "kernels/sm90/hand_launch.hpp"

namespace foldconv::kernel_tests {
namespace {

cuemu_counters count(const Sm90Conv& conv, const char* kernel, const Sm90Launch& launch) {
  cuemu_reset_counters();
  conv.run(sm90_kernel(kernel), launch);
  cuemu_counters counters{};
  cuemu_read_counters(&counters);
  return counters;
}

class Sm90Counters : public testing::Test {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0 || !has_wgmma())
      GTEST_SKIP() << "counters need the emulator of compute capability 9.0";
  }
};

// ResNet-50's 3x3 of 128 channels at 28x28, with as many images as make whole tiles of 192 pixels and a tail.
constexpr int kImages = 3, kPixels = kImages * 28 * 28, kTiles = 13, kBlocks = 2 * 9;
static_assert((kPixels + 191) / 192 == kTiles && kPixels % 192 != 0);
constexpr ConvProblem kStage3 = {.dtype = DataType::f16,
                                 .n = kImages,
                                 .h = 28,
                                 .w = 28,
                                 .c = 128,
                                 .k = 128,
                                 .r = 3,
                                 .s = 3,
                                 .pad = Padding::same(1)};

TEST_F(Sm90Counters, WithoutResidual) {
  const Sm90Conv conv(kStage3, false, Guards::none);
  const cuemu_counters c = count(conv, "conv_sm90_f16_k192x128_wgmma", {.most_clusters = 132});
  EXPECT_EQ(c.launches, 1u);
  EXPECT_EQ(c.ctas, kTiles);
  EXPECT_EQ(c.tma_loads, kTiles * kBlocks * 2);
  EXPECT_EQ(c.tma_load_bytes, kTiles * kBlocks * (192 + 128) * 128);
  EXPECT_EQ(c.multicast_bytes, 0u);
  EXPECT_EQ(c.wgmma_instructions, kTiles * kBlocks * 4 * 3);
  EXPECT_EQ(c.mma_flops, kTiles * kBlocks * 4 * 3 * 2ull * 64 * 128 * 16);
  EXPECT_EQ(c.mma_instructions, 0u);
  // Boxes of 64 pixels x 64 channels, those that begin in y.
  EXPECT_EQ(c.tma_stores, (kPixels + 63) / 64 * 2);
  EXPECT_EQ(c.tma_store_bytes, kPixels * 128ull * 2);
  EXPECT_EQ(c.global_store.instructions, 0u);
  EXPECT_EQ(c.global_store.unique_bytes, kPixels * 128ull * 2);
  // x, w, scale and bias.
  EXPECT_EQ(c.global_load.unique_bytes, kPixels * 128ull * 2 + 128 * 128 * 9 * 2 + 2 * 128 * 4);
  // A stage is full and empty once a block of K, and nothing else is waited for.
  EXPECT_EQ(c.barrier_phases, kTiles * kBlocks * 2);
  EXPECT_GT(c.stmatrix.instructions, 0u);
  EXPECT_EQ(c.stmatrix.wavefronts, c.stmatrix.ideal_wavefronts);
  EXPECT_EQ(c.integer_divisions, 0u);
}

TEST_F(Sm90Counters, Residual) {
  ConvProblem problem = kStage3;
  problem.n = 1;
  problem.c = 64;
  problem.residual = true;
  constexpr int kOne = 28 * 28;
  const Sm90Conv conv(problem, false, Guards::none);
  for (const Sm90Kernel& kernel : sm90_kernels()) {
    if (kernel.dtype != DataType::f16) continue;
    SCOPED_TRACE(kernel.name);
    const Sm90Tile& tile = kernel.tile;
    const cuemu_counters c = count(conv, kernel.name, {.most_clusters = 5});
    const int tiles =
        (kOne + tile.block_m - 1) / tile.block_m * ((128 + tile.block_n - 1) / tile.block_n);
    const int boxes = (kOne + 63) / 64 * (128 / tile.panel_width());
    EXPECT_EQ(c.tma_loads, static_cast<unsigned int>(tiles * 9 * 2 + boxes));
    EXPECT_EQ(c.tma_stores, static_cast<unsigned int>(boxes));
    EXPECT_EQ(c.tma_store_bytes, kOne * 128ull * 2);
    EXPECT_EQ(c.global_load.unique_bytes,
              kOne * 64ull * 2 + kOne * 128ull * 2 + 128 * 64 * 9 * 2 + 2 * 128 * 4);
    EXPECT_EQ(c.shared_load.wavefronts, c.shared_load.ideal_wavefronts);
    EXPECT_EQ(c.stmatrix.wavefronts, c.stmatrix.ideal_wavefronts);
  }
}

// Where channels end inside a box, none past the end is read, and no box past it stored.
TEST_F(Sm90Counters, TailChannels) {
  constexpr int kImage = 9 * 10, kChannels = 72;
  const Sm90Conv conv({.dtype = DataType::f16, .n = 1, .h = 9, .w = 10, .c = 64, .k = kChannels},
                      false, Guards::none);
  for (const Sm90Kernel& kernel : sm90_kernels()) {
    if (kernel.dtype != DataType::f16) continue;
    SCOPED_TRACE(kernel.name);
    const int panel = kernel.tile.panel_width();
    const cuemu_counters c = count(conv, kernel.name, {.most_clusters = 132});
    EXPECT_EQ(c.tma_stores,
              static_cast<unsigned int>((kImage + 63) / 64 * ((kChannels + panel - 1) / panel)));
    EXPECT_EQ(c.tma_store_bytes, kImage * kChannels * 2ull);
    EXPECT_EQ(c.global_store.unique_bytes, kImage * kChannels * 2ull);
    EXPECT_EQ(c.global_load.unique_bytes,
              kImage * 64ull * 2 + kChannels * 64 * 2 + 2 * kChannels * 4);
  }
}

// The shared operand is copied by halves, each for both CTAs. Each of these stores its own tile, if that lies in y.
TEST_F(Sm90Counters, Multicast) {
  ConvProblem problem = kStage3;
  problem.k = 256;
  problem.r = problem.s = 1;
  problem.pad = {};
  const Sm90Conv conv(problem, false, Guards::none);
  constexpr std::uint64_t kSlices = 2, kRows = (kPixels + 127) / 128, kPairs = (kRows + 1) / 2;
  const cuemu_counters weights =
      count(conv, "conv_sm90_f16_k128x128_wgmma", {Multicast::weights, 4});
  EXPECT_EQ(weights.tma_loads, kPairs * 2 * 2 * kSlices * 2);
  EXPECT_EQ(weights.multicast_bytes, kPairs * 2 * 2 * kSlices * 128 * 128);
  EXPECT_EQ(weights.tma_load_bytes, kPairs * 2 * 2 * kSlices * (128 + 128) * 128);
  constexpr std::uint64_t kBoxes = (kPixels + 63) / 64 * 4, kBytes = kPixels * 256ull * 2;
  EXPECT_EQ(weights.tma_stores, kBoxes);
  EXPECT_EQ(weights.tma_store_bytes, kBytes);
  const cuemu_counters pixels = count(conv, "conv_sm90_f16_k128x128_wgmma", {Multicast::pixels, 4});
  EXPECT_EQ(pixels.tma_loads, kRows * 2 * kSlices * 2);
  EXPECT_EQ(pixels.multicast_bytes, kRows * 2 * kSlices * 128 * 128);
  EXPECT_EQ(pixels.tma_load_bytes, kRows * 2 * kSlices * (128 + 128) * 128);
  EXPECT_EQ(pixels.tma_stores, kBoxes);
  EXPECT_EQ(pixels.tma_store_bytes, kBytes);
}

}  // namespace
}  // namespace foldconv::kernel_tests
