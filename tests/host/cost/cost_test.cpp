// SPDX-License-Identifier: MIT
// The model of a device, and what it makes of a launch's cost.
#include "foldconv/cost.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cost/device_speed.hpp"
#include "cost/reach.hpp"

namespace foldconv::host {
namespace {

const DeviceFigures kA100 = {.capability = 80, .multiprocessors = 108, .shared_bytes = 166912};

TEST(Cost, RatesFollowFromTheClocks) {
  const DeviceSpeed speed = speed_of({1'000'000, 500'000, 1024}, kA100);
  EXPECT_DOUBLE_EQ(speed.bytes_per_second, 2e3 * 500'000 * 1024 / 8 * 0.9);
  EXPECT_DOUBLE_EQ(speed.flops_per_second, 2e9 * 108 * 1024);
  EXPECT_DOUBLE_EQ(speed.simt_flops_per_second, 2e9 * 108 * 64);
  EXPECT_DOUBLE_EQ(speed.l2_bytes_per_second, 1e9 * 108 * 30.9);
  EXPECT_DOUBLE_EQ(speed.clocks_per_second, 1e9);
  EXPECT_EQ(speed.multiprocessors, 108);
  EXPECT_FALSE(speed.assumed);
}

TEST(Cost, ADriverThatReportsNoClocksLeavesFiniteTimes) {
  for (const DeviceClocks& clocks :
       {DeviceClocks{0, 500'000, 1024}, {1'000'000, 0, 1024}, {1'000'000, 500'000, 0}}) {
    const DeviceSpeed speed = speed_of(clocks, kA100);
    EXPECT_GT(speed.bytes_per_second, 1e11);
    EXPECT_GT(speed.flops_per_second, 1e13);
    EXPECT_NE(speed.to_string().find("assumed"), std::string::npos) << speed.to_string();
  }
}

// 1 TB/s, 2 TB/s, 100 TFLOP/s, 1 GHz, 1 us; 10 SMs.
constexpr DeviceSpeed kRound = {.bytes_per_second = 1e12,
                                .l2_bytes_per_second = 2e12,
                                .flops_per_second = 100e12,
                                .simt_flops_per_second = 10e12,
                                .clocks_per_second = 1e9,
                                .multiprocessors = 10,
                                .product_clocks = 20,
                                .launch_seconds = 1e-6,
                                .assumed = false};

TEST(Cost, EveryTermIsItsAmountOverItsRate) {
  const LaunchCost cost = {.dram_bytes = 4e6,
                           .l2_bytes = 6e6,
                           .executed_flops = 500e6,
                           .wavefronts = 70e3,
                           .tiles = 10,
                           .chain = 100};
  const CostTerms terms = terms_of(cost, kRound);
  EXPECT_DOUBLE_EQ(terms.dram, 4e-6);
  EXPECT_DOUBLE_EQ(terms.l2, 3e-6);
  EXPECT_DOUBLE_EQ(terms.units, 5e-6);
  EXPECT_DOUBLE_EQ(terms.shared_memory, 7e-6);
  EXPECT_DOUBLE_EQ(terms.chain, 2e-6);
  EXPECT_DOUBLE_EQ(terms.launch, 1e-6);
  EXPECT_DOUBLE_EQ(floor_seconds(cost, kRound), 8e-6);
}

// Beside tensor cores, not instead of them.
TEST(Cost, Fp32UnitsWorkBesideTensorCores) {
  const LaunchCost cost = {.executed_flops = 550e6, .tiles = 11, .fp32_flops = 110e6};
  EXPECT_DOUBLE_EQ(terms_of(cost, kRound).units, 10e-6);
  EXPECT_DOUBLE_EQ(terms_of(cost, kRound).fp32, 20e-6);
  EXPECT_DOUBLE_EQ(floor_seconds(cost, kRound), 21e-6);
}

// 11 tiles on 10 SMs take as long as 20, however many an SM runs at a time; bytes do not. What waits for each other
// overlaps with what another CTA of the SM waits for.
TEST(Cost, TheFullestSmDecides) {
  for (const int resident : {1, 2, 3}) {
    const LaunchCost cost = {.dram_bytes = 4e6,
                             .l2_bytes = 6e6,
                             .executed_flops = 550e6,
                             .wavefronts = 77e3,
                             .tiles = 11,
                             .resident = resident,
                             .chain = 100};
    const CostTerms terms = terms_of(cost, kRound);
    EXPECT_DOUBLE_EQ(terms.dram, 4e-6);
    EXPECT_DOUBLE_EQ(terms.l2, 3e-6);
    EXPECT_DOUBLE_EQ(terms.units, 10e-6);
    EXPECT_DOUBLE_EQ(terms.shared_memory, 14e-6);
    EXPECT_DOUBLE_EQ(terms.chain, resident == 1 ? 4e-6 : 2e-6);
  }
}

// Wave by wave: SMs x resident tiles a wave, of the last one what is left, spread over the SMs.
TEST(Cost, TheFullestSmIsThatOfTheWaves) {
  for (int tiles = 1; tiles <= 100; ++tiles) {
    for (const int resident : {1, 2, 3, 5}) {
      int fullest = 0;
      for (int left = tiles; left > 0; left -= 10 * resident)
        fullest += std::min((left + 9) / 10, resident);
      const LaunchCost cost = {
          .wavefronts = 1e3 * tiles, .tiles = double(tiles), .resident = resident};
      EXPECT_DOUBLE_EQ(terms_of(cost, kRound).shared_memory, 1e-6 * fullest) << tiles;
    }
  }
}

TEST(Cost, TheLimitIsTheLongestTerm) {
  EXPECT_EQ(limit_of({.dram_bytes = 2e6}, kRound), CostTerm::dram);
  EXPECT_EQ(limit_of({.dram_bytes = 2e6, .l2_bytes = 5e6}, kRound), CostTerm::l2);
  EXPECT_EQ(limit_of({.executed_flops = 200e6, .tiles = 10}, kRound), CostTerm::tensor_cores);
  EXPECT_EQ(limit_of({.tensor_cores = false, .executed_flops = 20e6, .tiles = 10}, kRound),
            CostTerm::fp32_units);
  EXPECT_EQ(limit_of({.executed_flops = 200e6, .tiles = 10, .fp32_flops = 30e6}, kRound),
            CostTerm::fp32_units);
  EXPECT_EQ(limit_of({.wavefronts = 20e3, .tiles = 10}, kRound), CostTerm::shared_memory);
  EXPECT_EQ(limit_of({.tiles = 1, .chain = 100}, kRound), CostTerm::chain);
  EXPECT_EQ(limit_of({.dram_bytes = 0.9e6}, kRound), CostTerm::launch);
  EXPECT_STREQ(to_string(CostTerm::shared_memory), "shared memory");
}

// Against marking each row.
TEST(Cost, EveryRowThatSomeTapMeetsCountsOnce) {
  for (int at = 0; at < 7 * 6 * 7 * 5 * 5; ++at) {
    const int size = at % 7 * 2 + 1, stride = at / 7 % 6 + 1, pad = at / 42 % 7 - 2,
              taps = at / 294 % 5 + 1, dilation = at / 1470 % 5 + 1;
    for (const int outputs : {1, 3, 8}) {
      std::vector<bool> met(static_cast<std::size_t>(size));
      for (int output = 0; output < outputs; ++output) {
        for (int tap = 0; tap < taps; ++tap) {
          const int row = output * stride - pad + tap * dilation;
          if (row >= 0 && row < size) met[static_cast<std::size_t>(row)] = true;
        }
      }
      int pairs = 0;
      for (int output = 0; output < outputs; ++output) {
        for (int tap = 0; tap < taps; ++tap) {
          const int row = output * stride - pad + tap * dilation;
          pairs += row >= 0 && row < size;
        }
      }
      ASSERT_EQ(meetings(size, outputs, {stride, pad, taps, dilation}), pairs);
      ASSERT_EQ(pixels_met(size, outputs, {stride, pad, taps, dilation}),
                std::ranges::count(met, true))
          << size << " rows, stride " << stride << ", pad " << pad << ", " << taps
          << " taps, dilation " << dilation << ", " << outputs << " outputs";
    }
  }
  constexpr int kHuge = 1 << 30;
  EXPECT_EQ(pixels_met(kHuge, kHuge, {.stride = 1, .pad = 1, .taps = 3}), kHuge);
}

}  // namespace
}  // namespace foldconv::host
