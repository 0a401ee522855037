// SPDX-License-Identifier: MIT
// On the device: that what is measured is checked, counted or timed.
#include "measure/measure.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "harness/caught.hpp"
#include "harness/device/machine.hpp"
#include "harness/ways/library.hpp"
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

  static DeviceSpeed model() { return harness::value_of(device_speed()); }
  static std::vector<Measured> counted(const Ways& ways) {
    return measure(ways.all, {.roofs = roofs_of(model(), "x"), .emulated = true});
  }
  static const Measured& find(const std::vector<Measured>& measured, const std::string& way) {
    return *std::ranges::find_if(measured,
                                 [&](const Measured& one) { return one.way.name == way; });
  }
};

TEST_F(Measure, CountsEveryLaunch) {
  for (const Ways& ways : {Ways(harness::filled_layer(kLayer)),
                           Ways(harness::filled_block("ih6_ic64mid32oc128_s2"))}) {
    for (const Measured& one : counted(ways)) {
      if (!one.way.refusal.empty()) continue;
      EXPECT_EQ(one.wrong, "");
      EXPECT_EQ(one.traffic.launches, one.way.launches()) << one.way.name;
      EXPECT_GT(one.floor.seconds, 0);
    }
  }
}

TEST_F(Measure, TheDirectKernelUsesNoTensorCoresAndSeparateOnesMoveMore) {
  const Ways ways(harness::filled_layer(kLayer));
  const std::vector<Measured> measured = counted(ways);
  const auto flops = [&](const char* way) {
    return static_cast<double>(find(measured, way).traffic.mma_flops);
  };
  EXPECT_GE(flops("planned"), kLayer.flops());
  EXPECT_GE(flops("separate"), kLayer.flops());
  EXPECT_EQ(flops("direct"), 0);
  const Traffic& planned = find(measured, "planned").traffic;
  EXPECT_GT(planned.mma_instructions, 0u);
  EXPECT_GT(planned.ideal_shared_wavefronts, 0u);
  EXPECT_GE(planned.shared_wavefronts, planned.ideal_shared_wavefronts);
  const Traffic& direct = find(measured, "direct").traffic;
  EXPECT_EQ(direct.mma_instructions, 0u);
  EXPECT_GT(direct.fma_flops, planned.fma_flops);
  // BatchNorm, add and ReLU read and write y, a launch each.
  const auto tensor = static_cast<std::uint64_t>(kLayer.output().elements()) * 2;
  EXPECT_GE(find(measured, "separate").traffic.dram_bytes,
            find(measured, "planned").traffic.dram_bytes + 6 * tensor);
}

TEST_F(Measure, TheWholeKernelMovesLessThanTheChainAndThatLessThanSeparateKernels) {
  const Ways ways(harness::filled_block("ih16_ic64mid64oc64"));
  const std::vector<Measured> measured = counted(ways);
  const auto bytes = [&](const char* way) { return find(measured, way).traffic.dram_bytes; };
  EXPECT_LT(bytes("whole"), bytes("chain"));
  EXPECT_LT(bytes("chain"), bytes("separate"));
}

TEST_F(Measure, OneFloorForOneLaunchWhoeverSaysIt) {
  const harness::Problem problem = harness::filled_block("ih16_ic64mid64oc64");
  const BlockPlan plan =
      harness::value_of(harness::plan_blocks(harness::create_blocks(problem), problem));
  const std::vector<Measured> measured = counted(Ways(problem));
  for (const CutFigures& cut : plan.explanation().cuts) {
    if (!cut.refusal.empty() || cut.cut == BlockCut::automatic) continue;
    EXPECT_NEAR(find(measured, to_string(cut.cut)).floor.seconds * 1e6, cut.floor_us, 1e-9);
  }
  // A layer's chain is a launch of a block's chain.
  const harness::LineConv& conv1 = problem.lines.front().convs.front();
  const ConvPlan alone = harness::plan_conv(harness::folded(conv1), conv1.problem);
  const CutFigures& chain =
      *std::ranges::find(plan.explanation().cuts, BlockCut::chain, &CutFigures::cut);
  EXPECT_EQ(floor_seconds(alone.explanation().cost, model()) * 1e6,
            chain.launches.front().floor_us);
}

TEST_F(Measure, AWrongResultHasNoFiguresButItsReason) {
  Ways ways(harness::filled_layer(kLayer));
  ways.all.front().steps.front().launch = [](cudaStream_t) {};
  const std::vector<Measured> measured = counted(ways);
  EXPECT_FALSE(measured.front().right());
  EXPECT_TRUE(harness::names(measured.front().wrong, "planned, "));
  EXPECT_TRUE(measured.back().right());
}

TEST(Traffic, WavefrontsHaveAnIdeal) {
  const Traffic traffic{.shared_wavefronts = 6, .ideal_shared_wavefronts = 4};
  EXPECT_DOUBLE_EQ(traffic.wavefronts_over_ideal(), 1.5);
  EXPECT_EQ(Traffic{}.wavefronts_over_ideal(), 0);
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
  const std::vector<Measured> measured = measure(
      ways.all, {.timing = {.l2_bytes = 1 << 10, .limits = {.seconds = 0.01}}, .roofs = roofs});
  EXPECT_EQ(measured.back().untimed, "no capture on purpose");
  EXPECT_FALSE(measured.back().timings.cold);
  for (std::size_t i = 0; i + 1 < measured.size(); ++i) {
    const Measured& one = measured[i];
    EXPECT_EQ(one.wrong + one.untimed, "");
    ASSERT_TRUE(one.timings.cold && one.timings.warm);
    EXPECT_GE(one.timings.cold->samples, harness::RepetitionLimits{}.fewest);
    EXPECT_DOUBLE_EQ(one.floor.seconds, one.way.work().bytes);
    EXPECT_EQ(one.traffic.launches, 0U);
  }
}

}  // namespace
}  // namespace foldconv::tool
