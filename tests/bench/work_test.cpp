// Compulsory bytes and operations, by hand and against the emulator's counts.
#include "measure/work.hpp"

#include <gtest/gtest.h>

#include "measure/measure.hpp"

namespace foldconv::tool {
namespace {

constexpr ConvProblem kLayer{.dtype = DataType::f16,
                             .n = 2,
                             .h = 6,
                             .w = 5,
                             .c = 64,
                             .k = 24,
                             .r = 3,
                             .s = 3,
                             .pad = {1, 1, 1, 1},
                             .activation = Activation::relu,
                             .residual = true};
constexpr double kX = 2 * 30 * 64 * 2, kW = 24 * 9 * 64 * 2, kY = 2 * 30 * 24 * 2, kScales = 24 * 8;

TEST(Work, AFusedLayerMovesEveryOperandOnce) {
  const Work work = work_of(kLayer);
  EXPECT_EQ(work.bytes, kX + kW + 2 * kY + kScales);
  EXPECT_EQ(work.flops, 2.0 * 60 * 24 * 9 * 64);
}

TEST(Work, SeparateStepsMoveTheOutputAgainAndAgain) {
  // The conv writes it; BatchNorm and ReLU read and write it, the sum reads two and writes one.
  const double batch_norm = 24 * 16;
  EXPECT_EQ(separate_work_of(kLayer, true).bytes, kX + kW + kScales + 8 * kY + batch_norm);
  EXPECT_EQ(separate_work_of(kLayer, false).bytes, kX + kW + kScales + 6 * kY);
  EXPECT_EQ(separate_work_of(kLayer, true).flops, kLayer.flops());
}

TEST(Work, InputThatNoTapMeetsDoesNotCount) {
  ConvProblem problem{.n = 1, .h = 8, .w = 8, .c = 8, .k = 8, .stride = {2, 2}};
  EXPECT_EQ(work_of(problem).bytes, (4 * 4 * 8 + 8 * 8 + 4 * 4 * 8) * 2 + 8 * 8);
  problem.pad = {-2, -2, 0, 0};  // cropped: rows 2 and 4 are left
  EXPECT_EQ(work_of(problem).bytes, (2 * 4 * 8 + 8 * 8 + 2 * 4 * 8) * 2 + 8 * 8);
}

class WorkOnDevice : public testing::Test {
 protected:
  void SetUp() override {
    const Result<Device> device = current_device();
    ASSERT_TRUE(device.ok()) << device.status().message();
    if (!device->emulated) GTEST_SKIP() << "a GPU has no counters";
    device_ = *device;
  }

  // Within a few percent: counts are of whole sectors, and blocks' figures leave scales out.
  void expect_counted(const Result<std::vector<Measured>>& measured) {
    ASSERT_TRUE(measured.ok()) << measured.status().message();
    for (const Measured& one : *measured) {
      if (!one.refusal.empty()) continue;
      EXPECT_EQ(one.wrong, "");
      const auto counted = static_cast<double>(one.total().dram_bytes);
      EXPECT_GT(one.work.bytes, 0.9 * counted) << one.implementation;
      EXPECT_LT(one.work.bytes, 1.05 * counted) << one.implementation;
      EXPECT_GT(one.work.flops, 0) << one.implementation;
    }
  }

  Device device_;
  Progress progress_{1};
};

TEST_F(WorkOnDevice, OfLayersIsWhatTheEmulatorCounts) {
  expect_counted(measure(kLayer, Options{}, device_, Roofs{}, progress_));
}

TEST_F(WorkOnDevice, OfBlocksIsWhatTheEmulatorCounts) {
  for (const char* text : {"ih14_ic64mid64oc64x2", "ih14_ic64mid32oc128_s2"}) {
    const Result<BlockDescriptor> descriptor = parse_block_descriptor(text);
    ASSERT_TRUE(descriptor.ok()) << descriptor.status().message();
    const Result<BlockWorkload> workload = make_block_workload(*descriptor, Options{});
    ASSERT_TRUE(workload.ok()) << workload.status().message();
    SCOPED_TRACE(text);
    expect_counted(measure(*workload, Options{}, device_, Roofs{}, progress_));
  }
}

}  // namespace
}  // namespace foldconv::tool
