// SPDX-License-Identifier: MIT
// Why kernels do not take a problem.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "catalog/registry.hpp"
#include "catalog/supports.hpp"
#include "host/catalog/choosing.hpp"
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
using test::refusal;
using test::starts;

TEST(Refusals, EveryOtherKernelOfTheDtypeIsListedInTheCatalogsOrder) {
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    const host::Choice choice = choose(conv(2, 14, 64, 64, 3, dtype));
    std::set<std::string> names = {choice.kernel->name};
    for (const Refusal& refused : choice.refused) {
      EXPECT_FALSE(refused.reason.empty());
      EXPECT_TRUE(names.insert(refused.kernel).second) << refused.kernel << " twice";
    }
    // Also: no kernel is compiled and then missing from the table.
    for (const host::ConvKernel& kernel : host::conv_kernels()) {
      EXPECT_EQ(names.contains(kernel.name), kernel.dtype == dtype) << kernel.name;
    }
    if (dtype != DataType::f32) {
      EXPECT_EQ(choice.refused.front().kernel.find("conv_1x1_"), 0u);
      EXPECT_EQ(choice.refused.back().kernel.find("direct_"), 0u);
    }
  }
}

TEST(Refusals, NameRuleValueAndNearestLegalValue) {
  const std::string unit = "conv_1x1_f16_64x64x64_st4_sm80",
                    taps = "conv_rxs_f16_64x64x64_st4_sm80",
                    narrow = "conv_narrow_f16_64x64x64_st4_sm80",
                    element = "conv_element_f16_64x64x64_st4_sm80";
  EXPECT_TRUE(has(refusal(conv(1, 14, 64, 64, 3), unit), {"1x1 filters", "r x s = 3x3"}));
  EXPECT_TRUE(has(refusal(conv(1, 14, 12, 64, 3), narrow), {"c = 12", "multiple of 8", "c = 16"}));
  EXPECT_TRUE(has(refusal(grouped(conv(1, 14, 40, 64, 3), 2), narrow),
                  {"c / groups = 20", "multiple of 8", "c / groups = 24"}));
  EXPECT_TRUE(
      has(refusal(conv(1, 14, 32, 64, 3), taps), {"at least 64", "c = 32", "nearest: c = 64"}));
  EXPECT_TRUE(
      has(refusal(conv(1, 14, 64, 64, 3), narrow), {"fewer than 64", "c = 64", "nearest: c = 56"}));
  EXPECT_TRUE(has(refusal(conv(1, 14, 36, 64, 3), taps), {"c = 36", "nearest: c = 64"}));
  EXPECT_TRUE(has(refusal(conv(1, 14, 66, 64, 3), narrow), {"c = 66", "nearest: c = 56"}));
  EXPECT_TRUE(has(refusal(conv(1, 14, 58, 64, 3), narrow), {"c = 58", "nearest: c = 56"}));
  EXPECT_TRUE(has(refusal(conv(1, 40, 64, 64, 17), taps), {"15x15", "r = 17", "nearest: r = 15"}));
  ConvProblem wide = conv(1, 40, 3, 64, 1);
  wide.s = 16;
  EXPECT_TRUE(has(refusal(wide, element), {"s = 16", "nearest: s = 15"}));
  EXPECT_EQ(chosen(conv(1, 40, 64, 64, 17)), "direct_f16_sm80");
}

TEST(Refusals, ThirtyTwoBitIndices) {
  const std::string unit = "conv_1x1_f16_64x64x64_st4_sm80";
  // x: 2^18 chunks of 8 elements an image, so 8191 images stay below 2^31 and 8192 do not.
  const auto x = [](int n) { return ConvProblem{.n = n, .h = 256, .w = 128, .c = 64, .k = 8}; };
  EXPECT_EQ(chosen(x(8191)).find("conv_1x1"), 0u);
  EXPECT_TRUE(
      has(refusal(x(8192), unit), {"16-byte chunks of x", "2147483648", "nearest: n = 8191"}));
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
  EXPECT_TRUE(has(refusal(y(64527, 4160), unit), {"takes the problem"}));
  EXPECT_TRUE(has(refusal(y(64528, 4160), unit), {"CTAs = 2147491840", "nearest: n = 64527"}));

  // The element loader counts from a tile's first image on.
  const std::string element = "conv_element_f16_64x64x64_st4_sm80";
  EXPECT_EQ(chosen({.n = 40000, .h = 224, .w = 224, .c = 3, .k = 8}).find("conv_rows"), 0u);
  const auto wide = [](int n, int w) {
    return ConvProblem{.n = n, .h = 1 << 15, .w = w, .c = 3, .k = 8, .stride = {4096, 4096}};
  };
  EXPECT_EQ(refusal(wide(1, 21845), element), "");
  EXPECT_TRUE(has(refusal(wide(1, 21846), element),
                  {"elements of a tile's images", "2147549184", "no n is small enough"}));
  // 16 pixels an image: a tile of 64 touches 5 images, of 2^15 x 4369 x 3 elements, at most.
  EXPECT_EQ(refusal(wide(9999, 4369), element), "");
  EXPECT_TRUE(has(refusal(wide(9999, 4370), element),
                  {"elements of a tile's images", "2147942400", "nearest: n = 4"}));

  const ConvProblem pixels = {
      .n = 1 << 15, .h = 1, .w = 1, .c = 8, .k = 1, .pad = {128, 128, 128, 127}};
  EXPECT_TRUE(has(refusal(pixels, unit),
                  {"n * p * q up to a whole tile = 2155872256", "nearest: n = 32640"}));
  // 2^31 - 1 pixels fit, but not the tile they end in.
  const ConvProblem last_tile{.h = 1, .w = 2147483647, .c = 1, .k = 1};
  EXPECT_TRUE(has(refusal(last_tile, "conv_element_f16_64x64x64_st4_sm80"),
                  {"n * p * q up to a whole tile = 2147483648"}));

  const ConvProblem weights = {.h = 1, .w = 1, .c = 65536, .k = 32768};
  EXPECT_TRUE(has(refusal(weights, unit), {"packed weights", "nearest: k = 32767"}));
  ConvProblem fewer = weights;
  fewer.k = 32767;
  EXPECT_EQ(chosen(fewer).find("conv_1x1"), 0u);

  // The padding counts: addresses of windows in the margin are computed before they are dropped.
  ConvProblem margin = {.h = 1 << 10, .w = 1 << 10, .c = 64, .k = 8};
  margin.pad = {1 << 20, 0, 0, 0};
  margin.stride.h = 1 << 18;
  EXPECT_TRUE(has(refusal(margin, unit), {"chunks of x, padding included", "no n is small"}));
  EXPECT_EQ(chosen(margin), "direct_f16_sm80");
}

// A pitch counts in place of the channels.
TEST(Refusals, ThirtyTwoBitIndicesOfPitchedTensors) {
  const std::string unit = "conv_1x1_f16_64x64x64_st4_sm80",
                    element = "conv_element_f16_64x64x64_st4_sm80";
  const auto x = [](int n, int pitch) {
    return ConvProblem{.n = n, .h = 256, .w = 128, .c = 8, .k = 8, .pitch = {.x = pitch}};
  };
  EXPECT_EQ(chosen(x(8191, 64)).find("conv_1x1"), 0u);
  EXPECT_EQ(chosen(x(8192, 56)).find("conv_1x1"), 0u);
  EXPECT_TRUE(
      has(refusal(x(8192, 64), unit), {"16-byte chunks of x", "2147483648", "nearest: n = 8191"}));
  EXPECT_TRUE(has(refusal({.h = 1 << 15, .w = 8192, .c = 3, .k = 8, .pitch = {.x = 8}}, element),
                  {"elements of a tile's images", "2147483648"}));
  // Of y, pixels and tiles count alone.
  EXPECT_EQ(chosen({.n = 8191, .h = 256, .w = 128, .c = 8, .k = 8, .pitch = {.y = 1 << 20}})
                .find("conv_1x1"),
            0u);
}

TEST(Refusals, SharedMemory) {
  // 147456 bytes of stages: an A100 has them, an RTX 3090 does not.
  ConvProblem problem = conv(64, 112, 64, 128, 3);
  problem.stride = {2, 2};
  EXPECT_EQ(refusal(problem, "conv_rxs_f16_256x128x64_st3_sm80", kA100).find("needs"),
            std::string::npos);
  EXPECT_TRUE(has(refusal(problem, "conv_rxs_f16_256x128x64_st3_sm80", kRtx3090),
                  {"147528 bytes of shared memory", "9 table entries", "101376"}));
  // So many channels and taps that no tile has room for the table of addresses.
  EXPECT_EQ(chosen(conv(1, 15, 8192, 64, 15), kRtx3090), "direct_f16_sm80");
}

TEST(Refusals, OfTapsFromSharedMemory) {
  const std::string halo = "conv_halo_f16_192x64x64_st4_sm80";
  const ConvProblem problem = conv(1, 56, 64, 64, 3);
  EXPECT_TRUE(has(refusal(problem, halo), {"takes the problem"}));  // and nothing before it

  ConvProblem other = problem;
  other.stride = {1, 2};
  EXPECT_TRUE(has(refusal(other, halo), {"stride 1", "stride = 1x2", "nearest: 1x1"}));
  other = problem;
  other.pad = {1, 0, 1, 1};
  EXPECT_TRUE(
      has(refusal(other, halo), {"x's size", "h = 56, p = 55", "pad top + pad bottom = 2"}));
  other.pad = {1, 1, 2, 1};
  EXPECT_TRUE(has(refusal(other, halo), {"w = 56, q = 57", "pad left + pad right = 2"}));
  other.pad = {0, 2, 2, 0};
  EXPECT_TRUE(has(refusal(other, halo), {"takes the problem"}));
  other = problem;
  other.r = 1;
  other.s = 2;
  other.pad = {0, 0, 1, 0};
  EXPECT_TRUE(has(refusal(other, halo), {"needs 3", "r * s = 2", "nearest: r * s = 3"}));
  EXPECT_TRUE(has(refusal(conv(1, 56, 64, 64, 1), halo), {"r * s = 1"}));
  EXPECT_TRUE(has(refusal(conv(1, 56, 56, 64, 3), halo), {"at least 64", "c = 56", "c = 64"}));
  EXPECT_TRUE(has(refusal(conv(1, 56, 68, 64, 3), halo), {"c = 68", "multiple of 8", "c = 72"}));
  EXPECT_TRUE(has(refusal(conv(1, 40, 64, 64, 17), halo), {"15x15", "r = 17"}));
}

// 4 stages of 64 rows, a row of zeros, and 192 + 2 w + 2 pixels, all of 128 bytes; twice the pixels with two slices.
TEST(Refusals, RowsTooLongForTheHalo) {
  const std::string halo = "conv_halo_f16_192x64x64_st4_sm80";
  const auto row = [](int w, int c) {
    ConvProblem problem = conv(1, w, c, 64, 3);
    problem.h = 3;
    return problem;
  };
  EXPECT_FALSE(has(refusal(row(170, 64), halo, kRtx3090), {"shared memory"}));
  EXPECT_TRUE(has(refusal(row(171, 64), halo, kRtx3090),
                  {"needs 101504 bytes", "192 output pixels", "has 101376", "nearest: w = 170"}));
  EXPECT_FALSE(has(refusal(row(36, 128), halo, kRtx3090), {"shared memory"}));
  EXPECT_TRUE(has(refusal(row(37, 128), halo, kRtx3090),
                  {"needs 101504 bytes of shared memory", "nearest: w = 36"}));
  ConvProblem dilated = row(64, 64);
  dilated.s = 15;
  dilated.r = 1;
  dilated.dilation.w = 128;
  dilated.pad = {0, 0, 7 * 128, 7 * 128};
  EXPECT_TRUE(has(refusal(dilated, halo, kA100), {"shared memory", "smaller tile or filter"}));
}

TEST(Refusals, RowsLoader) {
  const std::string rows = "conv_rows_f16_256x64x64_st3_sm80";
  EXPECT_TRUE(starts(chosen(conv(64, 64, 20, 64, 3)), "conv_rows_f16_"));
  EXPECT_TRUE(starts(chosen(conv(64, 64, 60, 64, 3)), "conv_rows_f16_"));
  EXPECT_TRUE(
      has(refusal(conv(64, 64, 65, 64, 3), rows), {"fewer than 64", "c = 65", "nearest: c = 63"}));
  // 15 filter rows of 256 pixels do not fit: nearest is the largest number of channels that does.
  const ConvProblem wide = conv(64, 64, 39, 64, 15);
  const std::string reason = refusal(wide, rows);
  EXPECT_TRUE(
      has(reason, {"bytes of shared memory", "256 pixels of y", "166912", "nearest: c = "}));
  const int nearest = std::stoi(reason.substr(reason.rfind(' ')));
  EXPECT_EQ(refusal(conv(64, 64, nearest, 64, 15), rows).find("needs"), std::string::npos);
  EXPECT_TRUE(has(refusal(conv(64, 64, nearest + 1, 64, 15), rows), {"needs"}));
  // No row of y, however long, and no number of images changes what a tile reads.
  ConvProblem stem = conv(1, 224, 3, 64, 7);
  stem.stride = {2, 2};
  for (const int size : {224, 1280, 8192}) {
    stem.h = stem.w = size;
    stem.n = size == 8192 ? 1 : 32;
    EXPECT_EQ(chosen(stem), rows) << size;
  }
}

}  // namespace
}  // namespace foldconv
