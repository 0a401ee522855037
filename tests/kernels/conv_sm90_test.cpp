// SPDX-License-Identifier: MIT
// The sm_90 family, on a device of compute capability 9.0: every tile exact, and with the same bits, whatever the batch,
// the way to share operands and the way to launch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catalog/family.hpp"
#include "harness/device/objects.hpp"
#include "harness/ways/library.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/shapes.hpp"
#include "kernels/support/test_blocks.hpp"
#include "kernels/support/test_conv.hpp"
#include "kernels/support/test_networks.hpp"

namespace foldconv::kernel_tests {
namespace {

constexpr Instructions kSm90 = Instructions::sm90;

class Sm90Device : public testing::Test {
 protected:
  void SetUp() override {
    const auto device = host::device_figures(0);
    ASSERT_TRUE(device.ok());
    if (device->capability != 90) GTEST_SKIP() << "compute capability 9.0 alone";
  }
};

// Tails in M, N and K, images that share tiles, every kind of padding, stride, dilation, groups.
constexpr ShapeCase kSm90Shapes[] = {
    shape("one_pixel", {1, 1, 1, 64}, 8),
    shape("tails_1x1", {3, 7, 7, 200}, 136, {1, 1}, {.residual = true}),
    shape("whole_tiles", {1, 16, 16, 128}, 256, {1, 1}, {.residual = true}),
    shape("stride_2", {2, 15, 13, 72}, 24, {1, 1}, {.stride = {2, 2}}),
    shape("padded_1x1", {2, 5, 6, 64}, 40, {1, 1}, {.pad = {1, 2, 0, 3}}),
    shape("same_3x3", {5, 7, 7, 72}, 72, {3, 3}, {.pad = kSame3, .residual = true}),
    shape("odd_image", {1, 29, 23, 96}, 104, {3, 3}, {.pad = kSame3}),
    shape("one_pixel_image", {3, 1, 1, 64}, 8, {3, 3}, {.pad = kSame3}),
    shape("row_1x7", {2, 9, 11, 128}, 72, {1, 7}, {.pad = {0, 0, 3, 3}}),
    shape("stride_3_1_dilated", {2, 17, 12, 104}, 48, {3, 2},
          {.stride = {3, 1}, .pad = {2, 3, 1, 4}, .dilation = {2, 3}, .residual = true}),
    shape("padding_beyond_the_filter", {1, 4, 5, 64}, 32, {2, 3}, {.pad = {3, 4, 5, 3}}),
    shape("cropped", {2, 10, 9, 64}, 56, {3, 3}, {.pad = {-1, 1, 1, -2}}),
    shape("stride_8", {1, 33, 41, 64}, 16, {2, 2}, {.stride = {8, 7}}),
    shape("groups_2", {2, 6, 7, 128}, 48, {3, 3}, {.pad = kSame3, .groups = 2, .residual = true}),
    shape("groups_3", {2, 5, 7, 384}, 312, {1, 1}, {.groups = 3}),
};

struct Sm90Case {
  ShapeCase shape;
  DataType dtype;
};
std::vector<Sm90Case> sm90_cases() {
  std::vector<Sm90Case> cases;
  for (const ShapeCase& each : kSm90Shapes) {
    for (const DataType dtype : {DataType::f16, DataType::bf16}) {
      cases.push_back({each, dtype});
      cases.back().shape.problem.dtype = dtype;
    }
  }
  return cases;
}

std::ostream& operator<<(std::ostream& out, const Sm90Case& c) {
  return out << c.shape.name;
}

class Sm90Tiles : public Sm90Device, public testing::WithParamInterface<Sm90Case> {};

TEST_P(Sm90Tiles, IntegersAreExact) {
  ConvProblem problem = GetParam().shape.problem;
  problem.activation = Activation::relu;
  const TestConv test = make_conv(problem, {.integers = true, .seed = 1});
  const oracle::Expected expected = test.expected();
  for (const host::Sm90Kernel& kernel : host::sm90_kernels()) {
    if (kernel.dtype != problem.dtype) continue;
    SCOPED_TRACE(kernel.name);
    expect_exact(test, expected, run(test, {.kernel = kernel.name, .guards = Guards::none}));
  }
}

// NaN on all sides, which stays as it is.
TEST_P(Sm90Tiles, PartsOfTheChannelsOfOthersHaveTheSameBits) {
  const ConvProblem& problem = GetParam().shape.problem;
  TestConv test = make_conv(problem, {.seed = 4});
  const auto dense = run_bytes(test, {.instructions = kSm90, .guards = Guards::none});
  test.problem.pitch = {problem.c + 8, problem.residual ? problem.k + 24 : 0, problem.k + 16};
  EXPECT_TRUE(run_bytes(test, {.instructions = kSm90, .guards = Guards::none}) == dense);
  EXPECT_TRUE(run_bytes(test, {.instructions = kSm90, .guards = Guards::none, .in_place = true}) ==
              dense);
}

TEST_P(Sm90Tiles, EveryTileHasTheSameBits) {
  ConvProblem problem = GetParam().shape.problem;
  problem.activation = Activation::silu;
  const TestConv test = make_conv(problem, {.conv_bias = true, .seed = 2});
  const harness::Bytes first = run_bytes(test, {.instructions = kSm90});
  expect_within_bound(test, oracle::decode(problem.dtype, first));
  for (const host::Sm90Kernel& kernel : host::sm90_kernels()) {
    if (kernel.dtype != problem.dtype) continue;
    EXPECT_TRUE(run_bytes(test, {.kernel = kernel.name, .in_place = true}) == first) << kernel.name;
  }
}

INSTANTIATE_TEST_SUITE_P(, Sm90Tiles, testing::ValuesIn(sm90_cases()), [](const auto& test) {
  return std::string(test.param.shape.name) + "_" + to_string(test.param.dtype);
});

class Sm90Kernels : public Sm90Device, public testing::WithParamInterface<host::Sm90Kernel> {};

TEST_P(Sm90Kernels, KBlocksAroundTheStages) {
  const host::Sm90Kernel& kernel = GetParam();
  for (int blocks = 1; blocks <= kernel.tile->stages + 2; ++blocks) {
    const ConvProblem problem{
        .dtype = kernel.dtype, .n = 2, .h = 13, .w = 12, .c = 64, .k = 24, .s = blocks};
    const TestConv test = make_conv(problem, {.integers = true, .seed = 3});
    expect_exact(test, run(test, {.kernel = kernel.name}));
  }
}

TEST_P(Sm90Kernels, OutputOneBelowAtAndAboveTheTile) {
  const host::Sm90Kernel& kernel = GetParam();
  for (const int m : {kernel.tile->block_m - 1, kernel.tile->block_m, kernel.tile->block_m + 1}) {
    for (const int k : {kernel.tile->block_n, kernel.tile->block_n + 8}) {
      const ConvProblem problem{.dtype = kernel.dtype,
                                .h = 1,
                                .w = m,
                                .c = 64,
                                .k = k,
                                .activation = Activation::relu,
                                .residual = true};
      const TestConv test = make_conv(problem, {.integers = true});
      expect_exact(test, run(test, {.kernel = kernel.name}));
    }
  }
}

// Images cross tile borders at other places in other batches; one plan runs fewer of its images.
TEST_P(Sm90Kernels, AnImageDoesNotDependOnItsBatch) {
  const host::Sm90Kernel& kernel = GetParam();
  constexpr int kImages = 5;
  const ConvProblem problem{.dtype = kernel.dtype,
                            .n = kImages,
                            .h = 7,
                            .w = 9,
                            .c = 72,
                            .k = 40,
                            .r = 3,
                            .s = 3,
                            .pad = kSame3,
                            .activation = Activation::gelu,
                            .residual = true};
  const TestConv batch = make_conv(problem, {.seed = 22});
  const harness::Bytes together = run_bytes(batch, {.kernel = kernel.name});
  const harness::Bytes x_bytes = oracle::encode(problem.dtype, batch.inputs.x);
  const harness::Bytes z_bytes = oracle::encode(problem.dtype, batch.inputs.residual);
  const std::size_t x_size = x_bytes.size() / kImages, y_size = together.size() / kImages;
  const ConvPlan plan = value_of(batch.conv.plan(problem, {.kernel = kernel.name}));
  for (int images = 1; images <= kImages; ++images) {
    const auto count = static_cast<std::size_t>(images);
    const auto first = [&](const harness::Bytes& all, std::size_t size) {
      return harness::Bytes(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count * size));
    };
    const DeviceBuffer x(first(x_bytes, x_size), Guards::none),
        z(first(z_bytes, y_size), Guards::none), y(count * y_size, Guards::none);
    check(plan.run({.x = x.data(), .residual = z.data(), .y = y.data(), .images = images}));
    check(cudaDeviceSynchronize(), kernel.name);
    EXPECT_TRUE(y.download() == first(together, y_size)) << images << " images";
  }
}

INSTANTIATE_TEST_SUITE_P(, Sm90Kernels,
                         testing::ValuesIn(std::vector(host::sm90_kernels().begin(),
                                                       host::sm90_kernels().end())),
                         [](const auto& test) { return std::string(test.param.name); });

class Sm90Plans : public Sm90Device {};

// What a box reads beyond its group must not be multiplied, for 0 x NaN is NaN.
TEST_F(Sm90Plans, NaNsOfAGroupStayThere) {
  const ConvProblem problem{
      .n = 1, .h = 9, .w = 8, .c = 192, .k = 120, .r = 3, .s = 3, .pad = kSame3, .groups = 3};
  TestConv test = make_conv(problem, {.seed = 4});
  for (std::size_t i = 0; i < test.inputs.x.size(); ++i) {
    if (i % 192 / 64 == 1) test.inputs.x[i] = std::numeric_limits<float>::quiet_NaN();
  }
  for (const host::Sm90Kernel& kernel : host::sm90_kernels()) {
    if (kernel.dtype != problem.dtype) continue;
    const std::vector<float> y = run(test, {.kernel = kernel.name});
    for (std::size_t i = 0; i < y.size(); ++i)
      ASSERT_EQ(std::isnan(y[i]), i % 120 / 40 == 1) << kernel.name << " element " << i;
  }
}

// A plan captured once, and replayed on what lies in its buffers by then.
TEST_F(Sm90Plans, MayBeCaptured) {
  const ConvProblem problem{
      .n = 2, .h = 9, .w = 8, .c = 64, .k = 256, .r = 3, .s = 3, .pad = kSame3};
  const TestConv test = make_conv(problem, {.seed = 5});
  const harness::Bytes expected = run_bytes(test, {.instructions = kSm90});
  const ConvPlan plan = value_of(test.conv.plan(problem, {.instructions = kSm90}));
  const DeviceBuffer x(oracle::encode(problem.dtype, test.inputs.x)), y(expected.size());
  const harness::Stream stream = harness::make_stream();
  const harness::CapturedGraph graph = harness::captured(
      stream.get(), [&](cudaStream_t on) { check(plan.run({.x = x.data(), .y = y.data()}, on)); });
  const harness::Executable executable = harness::instantiated(graph);
  for (int replay = 0; replay < 2; ++replay) {
    y.poison();
    harness::run(executable, stream.get());
    EXPECT_TRUE(y.download() == expected);
  }
}

TEST_F(Sm90Plans, SayTheirFamily) {
  const ConvProblem problem{.n = 2, .h = 9, .w = 8, .c = 64, .k = 64};
  const Explanation sm90 = value_of(explain(problem, {.instructions = kSm90}));
  EXPECT_EQ(sm90.instructions, kSm90);
  EXPECT_TRUE(sm90.kernel.ends_with("_sm90")) << sm90.kernel;
  EXPECT_NE(sm90.to_string().find("sm90: asked for by name"), std::string::npos)
      << sm90.to_string();
  const Explanation automatic = value_of(explain(problem));
  EXPECT_EQ(automatic.instructions, host::kSm90Confirmed ? kSm90 : Instructions::sm80);
  const Explanation pinned = value_of(explain(problem, {.kernel = sm90.kernel}));
  EXPECT_EQ(pinned.instructions, kSm90);
  EXPECT_EQ(pinned.instructions_reason, "of the pinned kernel");
}

TEST_F(Sm90Plans, RefuseWhatTheFamilyDoesNotTake) {
  const ConvProblem stem{.n = 1, .h = 9, .w = 8, .c = 3, .k = 64};
  const char* const wgmma = host::in_order(host::sm90_kernels(), DataType::f16).front()->name;
  const char* const bf16 = host::in_order(host::sm90_kernels(), DataType::bf16).front()->name;
  const auto refused = [](const ConvProblem& problem, const PlanOptions& options,
                          const char* says) {
    const Status status = explain(problem, options).status();
    EXPECT_EQ(status.code(), ErrorCode::unsupported) << status.message();
    EXPECT_NE(status.message().find(says), std::string::npos) << status.message();
  };
  refused(stem, {.instructions = kSm90}, "c = 3; nearest: c = 64");
  refused(stem, {.kernel = wgmma}, "c = 3; nearest: c = 64");
  ConvProblem taken = stem;
  taken.c = 64;
  refused(taken, {.kernel = bf16}, "the problem is f16");
  refused(taken, {.kernel = wgmma, .instructions = Instructions::sm80},
          "PlanOptions::instructions = sm80");
  refused(taken, {.kernel = first_conv_kernel(ConvLoader::load_1x1).name, .instructions = kSm90},
          "PlanOptions::instructions = sm90");
  taken.n = 1 << 26;
  refused(taken, {.instructions = kSm90}, "n * p * q = 4831838208");
}

// The chain alone, all of it in one family, with the bits of its convolutions one by one.
TEST_F(Sm90Plans, RunBlocksAsChains) {
  const BlockShape wide = {"a", 2, 9, 7, {.c = 128, .middle = 64, .k = 128}};
  const TestBlocks test(std::vector{wide, wide}, DataType::f16);
  const BlockPlan plan = value_of(test.plan({.instructions = kSm90}));
  const BlockExplanation& explanation = plan.explanation();
  EXPECT_EQ(explanation.instructions, kSm90);
  EXPECT_EQ(explanation.cut, BlockCut::chain);
  EXPECT_EQ(explanation.chosen().launches.size(), 6u);
  for (const LaunchFigures& launch : explanation.chosen().launches)
    EXPECT_TRUE(launch.kernel.ends_with("_sm90")) << launch.kernel;
  EXPECT_TRUE(test.run(plan) == test.by_hand(Projection::rounded, true, kSm90).checked.y);
  for (const BlockCut cut : {BlockCut::whole, BlockCut::tails}) {
    const Status status = test.plan({.cut = cut, .instructions = kSm90}).status();
    EXPECT_EQ(status.code(), ErrorCode::unsupported);
    EXPECT_NE(status.message().find("the sm_90 family has the chain alone"), std::string::npos)
        << status.message();
  }
  const Status pinned =
      test.plan({.kernel = host::in_order(host::whole_kernels(), DataType::f16).front()->name,
                 .instructions = kSm90})
          .status();
  EXPECT_EQ(pinned.code(), ErrorCode::unsupported);
  EXPECT_NE(pinned.message().find("of other instructions"), std::string::npos) << pinned.message();
}

// One convolution that sm_90 does not take: none of the run is.
TEST_F(Sm90Plans, NeverMixFamiliesInARun) {
  const BlockShape taken = {"a", 2, 9, 7, {.c = 128, .middle = 64, .k = 128}};
  const BlockShape narrow = {"b", 2, 9, 7, {.c = 128, .middle = 32, .k = 128}};
  const TestBlocks test(std::vector{taken, narrow}, DataType::f16);
  const BlockPlan plan = value_of(test.plan({.instructions = kSm90}));
  EXPECT_EQ(plan.explanation().instructions, Instructions::sm80);
  EXPECT_NE(plan.explanation().instructions_reason.find("block 1: conv2 "), std::string::npos)
      << plan.explanation().instructions_reason;
  for (const LaunchFigures& launch : plan.explanation().chosen().launches)
    EXPECT_TRUE(launch.kernel.ends_with("_sm80")) << launch.kernel;
  EXPECT_TRUE(test.run(plan) == test.run(BlockCut::chain));
}

// Of a network what sm_90 takes, the rest in sm_80.
TEST_F(Sm90Plans, OfNetworksTakeWhatTheyCan) {
  NetworkBuilder b;
  Value x = b.layer(b.image(), {.k = 64, .r = 3});
  x = b.layer(x, {.k = 64, .r = 3});
  b.graph.output(b.layer(x, {.k = 16}), "y");
  const Graph& graph = b.graph;
  const Network network = value_of(Network::create(graph));
  const NetworkPlan plan =
      value_of(network.plan({.n = 2, .h = 14, .w = 14, .instructions = kSm90}));
  int sm90 = 0, sm80 = 0;
  for (const NetworkStep& step : plan.explanation().steps) {
    if (step.instructions_reason.empty()) continue;
    ++(step.instructions == kSm90 ? sm90 : sm80);
  }
  EXPECT_GT(sm90, 0);
  EXPECT_GT(sm80, 0);
  EXPECT_NE(plan.explanation().to_string().find("sm90 in 2 steps: asked for by name"),
            std::string::npos)
      << plan.explanation().to_string();
  EXPECT_NE(plan.explanation().to_string().find("sm80 in 1 step: sm_90 does not take it: "),
            std::string::npos)
      << plan.explanation().to_string();
}

}  // namespace
}  // namespace foldconv::kernel_tests
