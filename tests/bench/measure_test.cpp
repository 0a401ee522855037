// SPDX-License-Identifier: MIT
// On the device: that what is measured is checked, counted or timed.
#include "measure/measure.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/caught.hpp"
#include "harness/ways/ways_of.hpp"

namespace foldconv::tool {
namespace {

using harness::kLayer;
using harness::Ways;

class Measure : public testing::Test {
 protected:
  void SetUp() override {
    if (!harness::current_device().emulated) GTEST_SKIP() << "a GPU has no counters";
  }

  static std::vector<Measured> counted(const Ways& ways) {
    return measure(
        ways.all,
        {.timing = {}, .roofs = {}, .model = find_model("a100"), .emulated = true, .doing = {}});
  }
  static const Measured& find(const std::vector<Measured>& measured, const std::string& way) {
    return *std::ranges::find(measured, way, &Measured::way);
  }
};

TEST_F(Measure, CountsEveryLaunchByItself) {
  for (const Ways& ways : {Ways(harness::filled_layer(kLayer)),
                           Ways(harness::filled_block("ih6_ic64mid32oc128_s2"))}) {
    for (const Measured& one : counted(ways)) {
      if (!one.refusal.empty()) continue;
      EXPECT_EQ(one.wrong, "");
      EXPECT_EQ(one.traffic.size(), one.launches) << one.way;
      for (const Traffic& launch : one.traffic) EXPECT_EQ(launch.launches, 1U);
      EXPECT_GT(one.floor.seconds, 0);
    }
  }
}

TEST_F(Measure, TheDirectKernelUsesNoTensorCoresAndSeparateOnesMoveMore) {
  const Ways ways(harness::filled_layer(kLayer));
  const std::vector<Measured> measured = counted(ways);
  const auto flops = [&](const char* way) {
    return static_cast<double>(find(measured, way).total().mma_flops);
  };
  EXPECT_GE(flops("planned"), kLayer.flops());
  EXPECT_GE(flops("separate"), kLayer.flops());
  EXPECT_EQ(flops("direct"), 0);
  // BatchNorm, add and ReLU read and write y, a launch each.
  const auto tensor = static_cast<std::uint64_t>(kLayer.output().elements()) * 2;
  EXPECT_GE(find(measured, "separate").total().dram_bytes,
            find(measured, "planned").total().dram_bytes + 6 * tensor);
}

TEST_F(Measure, TheWholeKernelMovesLessThanTheChainAndThatLessThanSeparateKernels) {
  const Ways ways(harness::filled_block("ih16_ic64mid64oc64"));
  const std::vector<Measured> measured = counted(ways);
  const auto bytes = [&](const char* way) { return find(measured, way).total().dram_bytes; };
  EXPECT_LT(bytes("whole"), bytes("chain"));
  EXPECT_LT(bytes("chain"), bytes("separate"));
  EXPECT_GT(find(measured, "whole").planner_floor_us, 0);
}

TEST_F(Measure, AWrongResultHasNoFiguresButItsReason) {
  Ways ways(harness::filled_layer(kLayer));
  ways.all.front().steps.front().launch = [](cudaStream_t) {};
  const std::vector<Measured> measured = counted(ways);
  EXPECT_FALSE(measured.front().right());
  EXPECT_TRUE(harness::names(measured.front().wrong, "planned, "));
  EXPECT_TRUE(measured.back().right());
}

// The emulator's clock says nothing, but all that times a GPU runs on it.
TEST_F(Measure, TimesAsOnAGpu) {
  Ways ways(harness::filled_layer(kLayer));
  ways.all.push_back(ways.all.front());
  ways.all.back().steps.front().launch =
      [launch = ways.all.front().steps.front().launch](cudaStream_t stream) {
        if (stream != nullptr) throw harness::Error(ErrorCode::cuda_error, "no capture on purpose");
        launch(stream);
      };
  Roofs roofs;
  roofs.copy.rate = 1;  // a floor of hours
  const std::vector<Measured> measured =
      measure(ways.all, {.timing = {.l2_bytes = 1 << 10, .limits = {.seconds = 0.01}},
                         .roofs = roofs,
                         .model = nullptr,
                         .emulated = false,
                         .doing = {}});
  EXPECT_EQ(measured.back().untimed, "no capture on purpose");
  EXPECT_FALSE(measured.back().timings.cold);
  for (std::size_t i = 0; i + 1 < measured.size(); ++i) {
    const Measured& one = measured[i];
    EXPECT_EQ(one.wrong + one.untimed, "");
    ASSERT_TRUE(one.timings.cold && one.timings.warm);
    EXPECT_GE(one.timings.cold->samples, harness::RepetitionLimits{}.fewest);
    EXPECT_DOUBLE_EQ(one.floor.seconds, one.work.bytes);
    EXPECT_TRUE(one.traffic.empty());
  }
}

}  // namespace
}  // namespace foldconv::tool
