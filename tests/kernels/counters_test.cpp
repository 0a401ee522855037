// SPDX-License-Identifier: MIT
// What the kernels move and execute, counted by the emulator: no bank conflicts, no wasted sectors,
// no integer divisions, one launch, DRAM traffic near the compulsory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuemu.h"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

// Counters of one run on exactly allocated, 256-byte aligned buffers.
cuemu_counters count(const ConvProblem& problem, std::string_view kernel) {
  const TestConv test = make_conv(problem, {.seed = 61});
  const ConvPlan plan = value_of(test.conv.plan(problem, {.kernel = kernel}));
  const DeviceBuffer x(oracle::encode(problem.dtype, test.inputs.x), Guards::none);
  const DeviceBuffer y(
      static_cast<std::size_t>(oracle::output_shape(problem).elements()) * size_of(problem.dtype),
      Guards::none);
  const DeviceBuffer residual(oracle::encode(problem.dtype, test.inputs.residual), Guards::none);
  cuemu_counters counters{};
  cuemu_reset_counters();
  check(plan.run(
      {.x = x.data(), .residual = problem.residual ? residual.data() : nullptr, .y = y.data()}));
  check(cudaDeviceSynchronize(), "run");
  cuemu_read_counters(&counters);
  return counters;
}

class ConvCounters : public testing::TestWithParam<ConvKernel> {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  }

  // Channels are multiples of 16, so that rows of x, w and y are whole sectors; with a residual,
  // padding and tails in M and N.
  static int channels(ConvLoader loader) {
    switch (loader) {
      case ConvLoader::load_narrow:
        return 32;
      case ConvLoader::load_rows:
        return 16;
      default:
        return 128;
    }
  }
  ConvProblem problem() const {
    ConvProblem problem{.dtype = GetParam().dtype,
                        .n = 2,
                        .h = 11,
                        .w = 13,
                        .k = 144,
                        .activation = Activation::relu,
                        .residual = true};
    const bool one_tap = GetParam().loader == ConvLoader::load_1x1;
    problem.c = channels(GetParam().loader);
    if (!one_tap) {
      problem.r = problem.s = 3;
      problem.pad = {1, 1, 1, 1};
    }
    return problem;
  }
};

void expect_ideal(const cuemu_shared_traffic& traffic, const char* name) {
  EXPECT_EQ(traffic.wavefronts, traffic.ideal_wavefronts) << name << ": bank conflicts";
}

TEST_P(ConvCounters, NoBankConflicts) {
  ConvProblem p = problem();
  // Operands are read from where pixels lie as in x: 8 x 16 bytes are all banks once.
  if (GetParam().loader == ConvLoader::load_rows) p.c = 8;
  const cuemu_counters counters = count(p, GetParam().name);
  EXPECT_GT(counters.ldmatrix.instructions, 0u);
  expect_ideal(counters.ldmatrix, "ldmatrix");
  expect_ideal(counters.async_copy, "cp.async");
  expect_ideal(counters.shared_load, "ld.shared");
  expect_ideal(counters.shared_store, "st.shared");
  expect_ideal(counters.stmatrix, "stmatrix");
}

TEST_P(ConvCounters, NoWastedSectors) {
  const cuemu_counters counters = count(problem(), GetParam().name);
  // The element loader reads two bytes a lane, from as many pixels as it must.
  if (GetParam().loader != ConvLoader::load_element) {
    EXPECT_EQ(counters.global_load.sectors, counters.global_load.ideal_sectors);
  }
  EXPECT_EQ(counters.global_store.sectors, counters.global_store.ideal_sectors);
}

TEST_P(ConvCounters, OneLaunchOneCtaATileAndNoDivisions) {
  const ConvProblem p = problem();
  const cuemu_counters counters = count(p, GetParam().name);
  const ConvTile& tile = *GetParam().tile;
  const auto tiles = [](int size, int block) { return (size + block - 1) / block; };
  EXPECT_EQ(counters.launches, 1u);
  EXPECT_EQ(counters.ctas, static_cast<std::uint64_t>(tiles(2 * 11 * 13, tile.block_m) *
                                                      tiles(p.k, tile.block_n)));
  EXPECT_EQ(counters.integer_divisions, 0u);
  EXPECT_EQ(counters.atomic_instructions, 0u);
}

// Every tile computes block_m x block_n x its k blocks, no more.
TEST_P(ConvCounters, TensorCoreWorkIsThatOfTheTiles) {
  const ConvProblem p = problem();
  const cuemu_counters counters = count(p, GetParam().name);
  const ConvTile& tile = *GetParam().tile;
  const auto row = static_cast<std::uint64_t>(WeightLayout{p.c, p.r * p.s}.row());
  EXPECT_EQ(counters.mma_flops, counters.ctas * 2 * static_cast<std::uint64_t>(tile.block_m) *
                                    static_cast<std::uint64_t>(tile.block_n) * row);
}

INSTANTIATE_TEST_SUITE_P(, ConvCounters, testing::ValuesIn(kConvKernels), kKernelName);

// Those of the halo loader: x once a slice, with its halo, whichever image it crosses into; weights once a tap.
class HaloCounters : public ConvCounters {};

TEST_P(HaloCounters, ReadXOnceASlice) {
  const ConvTile& tile = *GetParam().tile;
  const ConvProblem p{.dtype = GetParam().dtype,
                      .n = 3,
                      .h = 14,
                      .w = 15,
                      .c = 192,
                      .k = 128,
                      .r = 3,
                      .s = 3,
                      .pad = {1, 1, 1, 1}};
  const cuemu_counters counters = count(p, GetParam().name);
  const int pixels = p.n * p.h * p.w, slices = p.c / kSliceWidth, n_tiles = p.k / tile.block_n;
  std::int64_t bytes = 0;
  for (int m = 0; m < pixels; m += tile.block_m) {
    const int first = std::max(0, m - p.w - 1);
    const int end = std::min(pixels, m + tile.block_m + p.w + 1);
    const std::int64_t scale_and_bias = 2 * 4 * tile.block_n * tile.warps_m;
    bytes += n_tiles * (std::int64_t{slices} * kSliceBytes * (end - first + 9 * tile.block_n) +
                        scale_and_bias);
  }
  EXPECT_EQ(static_cast<std::int64_t>(counters.global_load.sectors) * 32, bytes);
}

// From shared memory: each warp its operands once a tap; to it: x and the weights.
TEST_P(HaloCounters, WavefrontsAreThoseOfTheKernelsHeader) {
  const ConvTile& tile = *GetParam().tile;
  const ConvProblem p{.dtype = GetParam().dtype,
                      .n = 2,
                      .h = 20,
                      .w = 25,
                      .c = 128,
                      .k = 128,
                      .r = 3,
                      .s = 3,
                      .pad = {1, 1, 1, 1}};
  const cuemu_counters counters = count(p, GetParam().name);
  const std::uint64_t slices = p.c / kSliceWidth, reach = 2 * p.w + 2;
  EXPECT_EQ(
      counters.ldmatrix.wavefronts,
      counters.ctas * slices * 9 * (tile.block_m * tile.warps_n + tile.block_n * tile.warps_m));
  EXPECT_EQ(counters.async_copy.wavefronts,
            counters.ctas * slices * (tile.block_m + reach + 9 * tile.block_n));
}

std::vector<ConvKernel> kernels_of(const std::set<ConvLoader>& loaders) {
  std::vector<ConvKernel> kernels(std::begin(kConvKernels), std::end(kConvKernels));
  std::erase_if(kernels, [&](const ConvKernel& k) { return !loaders.contains(k.loader); });
  return kernels;
}

INSTANTIATE_TEST_SUITE_P(, HaloCounters, testing::ValuesIn(kernels_of({ConvLoader::load_halo})),
                         kKernelName);

// Few channels.
class StemCounters : public ConvCounters {};

TEST_P(StemCounters, BankConflicts) {
  const ConvProblem stem{.dtype = GetParam().dtype,
                         .h = 23,
                         .w = 21,
                         .c = 3,
                         .k = 64,
                         .r = 7,
                         .s = 7,
                         .stride = {2, 2},
                         .pad = {3, 3, 3, 3}};
  const cuemu_counters counters = count(stem, GetParam().name);
  expect_ideal(counters.ldmatrix, "ldmatrix");
  expect_ideal(counters.async_copy, "cp.async");
  expect_ideal(counters.shared_store, "st.shared");
  if (GetParam().loader == ConvLoader::load_element) {
    expect_ideal(counters.shared_load, "ld.shared");
  } else {
    // Where 8 positions of K reach into the next filter row, 7 of 24 times: the windows of 8 pixels,
    // 6 elements apart, overlap, so the two rows' elements cannot lie in different banks.
    EXPECT_LE(static_cast<double>(counters.shared_load.wavefronts),
              1.3 * static_cast<double>(counters.shared_load.ideal_wavefronts));
  }
}

// x comes by whole sectors: 16 bytes a lane, but where a row of x begins between.
TEST_P(StemCounters, GlobalLoads) {
  if (GetParam().loader == ConvLoader::load_element) GTEST_SKIP() << "two bytes a lane";
  for (const int w : {32, 31}) {
    const cuemu_counters counters = count({.dtype = GetParam().dtype,
                                           .h = 23,
                                           .w = w,
                                           .c = 3,
                                           .k = 64,
                                           .r = 7,
                                           .s = 7,
                                           .stride = {2, 2},
                                           .pad = {3, 3, 3, 3}},
                                          GetParam().name);
    EXPECT_LE(static_cast<double>(counters.global_load.sectors),
              1.15 * static_cast<double>(counters.global_load.ideal_sectors))
        << w;
  }
}

INSTANTIATE_TEST_SUITE_P(
    , StemCounters,
    testing::ValuesIn(kernels_of({ConvLoader::load_element, ConvLoader::load_rows})), kKernelName);

// A ResNet-50 layer of stage 2: x, packed weights, scale, bias and y once each.
TEST(DramTraffic, IsNearTheCompulsory) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  const ConvProblem problem{.h = 56,
                            .w = 56,
                            .c = 64,
                            .k = 64,
                            .r = 3,
                            .s = 3,
                            .pad = {1, 1, 1, 1},
                            .activation = Activation::relu};
  const cuemu_counters counters = count(problem, {});
  const double image = 56 * 56 * 64 * 2;
  const double parameters = 64 * 9 * 64 * 2 + 2 * 64 * 4;
  EXPECT_EQ(counters.launches, 1u);
  EXPECT_GE(static_cast<double>(counters.global_load.unique_bytes), image + parameters);
  EXPECT_LE(static_cast<double>(counters.global_load.unique_bytes), 1.02 * (image + parameters));
  EXPECT_EQ(static_cast<double>(counters.global_store.unique_bytes), image);
  EXPECT_EQ(static_cast<double>(counters.global_store.bytes), image);
}

}  // namespace
}  // namespace foldconv::kernel_tests
