// SPDX-License-Identifier: MIT
// Why kernels do not take a problem.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "catalog/registry.hpp"
#include "catalog/supports.hpp"
#include "host/catalog/every_catalog.hpp"
#include "host/device_figures.hpp"

namespace foldconv {
namespace {

using test::choose;
using test::chosen;
using test::conv;
using test::grouped;
using test::has;
using test::kA100;
using test::kRtx3090;
using test::made_up;
using test::starts;

// Of tiles by hand.
constexpr ConvTile kTile64x64 = {64, 64, 2, 2, 4, 2}, kTile256x128 = {256, 128, 4, 2, 3, 1},
                   kTile192x64 = {192, 64, 4, 1, 4, 2}, kTile256x64 = {256, 64, 4, 1, 3, 2};
const host::ConvKernel kUnit = made_up("unit", kTile64x64, ConvLoader::load_1x1),
                       kTaps = made_up("taps", kTile64x64, ConvLoader::load_rxs),
                       kLargeTaps = made_up("large taps", kTile256x128, ConvLoader::load_rxs),
                       kNarrow = made_up("narrow", kTile64x64, ConvLoader::load_narrow),
                       kElement = made_up("element", kTile64x64, ConvLoader::load_element),
                       kHalo = made_up("halo", kTile192x64, ConvLoader::load_halo),
                       kRows = made_up("rows", kTile256x64, ConvLoader::load_rows);

std::string rule(const host::ConvKernel& kernel, const ConvProblem& problem,
                 const host::DeviceFigures& device = kA100) {
  EXPECT_TRUE(validate(problem).ok()) << validate(problem).message();
  return host::refusal(kernel, problem, device);
}

class Refusals : public test::EveryCatalog {};
INSTANTIATE_TEST_SUITE_P(, Refusals, test::every_catalog(), test::kCatalogName);

TEST_P(Refusals, EveryOtherKernelOfTheDtypeIsListedInTheCatalogsOrder) {
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    const host::Choice choice = choose(conv(2, 14, 64, 64, 3, dtype));
    std::vector<std::string> wanted, listed;
    for (const host::ConvKernel& kernel : test::catalog()) {
      if (kernel.dtype == dtype && kernel.name != choice.kernel->name)
        wanted.push_back(kernel.name);
    }
    for (const Refusal& refused : choice.refused) {
      listed.push_back(refused.kernel);
      EXPECT_FALSE(refused.reason.empty()) << refused.kernel;
    }
    EXPECT_EQ(listed, wanted);
  }
}

TEST_P(Refusals, AreTheRulesOfTheKernels) {
  const ConvProblem problem = conv(1, 14, 36, 64, 3);
  for (const Refusal& refused : choose(problem).refused) {
    const std::string reason = rule(named(refused.kernel), problem);
    if (!reason.empty()) {
      EXPECT_EQ(refused.reason, reason) << refused.kernel;
    } else {
      EXPECT_TRUE(starts(refused.reason, "takes the problem")) << refused.kernel;
    }
  }
}

TEST_P(Refusals, NameRuleValueAndNearestLegalValue) {
  EXPECT_TRUE(has(rule(kUnit, conv(1, 14, 64, 64, 3)), {"1x1 filters", "r x s = 3x3"}));
  EXPECT_TRUE(has(rule(kNarrow, conv(1, 14, 12, 64, 3)), {"c = 12", "multiple of 8", "c = 16"}));
  EXPECT_TRUE(has(rule(kNarrow, grouped(conv(1, 14, 40, 64, 3), 2)),
                  {"c / groups = 20", "multiple of 8", "c / groups = 24"}));
  EXPECT_TRUE(
      has(rule(kTaps, conv(1, 14, 32, 64, 3)), {"at least 64", "c = 32", "nearest: c = 64"}));
  EXPECT_TRUE(
      has(rule(kNarrow, conv(1, 14, 64, 64, 3)), {"fewer than 64", "c = 64", "nearest: c = 56"}));
  EXPECT_TRUE(has(rule(kTaps, conv(1, 14, 36, 64, 3)), {"c = 36", "nearest: c = 64"}));
  EXPECT_TRUE(has(rule(kNarrow, conv(1, 14, 66, 64, 3)), {"c = 66", "nearest: c = 56"}));
  EXPECT_TRUE(has(rule(kNarrow, conv(1, 14, 58, 64, 3)), {"c = 58", "nearest: c = 56"}));
  EXPECT_TRUE(has(rule(kTaps, conv(1, 40, 64, 64, 17)), {"15x15", "r = 17", "nearest: r = 15"}));
  ConvProblem wide = conv(1, 40, 3, 64, 1);
  wide.s = 16;
  EXPECT_TRUE(has(rule(kElement, wide), {"s = 16", "nearest: s = 15"}));
  EXPECT_EQ(chosen(conv(1, 40, 64, 64, 17)), "direct_f16_sm80");
}

TEST_P(Refusals, ThirtyTwoBitIndices) {
  // x: 2^18 chunks of 8 elements an image, so 8191 images stay below 2^31 and 8192 do not.
  const auto x = [](int n) { return ConvProblem{.n = n, .h = 256, .w = 128, .c = 64, .k = 8}; };
  EXPECT_EQ(chosen(x(8191)).find("conv_1x1"), 0u);
  EXPECT_TRUE(
      has(rule(kUnit, x(8192)), {"16-byte chunks of x", "2147483648", "nearest: n = 8191"}));
  // The slower kernel is not taken in silence.
  EXPECT_TRUE(starts(chosen(x(8192)), "conv_element_f16_"));
  EXPECT_TRUE(has(choose(x(8192)).reason, {"too large for loaders that copy", "element by element",
                                           "chunks of x", "2147483648", "nearest: n = 8191"}));
  // Of y, pixels and tiles count alone: 2^15 pixels an image.
  const auto y = [](int n, int k) {
    return ConvProblem{.n = n, .h = 256, .w = 128, .c = 8, .k = k};
  };
  EXPECT_TRUE(starts(chosen(y(65535, 64)), "conv_"));
  EXPECT_EQ(chosen(y(65536, 64)), "direct_f16_sm80");
  EXPECT_TRUE(
      has(choose(y(65536, 64)).reason, {"too large for tensor-core kernels", "many times slower",
                                        "n * p * q", "2147483648", "nearest: n = 65535"}));
  EXPECT_FALSE(has(choose(conv(1, 7, 64, 64, 17)).reason, {"too large"}));
  // 512 x 65 tiles an image.
  EXPECT_EQ(rule(kUnit, y(64527, 4160)), "");
  EXPECT_TRUE(has(rule(kUnit, y(64528, 4160)), {"CTAs = 2147491840", "nearest: n = 64527"}));

  // The element loader counts from a tile's first image on.
  EXPECT_EQ(chosen({.n = 40000, .h = 224, .w = 224, .c = 3, .k = 8}).find("conv_rows"), 0u);
  const auto wide = [](int n, int w) {
    return ConvProblem{.n = n, .h = 1 << 15, .w = w, .c = 3, .k = 8, .stride = {4096, 4096}};
  };
  EXPECT_EQ(rule(kElement, wide(1, 21845)), "");
  EXPECT_TRUE(has(rule(kElement, wide(1, 21846)),
                  {"elements of a tile's images", "2147549184", "no n is small enough"}));
  // 16 pixels an image: a tile of 64 touches 5 images, of 2^15 x 4369 x 3 elements, at most.
  EXPECT_EQ(rule(kElement, wide(9999, 4369)), "");
  EXPECT_TRUE(has(rule(kElement, wide(9999, 4370)),
                  {"elements of a tile's images", "2147942400", "nearest: n = 4"}));

  const ConvProblem pixels = {
      .n = 1 << 15, .h = 1, .w = 1, .c = 8, .k = 1, .pad = {128, 128, 128, 127}};
  EXPECT_TRUE(has(rule(kUnit, pixels),
                  {"n * p * q up to a whole tile = 2155872256", "nearest: n = 32640"}));
  // 2^31 - 1 pixels fit, but not the tile they end in.
  const ConvProblem last_tile{.h = 1, .w = 2147483647, .c = 1, .k = 1};
  EXPECT_TRUE(has(rule(kElement, last_tile), {"n * p * q up to a whole tile = 2147483648"}));

  const ConvProblem weights = {.h = 1, .w = 1, .c = 65536, .k = 32768};
  EXPECT_TRUE(has(rule(kUnit, weights), {"packed weights", "nearest: k = 32767"}));
  ConvProblem fewer = weights;
  fewer.k = 32767;
  EXPECT_EQ(chosen(fewer).find("conv_1x1"), 0u);

  // The padding counts: addresses of windows in the margin are computed before they are dropped.
  ConvProblem margin = {.h = 1 << 10, .w = 1 << 10, .c = 64, .k = 8};
  margin.pad = {1 << 20, 0, 0, 0};
  margin.stride.h = 1 << 18;
  EXPECT_TRUE(has(rule(kUnit, margin), {"chunks of x, padding included", "no n is small"}));
  EXPECT_EQ(chosen(margin), "direct_f16_sm80");
}

// A pitch counts in place of the channels.
TEST_P(Refusals, ThirtyTwoBitIndicesOfPitchedTensors) {
  const auto x = [](int n, int pitch) {
    return ConvProblem{.n = n, .h = 256, .w = 128, .c = 8, .k = 8, .pitch = {.x = pitch}};
  };
  EXPECT_EQ(chosen(x(8191, 64)).find("conv_1x1"), 0u);
  EXPECT_EQ(chosen(x(8192, 56)).find("conv_1x1"), 0u);
  EXPECT_TRUE(
      has(rule(kUnit, x(8192, 64)), {"16-byte chunks of x", "2147483648", "nearest: n = 8191"}));
  EXPECT_TRUE(has(rule(kElement, {.h = 1 << 15, .w = 8192, .c = 3, .k = 8, .pitch = {.x = 8}}),
                  {"elements of a tile's images", "2147483648"}));
  // Of y, pixels and tiles count alone.
  EXPECT_EQ(chosen({.n = 8191, .h = 256, .w = 128, .c = 8, .k = 8, .pitch = {.y = 1 << 20}})
                .find("conv_1x1"),
            0u);
}

TEST_P(Refusals, SharedMemory) {
  // 147456 bytes of stages: an A100 has them, an RTX 3090 does not.
  ConvProblem problem = conv(64, 112, 64, 128, 3);
  problem.stride = {2, 2};
  EXPECT_EQ(rule(kLargeTaps, problem, kA100), "");
  EXPECT_TRUE(has(rule(kLargeTaps, problem, kRtx3090),
                  {"147528 bytes of shared memory", "9 table entries", "101376"}));
  // So many channels and taps that no tile has room for the table of addresses; with strides, for which there must be one.
  problem = conv(1, 15, 8192, 64, 15);
  problem.stride = {2, 2};
  EXPECT_EQ(chosen(problem, kRtx3090), "direct_f16_sm80");
}

TEST(KernelRules, OfTapsFromSharedMemory) {
  const ConvProblem problem = conv(1, 56, 64, 64, 3);
  EXPECT_EQ(rule(kHalo, problem), "");  // and nothing before it

  ConvProblem other = problem;
  other.stride = {1, 2};
  EXPECT_TRUE(has(rule(kHalo, other), {"stride 1", "stride = 1x2", "nearest: 1x1"}));
  other = problem;
  other.pad = {1, 0, 1, 1};
  EXPECT_TRUE(has(rule(kHalo, other), {"x's size", "h = 56, p = 55", "pad top + pad bottom = 2"}));
  other.pad = {1, 1, 2, 1};
  EXPECT_TRUE(has(rule(kHalo, other), {"w = 56, q = 57", "pad left + pad right = 2"}));
  other.pad = {0, 2, 2, 0};
  EXPECT_EQ(rule(kHalo, other), "");
  other = problem;
  other.r = 1;
  other.s = 2;
  other.pad = {0, 0, 1, 0};
  EXPECT_TRUE(has(rule(kHalo, other), {"needs 3", "r * s = 2", "nearest: r * s = 3"}));
  EXPECT_TRUE(has(rule(kHalo, conv(1, 56, 64, 64, 1)), {"r * s = 1"}));
  EXPECT_TRUE(has(rule(kHalo, conv(1, 56, 56, 64, 3)), {"at least 64", "c = 56", "c = 64"}));
  EXPECT_TRUE(has(rule(kHalo, conv(1, 56, 68, 64, 3)), {"c = 68", "multiple of 8", "c = 72"}));
  EXPECT_TRUE(has(rule(kHalo, conv(1, 40, 64, 64, 17)), {"15x15", "r = 17"}));
}

// 4 stages of 64 rows, a row of zeros, and 192 + 2 w + 2 pixels, all of 128 bytes; twice the pixels with two slices.
TEST(KernelRules, RowsTooLongForTheHalo) {
  const auto row = [](int w, int c) {
    ConvProblem problem = conv(1, w, c, 64, 3);
    problem.h = 3;
    return problem;
  };
  EXPECT_FALSE(has(rule(kHalo, row(170, 64), kRtx3090), {"shared memory"}));
  EXPECT_TRUE(has(rule(kHalo, row(171, 64), kRtx3090),
                  {"needs 101504 bytes", "192 output pixels", "has 101376", "nearest: w = 170"}));
  EXPECT_FALSE(has(rule(kHalo, row(36, 128), kRtx3090), {"shared memory"}));
  EXPECT_TRUE(has(rule(kHalo, row(37, 128), kRtx3090),
                  {"needs 101504 bytes of shared memory", "nearest: w = 36"}));
  ConvProblem dilated = row(64, 64);
  dilated.s = 15;
  dilated.r = 1;
  dilated.dilation.w = 128;
  dilated.pad = {0, 0, 7 * 128, 7 * 128};
  EXPECT_TRUE(has(rule(kHalo, dilated, kA100), {"shared memory", "smaller tile or filter"}));
}

TEST_P(Refusals, RowsLoader) {
  EXPECT_TRUE(starts(chosen(conv(64, 64, 20, 64, 3)), "conv_rows_f16_"));
  EXPECT_TRUE(starts(chosen(conv(64, 64, 60, 64, 3)), "conv_rows_f16_"));
  EXPECT_TRUE(
      has(rule(kRows, conv(64, 64, 65, 64, 3)), {"fewer than 64", "c = 65", "nearest: c = 63"}));
  // 15 filter rows of 256 pixels do not fit: nearest is the largest number of channels that does.
  const ConvProblem wide = conv(64, 64, 39, 64, 15);
  const std::string reason = rule(kRows, wide);
  EXPECT_TRUE(
      has(reason, {"bytes of shared memory", "256 pixels of y", "166912", "nearest: c = "}));
  const int nearest = std::stoi(reason.substr(reason.rfind(' ')));
  EXPECT_EQ(rule(kRows, conv(64, 64, nearest, 64, 15)).find("needs"), std::string::npos);
  EXPECT_TRUE(has(rule(kRows, conv(64, 64, nearest + 1, 64, 15)), {"needs"}));
  // No row of y, however long, and no number of images changes what a tile reads.
  ConvProblem stem = conv(1, 224, 3, 64, 7);
  stem.stride = {2, 2};
  for (const int size : {224, 1280, 8192}) {
    stem.h = stem.w = size;
    stem.n = size == 8192 ? 1 : 32;
    EXPECT_TRUE(starts(chosen(stem), "conv_rows_f16_")) << size;
    EXPECT_EQ(rule(kRows, stem), "") << size;
  }
}

}  // namespace
}  // namespace foldconv
