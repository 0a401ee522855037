// SPDX-License-Identifier: MIT
// The planner's model of a device.
#include "block/cost.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace foldconv::host {
namespace {

const DeviceFigures kA100 = {.capability = 80, .multiprocessors = 108, .shared_bytes = 166912};

TEST(BlockCost, RatesFollowFromTheClocks) {
  const DeviceSpeed speed = speed_of({1'000'000, 500'000, 1024}, kA100);
  EXPECT_DOUBLE_EQ(speed.bytes_per_second, 2e3 * 500'000 * 1024 / 8 * 0.9);
  EXPECT_DOUBLE_EQ(speed.flops_per_second, 2e9 * 108 * 1024);
  EXPECT_FALSE(speed.assumed);
}

TEST(BlockCost, ADriverThatReportsNoClocksLeavesFiniteTimes) {
  for (const DeviceClocks& clocks :
       {DeviceClocks{0, 500'000, 1024}, {1'000'000, 0, 1024}, {1'000'000, 500'000, 0}}) {
    const DeviceSpeed speed = speed_of(clocks, kA100);
    EXPECT_GT(speed.bytes_per_second, 1e11);
    EXPECT_GT(speed.flops_per_second, 1e13);
    EXPECT_NE(speed.to_string().find("assumed"), std::string::npos) << speed.to_string();
  }
}

TEST(BlockCost, TheLongerOfBytesAndFlopsCountsAndTheLastWaveIsAFullOne) {
  const DeviceSpeed speed = {
      .bytes_per_second = 1e12, .flops_per_second = 1e14, .launch_seconds = 1e-6};
  EXPECT_DOUBLE_EQ(floor_seconds({.dram_bytes = 4e6, .flops = 1e8}, speed), 5e-6);
  EXPECT_DOUBLE_EQ(floor_seconds({.dram_bytes = 4e6, .flops = 1e9, .waves = 1.25}, speed),
                   1e-5 * 2 / 1.25 + 1e-6);
}

// Against marking each row.
TEST(BlockCost, EveryRowThatSomeTapMeetsCountsOnce) {
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
