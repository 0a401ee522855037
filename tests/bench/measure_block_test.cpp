// On the device: that measuring residual blocks checks what it measures.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "compute/block_implementations.hpp"
#include "measure/measure.hpp"

namespace foldconv::tool {
namespace {

class MeasureBlock : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const Result<Device> device = current_device();
    ASSERT_TRUE(device.ok()) << device.status().message();
    device_ = *device;
    const Result<BlockDescriptor> descriptor = parse_block_descriptor(GetParam());
    ASSERT_TRUE(descriptor.ok()) << descriptor.status().message();
    Result<BlockWorkload> workload = make_block_workload(*descriptor, Options{});
    ASSERT_TRUE(workload.ok()) << workload.status().message();
    workload_ = std::move(*workload);
    Result<std::vector<Block>> blocks = create_blocks(workload_);
    ASSERT_TRUE(blocks.ok()) << blocks.status().message();
    blocks_ = std::move(*blocks);
    Result<BlockReference> reference = reference_of(workload_, blocks_);
    ASSERT_TRUE(reference.ok()) << reference.status().message();
    reference_ = std::move(*reference);
    Result<std::vector<Implementation>> all =
        make_block_implementations(workload_, blocks_, reference_, tensors_);
    ASSERT_TRUE(all.ok()) << all.status().message();
    implementations_ = std::move(*all);
  }

  Measured checked(const Implementation& implementation) {
    Measured measured;
    const Status status = check(implementation, device_, measured);
    EXPECT_TRUE(status.ok()) << status.message();
    return measured;
  }

  Implementation* find(const std::string& name) {
    const auto found = std::ranges::find(implementations_, name, &Implementation::name);
    return found == implementations_.end() ? nullptr : &*found;
  }

  Device device_;
  BlockWorkload workload_;
  std::vector<Block> blocks_;
  BlockReference reference_;
  BlockTensors tensors_;
  std::vector<Implementation> implementations_;
};

TEST_P(MeasureBlock, EveryImplementationIsRightAndCountsItsLaunches) {
  std::size_t planned = 0;
  for (const Implementation& implementation : implementations_) {
    planned += implementation.planned ? 1 : 0;
    if (!implementation.refusal.empty()) {
      EXPECT_TRUE(implementation.steps.empty());
      continue;
    }
    const Measured measured = checked(implementation);
    EXPECT_EQ(measured.wrong, "");
    std::size_t launches = 0;
    for (const Step& step : implementation.steps) launches += step.launches;
    if (device_.emulated) {
      EXPECT_EQ(measured.traffic.size(), launches) << implementation.name;
      for (const Traffic& launch : measured.traffic) EXPECT_EQ(launch.launches, 1U);
    }
  }
  EXPECT_EQ(planned, 1U);
}

TEST_P(MeasureBlock, AStepThatDoesNothingIsCaught) {
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

TEST_P(MeasureBlock, SeparateStepsLaunchEachOperationByItself) {
  const Implementation* separate = find("separate");
  ASSERT_NE(separate, nullptr);
  // Of each convolution: itself, BatchNorm and ReLU, which the downsample has not; one sum a block.
  std::size_t expected = 0;
  for (const BlockData& block : workload_.blocks) {
    const bool bottleneck = std::holds_alternative<BottleneckWeights>(block.weights);
    const bool downsample = std::visit(
        [](const auto& weights) { return weights.downsample.has_value(); }, block.weights);
    expected += (bottleneck ? 9 : 6) + (downsample ? 2 : 0) + 1;
  }
  EXPECT_EQ(separate->steps.size(), expected);
}

INSTANTIATE_TEST_SUITE_P(Shapes, MeasureBlock,
                         testing::Values("mb2_ih6iw5_ic64mid64oc64", "ih6_ic64mid32oc128_s2",
                                         "ih6_ic16oc24_s2", "ih6_ic64mid64oc64x2"));

using MeasureIdentity = MeasureBlock;

TEST_P(MeasureIdentity, TheWholeKernelMovesLessThanTheChainAndThatLessThanSeparateKernels) {
  if (!device_.emulated) GTEST_SKIP() << "a GPU has no counters";
  const auto bytes = [&](const char* name) { return checked(*find(name)).total().dram_bytes; };
  EXPECT_LT(bytes("whole"), bytes("chain"));
  EXPECT_LT(bytes("chain"), bytes("separate"));
}

INSTANTIATE_TEST_SUITE_P(Shapes, MeasureIdentity, testing::Values("ih16_ic64mid64oc64"));

}  // namespace
}  // namespace foldconv::tool
