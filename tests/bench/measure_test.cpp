// On the device: that measuring checks what it measures.
#include "measure/measure.hpp"

#include <gtest/gtest.h>

#include <algorithm>

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

class Measure : public testing::Test {
 protected:
  void SetUp() override {
    const Result<Device> device = current_device();
    ASSERT_TRUE(device.ok()) << device.status().message();
    device_ = *device;
    Result<std::unique_ptr<DeviceTensors>> tensors = DeviceTensors::create(workload_);
    ASSERT_TRUE(tensors.ok()) << tensors.status().message();
    tensors_ = std::move(*tensors);
    Result<std::vector<Implementation>> all = make_implementations(workload_, *tensors_, "");
    ASSERT_TRUE(all.ok()) << all.status().message();
    implementations_ = std::move(*all);
    ASSERT_EQ(implementations_.size(), 3U);
  }

  Measured checked(const Implementation& implementation) {
    Measured measured;
    const Status status = check(implementation, device_, measured);
    EXPECT_TRUE(status.ok()) << status.message();
    return measured;
  }

  Options options_;
  Device device_;
  Workload workload_ = make_workload(kLayer, options_);
  std::unique_ptr<DeviceTensors> tensors_;
  std::vector<Implementation> implementations_;
};

TEST_F(Measure, EveryImplementationIsRight) {
  const std::vector<std::size_t> launches = {1, 4, 4};  // conv, BatchNorm, add, ReLU
  for (std::size_t i = 0; i < implementations_.size(); ++i) {
    EXPECT_EQ(checked(implementations_[i]).wrong, "");
    EXPECT_EQ(implementations_[i].steps.size(), launches[i]);
  }
  EXPECT_EQ(implementations_[0].kernel, implementations_[1].kernel);
  EXPECT_EQ(implementations_[2].kernel, "direct_f16_sm80");
}

TEST_F(Measure, AStepThatDoesNothingIsCaught) {
  for (Implementation& implementation : implementations_) {
    for (Step& step : implementation.steps) {
      const auto launch = std::exchange(step.launch, [](cudaStream_t) { return Status(); });
      const std::string wrong = checked(implementation).wrong;
      EXPECT_NE(wrong.find(implementation.name + ", " + step.what), std::string::npos)
          << "\"" << wrong << "\"";
      step.launch = launch;
    }
  }
}

TEST_F(Measure, CountsOneLaunchAStepOnTheEmulator) {
  if (!device_.emulated) GTEST_SKIP() << "a GPU has no counters";
  for (const Implementation& implementation : implementations_) {
    const Measured measured = checked(implementation);
    ASSERT_EQ(measured.traffic.size(), implementation.steps.size());
    for (const Traffic& launch : measured.traffic) EXPECT_EQ(launch.launches, 1U);
  }
  // The direct kernel uses no tensor cores; the others do the whole convolution on them.
  const auto mma_flops = [&](std::size_t i) {
    return static_cast<double>(checked(implementations_[i]).total().mma_flops);
  };
  EXPECT_GE(mma_flops(0), kLayer.flops());
  EXPECT_GE(mma_flops(1), kLayer.flops());
  EXPECT_EQ(mma_flops(2), 0);
}

TEST_F(Measure, AChainMovesMoreBytesThanTheFusedKernel) {
  if (!device_.emulated) GTEST_SKIP() << "a GPU has no counters";
  const auto tensor = static_cast<std::uint64_t>(kLayer.output().elements()) * 2;
  const std::uint64_t fused = checked(implementations_[0]).total().dram_bytes;
  const std::uint64_t chain = checked(implementations_[1]).total().dram_bytes;
  // BatchNorm, add and ReLU read and write y, a launch each.
  EXPECT_GE(chain, fused + 6 * tensor);
}

TEST(MeasureProblem, RunsF32WithoutBatchNormAndResidual) {
  const Result<Device> device = current_device();
  ASSERT_TRUE(device.ok()) << device.status().message();
  Options options;
  options.implementations = {"fused", "chain", "unfused"};  // cuDNN's may be there or not
  options.batch_norm = false;
  options.conv_bias = true;
  ConvProblem problem = kLayer;
  problem.dtype = DataType::f32;
  problem.residual = false;
  Progress progress(1);
  const Result<std::vector<Measured>> measured =
      measure(problem, options, *device, Roofs{}, progress);
  ASSERT_TRUE(measured.ok()) << measured.status().message();
  ASSERT_EQ(measured->size(), 3U);
  for (const Measured& one : *measured) EXPECT_EQ(one.wrong, "");
  EXPECT_EQ((*measured)[1].launches, 2U);
}

TEST(MeasureProblem, AnInvalidProblemIsAnError) {
  const Result<Device> device = current_device();
  ASSERT_TRUE(device.ok()) << device.status().message();
  ConvProblem problem = kLayer;
  problem.k = 0;
  Progress progress(1);
  const auto measured = measure(problem, Options{}, *device, Roofs{}, progress);
  ASSERT_FALSE(measured.ok());
  EXPECT_EQ(measured.status().code(), ErrorCode::invalid_argument);
}

// The emulator's clock says nothing, but all that times a GPU runs on it.
TEST(MeasureProblem, TimesAsOnAGpu) {
  const Result<Device> found = current_device();
  ASSERT_TRUE(found.ok()) << found.status().message();
  Device device = *found;
  device.emulated = false;
  device.l2_bytes = 1 << 10;
  Options options;
  options.seconds = 0.01;
  Roofs roofs;
  roofs.copy.rate = 1;  // a floor of hours
  Progress progress(1);
  const Result<std::vector<Measured>> measured = measure(kLayer, options, device, roofs, progress);
  ASSERT_TRUE(measured.ok()) << measured.status().message();
  for (const Measured& one : *measured) {
    EXPECT_EQ(one.wrong + one.untimed, "");
    ASSERT_TRUE(one.timings.cold && one.timings.warm);
    EXPECT_GE(one.timings.cold->samples, RepetitionLimits{}.fewest);
    EXPECT_DOUBLE_EQ(one.floor.seconds, one.work.bytes);
    EXPECT_TRUE(one.traffic.empty());
  }
}

}  // namespace
}  // namespace foldconv::tool
