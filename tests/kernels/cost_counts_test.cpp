// SPDX-License-Identifier: MIT
// What the model says that a launch costs (foldconv/cost.hpp) against what the emulator counts, for every tensor-core
// kernel. Problems have tails in pixels, channels and K.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cuemu.h"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_blocks.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

double wavefronts_of(const cuemu_counters& counters) {
  double sum = 0;
  for (const cuemu_shared_traffic* traffic :
       {&counters.ldmatrix, &counters.stmatrix, &counters.async_copy, &counters.shared_load,
        &counters.shared_store}) {
    sum += static_cast<double>(traffic->wavefronts);
  }
  return sum;
}

// DRAM within 2 %, L2 within a given share, products exactly; wavefronts exactly but for the whole kernel's, where a
// store to t1 may be two at the image's edge, and the rows loader's, whose conflicts depend on where x lies.
constexpr double kL2Error = 0.05, kAnyL2 = 100, kWholeWavefrontsError = 0.002,
                 kRowsWavefrontsError = 0.02;
void expect_counted(const LaunchCost& cost, const cuemu_counters& counters, double l2_error,
                    double wavefronts_error = 0) {
  const cuemu_global_traffic &load = counters.global_load, &store = counters.global_store;
  const auto dram = static_cast<double>(load.unique_bytes + store.unique_bytes);
  EXPECT_NEAR(cost.dram_bytes, dram, 0.02 * dram) << "DRAM";
  const double sectors = 32 * static_cast<double>(load.sectors + store.sectors);
  EXPECT_NEAR(cost.l2_bytes, sectors, l2_error * sectors) << "L2";
  const double wavefronts = wavefronts_of(counters);
  EXPECT_NEAR(cost.wavefronts, wavefronts, wavefronts_error * wavefronts) << "wavefronts";
  EXPECT_EQ(cost.executed_flops, static_cast<double>(counters.mma_flops)) << "products";
}

// --- Single convolutions

class ConvCostCounts : public testing::TestWithParam<ConvKernel> {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  }

  static void expect_cost(ConvProblem problem, double l2_error) {
    problem.dtype = GetParam().dtype;
    SCOPED_TRACE(to_string(problem));
    const TestConv test = make_conv(problem, {.seed = 71});
    const ConvPlan plan = value_of(test.conv.plan(problem, {.kernel = GetParam().name}));
    cuemu_reset_counters();
    run(test, {.kernel = GetParam().name, .guards = Guards::none});
    cuemu_counters counters{};
    cuemu_read_counters(&counters);
    EXPECT_EQ(plan.explanation().cost.tiles, counters.ctas);
    const bool rows = GetParam().loader == ConvLoader::load_rows;
    expect_counted(plan.explanation().cost, counters, l2_error, rows ? kRowsWavefrontsError : 0);
  }
};

TEST_P(ConvCostCounts, AreThoseOfTheModel) {
  const ConvLoader loader = GetParam().loader;
  ConvProblem problem{.n = 2, .h = 11, .w = 13, .c = 80, .k = 144};
  if (loader == ConvLoader::load_narrow) problem.c = 32;
  if (loader == ConvLoader::load_rows) problem = {.h = 7, .w = 61, .c = 5, .k = 144};
  if (loader != ConvLoader::load_1x1) {
    problem.r = problem.s = 3;
    problem.pad = Padding::same(1);
  }
  // Few channels: a warp's lanes meet a pixel by several taps. Loads of two bytes: L1 catches most.
  const double l2_error = loader == ConvLoader::load_narrow    ? 0.15
                          : loader == ConvLoader::load_element ? kAnyL2
                                                               : kL2Error;
  problem.residual = true;
  expect_cost(problem, l2_error);
  problem.residual = false;
  if (loader != ConvLoader::load_halo) problem.stride = {2, 1};
  problem.c = (loader == ConvLoader::load_rows ? 8 : problem.c) * 2;
  problem.k *= 2;
  problem.groups = 2;
  expect_cost(problem, l2_error);
}

// Parts of the channels of others, of whole sectors.
TEST_P(ConvCostCounts, OfPitchedTensorsToo) {
  const ConvLoader loader = GetParam().loader;
  ConvProblem problem{.n = 2, .h = 11, .w = 13, .c = 80, .k = 144, .residual = true};
  if (loader == ConvLoader::load_narrow) problem.c = 32;
  if (loader == ConvLoader::load_rows) problem = {.h = 7, .w = 61, .c = 16, .k = 144};
  if (loader != ConvLoader::load_1x1) {
    problem.r = problem.s = 3;
    problem.pad = Padding::same(1);
  }
  problem.pitch = {problem.c + 48, problem.residual ? problem.k + 16 : 0, problem.k + 64};
  expect_cost(problem, loader == ConvLoader::load_narrow    ? 0.15
                       : loader == ConvLoader::load_element ? kAnyL2
                                                            : kL2Error);
}

// Channels of y that break 16-byte pieces leave without shared memory.
TEST_P(ConvCostCounts, OfSingleElementsToo) {
  ConvProblem problem{.h = 9, .w = 11, .c = 128, .k = 71, .residual = true};
  if (GetParam().loader == ConvLoader::load_narrow) problem.c = 48;
  if (GetParam().loader == ConvLoader::load_rows) problem.c = 24;
  if (GetParam().loader == ConvLoader::load_halo) {
    problem.r = problem.s = 3;
    problem.pad = Padding::same(1);
  }
  expect_cost(problem, kAnyL2);
}

TEST_P(ConvCostCounts, OfAStemToo) {
  if (GetParam().loader != ConvLoader::load_element && GetParam().loader != ConvLoader::load_rows)
    return;
  expect_cost({.h = 23,
               .w = 64,
               .c = 3,
               .k = 64,
               .r = 7,
               .s = 7,
               .stride = {2, 2},
               .pad = Padding::same(3)},
              kAnyL2);
}

std::vector<ConvKernel> f16_kernels() {
  std::vector<ConvKernel> kernels = kConvKernels;
  std::erase_if(kernels, [](const ConvKernel& kernel) { return kernel.dtype != DataType::f16; });
  return kernels;
}
INSTANTIATE_TEST_SUITE_P(, ConvCostCounts, testing::ValuesIn(f16_kernels()), kKernelName);

// --- Blocks

struct CountedBlock {
  std::string name;
  const char* kernel;
  std::vector<BlockShape> blocks;
};
std::ostream& operator<<(std::ostream& out, const CountedBlock& one) {
  return out << one.name;
}

// The launches of a plan with a pinned kernel, all together.
class BlockCostCounts : public testing::TestWithParam<CountedBlock> {};

TEST_P(BlockCostCounts, AreThoseOfTheModel) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  const TestBlocks test(GetParam().blocks, DataType::f16);
  const auto plan = test.plan({.kernel = GetParam().kernel});
  if (!plan.ok()) {
    // Of shared memory.
    ASSERT_EQ(plan.status().code(), ErrorCode::unsupported);
    ASSERT_NE(plan.status().message().find("the device has"), std::string::npos)
        << plan.status().message();
    return;
  }
  LaunchCost sum;
  for (const LaunchFigures& launch : plan->explanation().chosen().launches) {
    sum.dram_bytes += launch.dram_bytes;
    sum.l2_bytes += launch.l2_bytes;
    sum.executed_flops += launch.executed_flops;
    sum.wavefronts += launch.wavefronts;
  }
  cuemu_reset_counters();
  test.run(*plan, Guards::none);
  cuemu_counters counters{};
  cuemu_read_counters(&counters);
  SCOPED_TRACE(plan->explanation().to_string());
  const bool whole = GetParam().name.starts_with("block_whole_");
  expect_counted(sum, counters, kL2Error, whole ? kWholeWavefrontsError : 0);
}

std::vector<CountedBlock> block_cases() {
  std::vector<CountedBlock> cases;
  const auto add = [&](const auto& kernel, const char* what, std::vector<BlockShape> blocks) {
    if (kernel.dtype == DataType::f16)
      cases.push_back({std::string(kernel.name) + what, kernel.name, std::move(blocks)});
  };
  for (const auto& kernel : host::joined_kernels())
    add(kernel, "", {with_downsample({"", 2, 9, 11, 144, 80, 336}, 2)});
  for (const auto& kernel : host::tail_kernels()) {
    const int middle = kernel.tile->conv2.block_n == 64 ? 64 : kernel.tile->conv2.block_n - 48;
    add(kernel, "_identity", {{"", 2, 9, 11, 208, middle, 208}, {"", 2, 9, 11, 208, middle, 208}});
    // Rows so long that conv2's taps come from L2.
    add(kernel, "_long_rows", {{"", 1, 3, 67, 80, middle, 80}, {"", 1, 3, 67, 80, middle, 80}});
    add(kernel, "_projection", {with_downsample({"", 2, 9, 11, 64, 64, 160}, 2)});
  }
  for (const auto& kernel : host::whole_kernels()) {
    const int c = kernel.tile->projection ? 64 : 192;
    BlockShape shape = {"", 1, 31, 19, c, 48, 192};
    add(kernel, "", {kernel.tile->projection ? with_downsample(shape) : shape});
  }
  for (const auto& kernel : host::inverted_kernels()) {
    const int k = kernel.tile->most_channels() - 24;
    add(kernel, "_3x3", {{"", 2, 29, 17, {.c = 24, .middle = 152, .k = k, .depthwise = 3}}});
    add(kernel, "_5x5_s2",
        {{"", 1, 31, 37, {.c = 80, .middle = 88, .k = k, .stride = 2, .depthwise = 5}}});
    add(kernel, "_residual",
        {{"", 1, 15, 22, {.c = k, .middle = 64, .k = k, .depthwise = 3, .residual = true}}});
    add(kernel, "_no_expand", {{"", 2, 23, 15, {.c = 104, .k = k, .depthwise = 3}}});
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(, BlockCostCounts, testing::ValuesIn(block_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace foldconv::kernel_tests
