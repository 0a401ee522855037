// SPDX-License-Identifier: MIT
// On the device: that every way is right, and that checking one sees what is wrong with it.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness/caught.hpp"
#include "harness/kernels_named.hpp"
#include "harness/ways/ways_of.hpp"

namespace foldconv::harness {
namespace {

// A layer as `"layer"`, a block by its descriptor.
class EveryWay : public testing::TestWithParam<std::string> {
 protected:
  Ways ways_{GetParam() == "layer" ? filled_layer(kLayer) : filled_block(GetParam())};
};

TEST_P(EveryWay, IsRightOrSaysWhyNot) {
  std::ptrdiff_t planned = 0;
  for (const Way& way : ways_.all) {
    planned += way.planned ? 1 : 0;
    EXPECT_EQ(way.refusal.empty(), !way.steps.empty()) << way.name;
    if (!way.refusal.empty()) continue;
    const Checked checked = check(way);
    EXPECT_EQ(checked.wrong, "");
    EXPECT_TRUE(checked.in_bounds && checked.worst.pass);
    EXPECT_EQ(way.launches(),
              static_cast<std::size_t>(way.name == "separate" || way.name == "direct"
                                           ? way.steps.size()
                                           : 1 + std::ranges::count(way.kernels, ' ')))
        << way.name;
  }
  EXPECT_EQ(planned, 1);
}

TEST_P(EveryWay, AStepThatDoesNothingIsCaught) {
  for (Way& way : ways_.all) {
    for (Step& step : way.steps) {
      const Launch launch = std::exchange(step.launch, [](cudaStream_t) {});
      EXPECT_TRUE(names(check(way).wrong, way.name + ", " + step.what));
      step.launch = launch;
    }
  }
}

// What is said of a way whose last step writes a byte behind the buffer, too. The byte stays.
std::string complaint(Way way, const DeviceBuffer& buffer) {
  Step& last = way.steps.back();
  last.launch = [&buffer, launch = last.launch](cudaStream_t stream) {
    launch(stream);
    auto* behind = static_cast<std::byte*>(buffer.data()) + buffer.bytes();
    harness::check(cudaMemsetAsync(behind, 0, 1, stream), "memset");
  };
  return check(way).wrong;
}

TEST_P(EveryWay, AWriteOutsideIsCaught) {
  for (const Way& way : ways_.all) {
    if (way.steps.empty()) continue;
    EXPECT_EQ(complaint(way, *way.steps.back().writes),
              way.name + ": wrote outside of its tensors");
  }
}

TEST_P(EveryWay, AWriteOutsideOfAWorkspaceIsCaught) {
  for (const Way& way : ways_.all) {
    if (way.steps.empty() || way.steps.back().workspace == nullptr) continue;
    EXPECT_EQ(complaint(way, *way.steps.back().workspace),
              way.name + ": wrote outside of its tensors");
  }
}

INSTANTIATE_TEST_SUITE_P(Problems, EveryWay,
                         testing::Values("layer", "mb2_ih6iw5_ic64mid64oc64",
                                         "ih6_ic64mid32oc128_s2", "ih6_ic16oc24_s2",
                                         "ih6_ic64mid64oc64x2"));

TEST(LayerWays, AreThreeAndTheSeparateOnesAStepAnOperation) {
  const Ways ways(filled_layer(kLayer));
  ASSERT_EQ(ways.all.size(), 3U);
  EXPECT_EQ(ways.find("planned").steps.size(), 1U);
  EXPECT_EQ(ways.find("separate").steps.size(), 4U);  // conv, BatchNorm, add, ReLU
  EXPECT_EQ(ways.find("direct").steps.size(), 4U);
  EXPECT_EQ(ways.find("planned").kernels, ways.find("separate").kernels);
  EXPECT_TRUE(ways.find("direct").kernels.starts_with("direct_f16"));
}

TEST(LayerWays, F32WithoutBatchNormAndResidual) {
  ConvProblem problem = kLayer;
  problem.dtype = DataType::f32;
  problem.residual = false;
  const Ways ways(filled_layer(problem, {.batch_norm = false, .conv_bias = true}));
  for (const Way& way : ways.all) EXPECT_EQ(check(way).wrong, "");
  EXPECT_EQ(ways.find("separate").launches(), 2U);
}

TEST(LayerWays, APinnedKernelIsTakenOrSaysWhyNot) {
  Problem problem = filled_layer(kLayer);
  problem.kernel = "direct_f16_sm80";
  EXPECT_EQ(Ways(problem).find("planned").kernels, "direct_f16_sm80");
  problem.kernel = test::kernels_named("conv_1x1_f16_").front();
  EXPECT_NE(message_of([&] { const Ways ways(problem); }, ErrorCode::unsupported), "");
}

TEST(LayerWays, SeveralKernelsAreAWayEachOrSayWhyNot) {
  const Problem problem = filled_layer(kLayer);
  Tensors tensors(problem);
  const std::string taken = kernel_of_plan(problem),
                    refused = test::kernels_named("conv_1x1_f16_").front();
  const std::vector<Way> ways =
      make_ways({pinned_ways({refused, "direct_f16_sm80", taken, "direct_bf16_sm80"})}, problem,
                tensors, [](const std::string& name) { return name != "direct_bf16_sm80"; });
  ASSERT_EQ(ways.size(), 3U);
  EXPECT_EQ(ways[0].refusal, "takes 1x1 filters only: r x s = 3x3; nearest: 1x1");
  EXPECT_TRUE(ways[0].steps.empty());
  for (const Way* way : {&ways[1], &ways[2]}) {
    EXPECT_EQ(way->kernels, way->name);
    EXPECT_EQ(way->launches(), 1U);
    EXPECT_EQ(check(*way).wrong, "");
    EXPECT_EQ(way->planned, way->name == taken);
  }
  EXPECT_EQ(refusal_by("direct_bf16_sm80", problem), "computes in bf16: the problem is f16");
  EXPECT_EQ(refusal_by(test::kernels_named("conv_wgmma_f16_").front(), problem).find("pinned"),
            std::string::npos);
  const Problem block = filled_block("ih6_ic64mid64oc64");
  EXPECT_NE(refusal_by(taken, block), "");
  EXPECT_EQ(kernel_of_plan(block), "");
}

TEST(LayerWays, AChainIsTheFusedKernelAndNoLayerIsAWholeBlock) {
  const Problem problem = filled_layer(kLayer);
  Tensors tensors(problem);
  const auto only = [&](const std::string& name) {
    return make_ways(foldconv_ways(), problem, tensors,
                     [&](const std::string& each) { return each == name; });
  };
  ASSERT_EQ(only("chain").size(), 1U);
  EXPECT_EQ(only("chain").front().name, "planned");
  EXPECT_TRUE(only("whole").empty());
  EXPECT_TRUE(only("tails").empty());
}

TEST(BlockWays, OnlyThoseThatAreWantedAndThePlannedOneByItsCut) {
  const Problem problem = filled_block("ih6_ic64mid64oc64");
  Tensors tensors(problem);
  const auto wanted = [&](std::vector<std::string> list) {
    std::string made;
    for (const Way& way :
         make_ways(foldconv_ways(), problem, tensors,
                   [&](const std::string& name) { return std::ranges::count(list, name) > 0; })) {
      made += way.name + (way.planned ? "* " : " ");
    }
    return made;
  };
  const std::string planned = wanted({"planned"});
  EXPECT_EQ(std::ranges::count(planned, ' '), 1);
  EXPECT_EQ(wanted({"separate"}), "separate ");
  EXPECT_EQ(wanted({"direct"}), "direct ");
  EXPECT_TRUE(names(wanted({"planned", "whole", "tails", "chain"}), planned));
}

// Of each convolution: itself, BatchNorm and ReLU, which the downsample has not; one sum a block.
TEST(BlockWays, SeparateStepsLaunchEachOperationByItself) {
  for (const auto& [text, steps] : {std::pair{"ih6_ic64mid64oc64", 9 + 1},
                                    {"ih6_ic64mid32oc128_s2", 9 + 2 + 1},
                                    {"ih6_ic16oc24_s2x2", 6 + 2 + 1 + 6 + 1}}) {
    EXPECT_EQ(Ways(filled_block(text)).find("separate").steps.size(),
              static_cast<std::size_t>(steps));
  }
}

}  // namespace
}  // namespace foldconv::harness
