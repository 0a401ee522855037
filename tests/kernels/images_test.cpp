// SPDX-License-Identifier: MIT
// Runs of fewer images than a plan is for: the same bits, and nothing behind them is read or written.
#include <gtest/gtest.h>

#include <set>

#include "host/expect_error.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_blocks.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;

constexpr int kImages = 3;

Bytes first(const Bytes& all, int images) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / kImages *
                                                                 static_cast<std::size_t>(images))};
}

class ImagesOfConv : public testing::TestWithParam<ConvKernel> {};

// One of these is for each loader: images share tiles, and a tile is cut where they end.
TEST_P(ImagesOfConv, AreTheFirstOnes) {
  const ConvKernel& kernel = GetParam();
  const ConvProblem problems[] = {
      {.n = kImages,
       .h = 9,
       .w = 11,
       .c = 64,
       .k = 72,
       .r = 3,
       .s = 3,
       .pad = Padding::same(1),
       .residual = true},
      {.n = kImages, .h = 9, .w = 11, .c = 64, .k = 72, .residual = true},
      {.n = kImages,
       .h = 9,
       .w = 11,
       .c = 24,
       .k = 72,
       .r = 3,
       .s = 3,
       .pad = Padding::same(1),
       .residual = true},
      {.n = kImages,
       .h = 31,
       .w = 33,
       .c = 3,
       .k = 16,
       .r = 7,
       .s = 7,
       .stride = {2, 2},
       .pad = Padding::same(3)},
      {.n = kImages, .h = 9, .w = 11, .c = 70, .k = 13, .r = 2, .s = 3, .residual = true}};
  bool taken = false;
  for (ConvProblem problem : problems) {
    problem.dtype = kernel.dtype;
    const TestConv test = make_conv(problem, oracle::RawOptions());
    if (!takes(test, kernel.name) || (kernel.direct() && taken)) continue;
    taken = true;
    const Bytes all = run_bytes(test, {.kernel = kernel.name});
    const ConvPlan plan = value_of(test.conv.plan(problem, {.kernel = kernel.name}));
    for (const int images : {1, 2}) {
      // Unguarded buffers that end behind these images: the emulator faults on what goes further.
      const DeviceBuffer x(first(oracle::encode(kernel.dtype, test.inputs.x), images),
                           Guards::none);
      const Bytes added = oracle::encode(kernel.dtype, test.inputs.residual);
      const DeviceBuffer residual(first(added, images), Guards::none);
      const DeviceBuffer y(first(all, images).size(), Guards::none);
      check(plan.run({.x = x.data(),
                      .residual = added.empty() ? nullptr : residual.data(),
                      .y = y.data(),
                      .images = images}));
      check(cudaDeviceSynchronize(), kernel.name);
      EXPECT_EQ(y.download(), first(all, images)) << images << " of " << to_string(problem);
    }
  }
  EXPECT_TRUE(taken) << "no problem for " << kernel.name;
}

INSTANTIATE_TEST_SUITE_P(TensorCores, ImagesOfConv, testing::ValuesIn(kConvKernels), kKernelName);
INSTANTIATE_TEST_SUITE_P(Direct, ImagesOfConv, testing::ValuesIn(kDirectKernels), kKernelName);

TEST(ImagesOfBlocks, AreTheFirstOnes) {
  const BlockShape identity = {"identity", kImages, 9, 7, 128, 64, 128};
  const BlockShape projection = with_downsample({"projection", kImages, 9, 7, 64, 64, 128}, 1);
  const BlockShape basic = with_downsample({"strided", kImages, 9, 7, 64, 64, 128}, 2);
  std::set<BlockCut> ran;
  for (const std::vector<BlockShape>& shapes :
       {std::vector{projection, identity}, std::vector{basic}}) {
    const TestBlocks test(shapes, DataType::f16);
    const Bytes x = test.input();
    for (const BlockCut cut : {BlockCut::whole, BlockCut::tails, BlockCut::chain}) {
      const Result<BlockPlan> plan = test.plan({.cut = cut});
      if (!plan.ok()) {
        EXPECT_EQ(plan.status().code(), ErrorCode::unsupported);
        continue;
      }
      ran.insert(cut);
      const Bytes all = test.run(*plan);
      const DeviceBuffer workspace(plan->workspace_bytes());
      for (const int images : {1, 2}) {
        const DeviceBuffer in(first(x, images), Guards::none),
            y(first(all, images).size(), Guards::none);
        check(plan->run({.x = in.data(),
                         .y = y.data(),
                         .workspace = workspace.data(),
                         .workspace_bytes = workspace.bytes(),
                         .images = images}));
        check(cudaDeviceSynchronize(), "blocks");
        EXPECT_EQ(y.download(), first(all, images)) << images << ", " << to_string(cut);
      }
    }
  }
  EXPECT_EQ(ran, (std::set{BlockCut::whole, BlockCut::tails, BlockCut::chain}));
}

TEST(ImagesOfPlans, AreOneToN) {
  const TestConv test = make_conv({.n = 2, .h = 4, .w = 4, .c = 8, .k = 8}, oracle::RawOptions());
  const ConvPlan plan = value_of(test.conv.plan(test.problem));
  for (const int images : {-1, 3}) {
    EXPECT_TRUE(
        test::fails_with(plan.run({.images = images}), test::kInvalid, {"n = 2", "give 1 to n"}));
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
