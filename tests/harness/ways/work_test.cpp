// SPDX-License-Identifier: MIT
// Compulsory bytes and operations, by hand and against the emulator's counts.
#include <cuemu.h>
#include <gtest/gtest.h>

#include "harness/ways/ways_of.hpp"

namespace foldconv::harness {
namespace {

constexpr double kX = 2 * 30 * 64 * 2, kW = 24 * 9 * 64 * 2, kY = 2 * 30 * 24 * 2, kScales = 24 * 8;

TEST(Work, AFusedLayerMovesEveryOperandOnce) {
  const Work work = work_of(kLayer);
  EXPECT_EQ(work.bytes, kX + kW + 2 * kY + kScales);
  EXPECT_EQ(work.flops, 2.0 * 60 * 24 * 9 * 64);
  const Problem layer = make_layer(kLayer);
  EXPECT_EQ(least_work(layer).bytes, work.bytes);
}

TEST(Work, SeparateStepsMoveTheOutputAgainAndAgain) {
  // The conv writes it; BatchNorm and ReLU read and write it, the sum reads two and writes one.
  const double batch_norm = 24 * 16;
  const Ways with(filled_layer(kLayer)), without(filled_layer(kLayer, {.batch_norm = false}));
  EXPECT_EQ(with.find("separate").work().bytes, kX + kW + kScales + 8 * kY + batch_norm);
  EXPECT_EQ(without.find("separate").work().bytes, kX + kW + kScales + 6 * kY);
  EXPECT_EQ(with.find("separate").work().flops, kLayer.flops());
}

TEST(Work, InputThatNoTapMeetsDoesNotCount) {
  ConvProblem problem{.n = 1, .h = 8, .w = 8, .c = 8, .k = 8, .stride = {2, 2}};
  EXPECT_EQ(work_of(problem).bytes, (4 * 4 * 8 + 8 * 8 + 4 * 4 * 8) * 2 + 8 * 8);
  problem.pad = {-2, -2, 0, 0};  // cropped: rows 2 and 4 are left
  EXPECT_EQ(work_of(problem).bytes, (2 * 4 * 8 + 8 * 8 + 2 * 4 * 8) * 2 + 8 * 8);
}

TEST(Work, OfABlockIsAtLeastItsOperands) {
  EXPECT_EQ(least_work(parse_block("ih8_ic16oc16")).bytes, 2 * (2.0 * 64 * 16 + 2 * 9 * 16 * 16));
}

// Within a few percent: counts are of whole sectors, and blocks' figures leave scales out.
void expect_counted(Problem problem) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU has no counters";
  const Ways ways(std::move(problem));
  for (const Way& way : ways.all) {
    if (!way.refusal.empty()) continue;
    double counted = 0;
    std::size_t launches = 0;
    const auto count = [&](const Step& step) {
      cuemu_counters counters{};
      cuemu_reset_counters();
      run_step(step);
      cuemu_read_counters(&counters);
      counted += static_cast<double>(counters.global_load.unique_bytes +
                                     counters.global_store.unique_bytes);
      launches += counters.launches;
    };
    const Checked checked = check(way, {.run = count});
    EXPECT_EQ(checked.wrong, "");
    EXPECT_EQ(launches, way.launches()) << way.name;
    EXPECT_GT(way.work().bytes, 0.9 * counted) << way.name;
    EXPECT_LT(way.work().bytes, 1.05 * counted) << way.name;
    EXPECT_GT(way.work().flops, 0) << way.name;
  }
}

TEST(WorkOnDevice, OfLayersIsWhatTheEmulatorCounts) {
  expect_counted(filled_layer(kLayer));
}

TEST(WorkOnDevice, OfBlocksIsWhatTheEmulatorCounts) {
  for (const char* text : {"ih14_ic64mid64oc64x2", "ih14_ic64mid32oc128_s2"}) {
    SCOPED_TRACE(text);
    expect_counted(filled_block(text));
  }
}

}  // namespace
}  // namespace foldconv::harness
