// SPDX-License-Identifier: MIT
// The selection table, on the figures of devices that need not be there.
#include "catalog/select.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "catalog/registry.hpp"
#include "host/device_figures.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;
using test::kA100;
using test::kH100;

constexpr host::DeviceFigures kRtx3090 = {86, 82, 101376};
constexpr host::DeviceFigures kT4 = {75, 40, 65536};

ConvProblem conv(int n, int size, int c, int k, int filter, DataType dtype = DataType::f16) {
  const int pad = filter / 2;
  return {.dtype = dtype,
          .n = n,
          .h = size,
          .w = size,
          .c = c,
          .k = k,
          .r = filter,
          .s = filter,
          .pad = {pad, pad, pad, pad}};
}

ConvProblem grouped(ConvProblem problem, int groups) {
  problem.groups = groups;
  return problem;
}

host::Choice choose(const ConvProblem& problem, const host::DeviceFigures& device = kA100,
                    std::string_view pin = {}) {
  EXPECT_TRUE(validate(problem).ok()) << validate(problem).message();
  const auto choice = host::select(problem, {.kernel = pin}, device);
  EXPECT_TRUE(choice.ok()) << choice.status().message();
  return choice.ok() ? *choice : host::Choice{};
}

std::string chosen(const ConvProblem& problem, const host::DeviceFigures& device = kA100) {
  const host::Choice choice = choose(problem, device);
  return choice.kernel == nullptr ? "" : choice.kernel->name;
}

// Why `kernel` was not chosen for `problem`.
std::string refusal(const ConvProblem& problem, std::string_view kernel,
                    const host::DeviceFigures& device = kA100) {
  for (const Refusal& refused : choose(problem, device).refused) {
    if (refused.kernel == kernel) return refused.reason;
  }
  return "";
}

testing::AssertionResult has(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) {
    if (text.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "\"" << text << "\" lacks \"" << part << "\"";
    }
  }
  return testing::AssertionSuccess();
}

// --- The choice

TEST(Select, LoaderFollowsFilterAndChannels) {
  EXPECT_EQ(chosen(conv(1, 7, 512, 64, 1)), "conv_1x1_f16_64x64x64_st4_sm80");
  EXPECT_EQ(chosen(conv(1, 7, 8, 64, 1)), "conv_1x1_f16_64x64x64_st4_sm80");
  EXPECT_EQ(chosen(conv(1, 7, 64, 64, 3)), "conv_rxs_f16_64x64x64_st4_sm80");
  EXPECT_EQ(chosen(conv(1, 7, 56, 64, 3)), "conv_narrow_f16_64x64x64_st4_sm80");
  EXPECT_EQ(chosen(conv(1, 7, 3, 64, 7)), "conv_rows_f16_64x64x64_st4_sm80");
  EXPECT_EQ(chosen(conv(1, 7, 3, 64, 1)), "conv_rows_f16_64x64x64_st4_sm80");
  EXPECT_EQ(chosen(conv(1, 7, 65, 64, 3)), "conv_element_f16_64x64x64_st4_sm80");
}

TEST(Select, DtypeIsPartOfTheName) {
  EXPECT_EQ(chosen(conv(1, 7, 64, 64, 3, DataType::bf16)), "conv_rxs_bf16_64x64x64_st4_sm80");
  EXPECT_EQ(chosen(conv(1, 7, 64, 64, 3, DataType::f32)), "direct_f32_sm80");
}

// 56x56 pixels an image: 12.25 rows of 256, 24.5 of 128, 49 of 64.
TEST(Select, TileFollowsTheGrid) {
  EXPECT_EQ(chosen(conv(1, 56, 64, 128, 1)), "conv_1x1_f16_64x64x64_st4_sm80");     // 25 x 1
  EXPECT_EQ(chosen(conv(3, 56, 64, 128, 1)), "conv_1x1_f16_128x64x64_st3_sm80");    // 74, 148
  EXPECT_EQ(chosen(conv(5, 56, 64, 128, 1)), "conv_1x1_f16_128x128x64_st3_sm80");   // 62, 123
  EXPECT_EQ(chosen(conv(18, 56, 64, 128, 1)), "conv_1x1_f16_256x128x64_st3_sm80");  // 221
}

// 216 CTAs are two waves of an A100; one tile less is not.
TEST(Select, WavesAreCountedExactly) {
  const auto pixels = [](int n) { return ConvProblem{.n = n, .h = 1, .w = 1, .c = 64, .k = 128}; };
  EXPECT_EQ(chosen(pixels(215 * 256 + 1)), "conv_1x1_f16_256x128x64_st3_sm80");
  EXPECT_EQ(chosen(pixels(215 * 256)), "conv_1x1_f16_128x128x64_st3_sm80");
  EXPECT_EQ(chosen(pixels(107 * 128 + 1)), "conv_1x1_f16_128x128x64_st3_sm80");
  EXPECT_EQ(chosen(pixels(107 * 128)), "conv_1x1_f16_128x64x64_st3_sm80");
  EXPECT_EQ(chosen(pixels(53 * 128 + 1)), "conv_1x1_f16_128x64x64_st3_sm80");
  EXPECT_EQ(chosen(pixels(53 * 128)), "conv_1x1_f16_64x64x64_st4_sm80");
}

TEST(Select, LargerDevicesNeedLargerGrids) {
  const ConvProblem problem = conv(18, 56, 64, 128, 1);
  EXPECT_EQ(chosen(problem, kA100), "conv_1x1_f16_256x128x64_st3_sm80");
  EXPECT_EQ(chosen(problem, kH100), "conv_1x1_f16_128x128x64_st3_sm80");  // 221 < 2 * 132
}

TEST(Select, WideTilesWantTheirColumnsFilled) {
  EXPECT_EQ(chosen(conv(64, 56, 64, 64, 1)), "conv_1x1_f16_128x64x64_st3_sm80");
  EXPECT_EQ(chosen(conv(64, 56, 64, 85, 1)), "conv_1x1_f16_128x64x64_st3_sm80");
  EXPECT_EQ(chosen(conv(64, 56, 64, 86, 1)), "conv_1x1_f16_256x128x64_st3_sm80");
  EXPECT_EQ(chosen(conv(64, 56, 64, 129, 1)), "conv_1x1_f16_128x64x64_st3_sm80");
  EXPECT_EQ(chosen(conv(64, 56, 64, 170, 1)), "conv_1x1_f16_128x64x64_st3_sm80");
  EXPECT_EQ(chosen(conv(64, 56, 64, 171, 1)), "conv_1x1_f16_256x128x64_st3_sm80");
  EXPECT_TRUE(has(refusal(conv(64, 56, 64, 80, 1), "conv_1x1_f16_128x128x64_st3_sm80"),
                  {"too wide", "k / groups = 80", "nearest above: k / groups = 86"}));
}

TEST(Select, GroupsCountTheirOwnChannels) {
  // 32 groups of 32 channels: narrow, and 64 wide.
  EXPECT_EQ(chosen(grouped(conv(64, 28, 1024, 1024, 3), 32)), "conv_narrow_f16_128x64x64_st3_sm80");
  EXPECT_EQ(chosen(grouped(conv(64, 28, 1024, 1024, 3), 8)), "conv_halo_f16_384x64x64_st4_sm80");
  EXPECT_EQ(chosen(grouped(conv(1, 14, 40, 64, 3), 2)), "conv_rows_f16_64x64x64_st4_sm80");
}

TEST(Select, DepthwiseAndSmallCardinalityGoToDirect) {
  const ConvProblem depthwise = grouped(conv(8, 56, 64, 64, 3), 64);
  EXPECT_EQ(chosen(depthwise), "direct_f16_sm80");
  EXPECT_TRUE(has(refusal(depthwise, "conv_narrow_f16_64x64x64_st4_sm80"),
                  {"padding", "k / groups = 1", "nearest: k / groups = 16", "groups = 1"}));
  const ConvProblem four = grouped(conv(8, 56, 128, 128, 3), 32);
  EXPECT_EQ(chosen(four), "direct_f16_sm80");
  EXPECT_EQ(chosen(grouped(conv(8, 56, 128, 512, 3), 32)), "direct_f16_sm80");  // c / groups = 4
  EXPECT_TRUE(
      has(refusal(grouped(conv(8, 56, 128, 512, 3), 32), "conv_element_f16_64x64x64_st4_sm80"),
          {"c / groups = 4", "nearest: c / groups = 8"}));
  EXPECT_EQ(chosen(grouped(conv(1, 14, 256, 512, 3), 32)), "conv_narrow_f16_64x64x64_st4_sm80");
}

TEST(Select, ReasonIsTheRowsOwn) {
  EXPECT_TRUE(has(choose(conv(1, 7, 64, 64, 3)).reason, {"64 channels or more", "the most CTAs"}));
  EXPECT_TRUE(has(choose(conv(1, 7, 64, 64, 3, DataType::f32)).reason, {"f32"}));
}

// --- Refusals

TEST(Refusals, EveryOtherKernelOfTheDtypeIsListedInTableOrder) {
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
  EXPECT_EQ(chosen(x(8192)), "conv_element_f16_64x64x64_st4_sm80");
  EXPECT_TRUE(has(choose(x(8192)).reason, {"too large for loaders that copy", "element by element",
                                           "chunks of x", "2147483648", "nearest: n = 8191"}));
  // Of y, pixels and tiles count alone: 2^15 pixels an image.
  const auto y = [](int n, int k) {
    return ConvProblem{.n = n, .h = 256, .w = 128, .c = 8, .k = k};
  };
  EXPECT_EQ(chosen(y(65535, 64)).find("conv_1x1"), 0u);
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

TEST(Refusals, SharedMemory) {
  // 147456 bytes of stages: an A100 has them, an RTX 3090 does not.
  ConvProblem problem = conv(64, 112, 64, 128, 3);
  problem.stride = {2, 2};
  EXPECT_EQ(chosen(problem, kA100), "conv_rxs_f16_256x128x64_st3_sm80");
  EXPECT_EQ(chosen(problem, kRtx3090), "conv_rxs_f16_128x128x64_st3_sm80");
  EXPECT_TRUE(has(refusal(problem, "conv_rxs_f16_256x128x64_st3_sm80", kRtx3090),
                  {"147528 bytes of shared memory", "9 table entries", "101376"}));
  // So many channels and taps that no tile has room for the table of addresses.
  EXPECT_EQ(chosen(conv(1, 15, 8192, 64, 15), kRtx3090), "direct_f16_sm80");
}

TEST(Refusals, OfTapsFromSharedMemory) {
  const std::string halo = "conv_halo_f16_192x64x64_st4_sm80";
  const ConvProblem problem = conv(1, 56, 64, 64, 3);
  EXPECT_TRUE(has(refusal(problem, halo), {"grid too small"}));  // and nothing before it

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
  EXPECT_TRUE(has(refusal(other, halo), {"grid too small"}));
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
  EXPECT_EQ(chosen(conv(64, 64, 60, 64, 3)), "conv_rows_f16_256x64x64_st3_sm80");
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

TEST(Explanation, AsText) {
  Explanation explanation;
  explanation.kernel = "conv";
  explanation.reason = "it fits";
  explanation.grid = 111;
  explanation.threads = 128;
  explanation.shared_bytes = 4096;
  explanation.registers = 96;
  explanation.ctas_per_sm = 2;
  explanation.waves = 1.046;
  explanation.refused = {{"other", "too wide"}};
  EXPECT_EQ(explanation.to_string(),
            "kernel      conv\n"
            "because     it fits\n"
            "launch      111 CTAs of 128 threads, 4096 bytes of shared memory\n"
            "resources   96 registers a thread, 2 CTAs an SM, 1.05 waves\n"
            "workspace   0 bytes\n"
            "not taken   other: too wide\n");
}

// --- Pins

TEST(Pins, TakeTheNamedKernel) {
  const ConvProblem problem = conv(1, 7, 64, 64, 3);
  const auto all = host::in_order(host::conv_kernels(), problem.dtype);
  for (const char* name : {"conv_rxs_f16_256x128x64_st3_sm80", "conv_element_f16_64x64x64_st4_sm80",
                           "direct_f16_sm80"}) {
    const host::Choice choice = choose(problem, kA100, name);
    EXPECT_STREQ(choice.kernel->name, name);
    EXPECT_TRUE(has(choice.reason, {"pinned"}));
    EXPECT_EQ(choice.refused.size(), all.size() - 1);
    for (const Refusal& refused : choice.refused) EXPECT_NE(refused.kernel, name);
  }
}

TEST(Pins, RefuseWithTheReason) {
  EXPECT_TRUE(fails_with(
      host::select(conv(1, 7, 64, 64, 3), {.kernel = "conv_1x1_f16_64x64x64_st4_sm80"}, kA100),
      ErrorCode::unsupported, {"conv_1x1_f16_64x64x64_st4_sm80", "r x s = 3x3", "pin none"}));
  EXPECT_TRUE(fails_with(
      host::select(conv(1, 7, 64, 64, 1), {.kernel = "conv_1x1_bf16_64x64x64_st4_sm80"}, kA100),
      ErrorCode::unsupported, {"computes in bf16", "the problem is f16"}));
}

TEST(Pins, UnknownNamesListTheKnownOnes) {
  EXPECT_TRUE(fails_with(
      host::select(conv(1, 7, 64, 64, 3, DataType::bf16), {.kernel = "conv_fast"}, kA100),
      ErrorCode::invalid_argument,
      {"\"conv_fast\"", "kernels for bf16: conv_1x1_bf16_256x128x64_st3_sm80",
       "direct_bf16_sm80"}));
}

// --- Devices

TEST(Devices, TooOld) {
  EXPECT_TRUE(fails_with(host::select(conv(1, 7, 64, 64, 3), {}, kT4), ErrorCode::device_too_old,
                         {"compute capability is 7.5", "8.0 or later"}));
  EXPECT_TRUE(host::check_capability(kA100).ok());
  EXPECT_TRUE(host::check_capability(kH100).ok());
}

// A kernel of a later architecture at the end of the catalog: the first choice where it runs, and
// nowhere else.
TEST(Devices, TheNewestArchitectureThatRunsComesFirst) {
  const ConvProblem problem = conv(1, 7, 64, 64, 3);
  const auto kernels = host::conv_kernels();
  std::vector<host::ConvKernel> catalog(kernels.begin(), kernels.end());
  catalog.push_back(*host::find_conv_kernel("conv_rxs_f16_64x64x64_st4_sm80"));
  catalog.back().name = "newer";
  catalog.back().reason = "it is newer";
  const auto on = [&](int capability, std::string_view pin = {}) {
    return host::select(problem, {.kernel = pin}, {capability, 132, 232448}, catalog);
  };

  catalog.back().arch = {90, true};  // such as sm_90a
  EXPECT_STREQ(on(90)->kernel->name, "newer");
  EXPECT_EQ(on(90)->reason, "it is newer");
  for (const int capability : {80, 86, 89, 100, 120}) {
    const Result<host::Choice> choice = on(capability);
    EXPECT_STREQ(choice->kernel->name, "conv_rxs_f16_64x64x64_st4_sm80") << capability;
    ASSERT_EQ(choice->refused.front().kernel, "newer");
    EXPECT_TRUE(has(choice->refused.front().reason, {"compiled for compute capability 9.0 alone"}));
  }
  EXPECT_TRUE(fails_with(on(80, "newer"), ErrorCode::unsupported,
                         {"newer does not take", "the device has 8.0"}));

  catalog.back().arch = {90};
  for (const int capability : {90, 100, 120}) {
    EXPECT_STREQ(on(capability)->kernel->name, "newer") << capability;
  }
  EXPECT_TRUE(has(on(89)->refused.front().reason, {"9.0 and later: the device has 8.9"}));
}

TEST(Select, AMeasuredGainIsPartOfTheReason) {
  const auto kernels = host::conv_kernels();
  std::vector<host::ConvKernel> catalog(kernels.begin(), kernels.end());
  for (host::ConvKernel& kernel : catalog) kernel.gain = {"H100, all layers", 1.25};
  EXPECT_TRUE(has(host::select(conv(1, 7, 64, 64, 3), {}, kA100, catalog)->reason,
                  {"the most CTAs", "measured: 1.25 times as fast (H100, all layers)"}));
}

std::string tile_name(const ConvTile& tile) {
  const auto number = [](int value) { return std::to_string(value); };
  return number(tile.block_m) + "x" + number(tile.block_n) + "x" + number(ConvTile::kBlockK) +
         "_st" + number(tile.stages) + "_sm80";
}

TEST(Registry, NamesDecodeToTheirTiles) {
  for (const host::ConvKernel& kernel : host::conv_kernels()) {
    if (kernel.direct()) {
      EXPECT_EQ(std::string("direct_") + to_string(kernel.dtype) + "_sm80", kernel.name);
      continue;
    }
    constexpr const char* kLoaders[] = {"1x1",     "rxs",  "narrow", "joined",
                                        "element", "rows", "halo"};
    EXPECT_EQ(std::string("conv_") + kLoaders[static_cast<int>(kernel.loader)] + "_" +
                  to_string(kernel.dtype) + "_" + tile_name(*kernel.tile),
              kernel.name);
    EXPECT_NE(kernel.loader, ConvLoader::load_joined);
    EXPECT_EQ(host::find_conv_kernel(kernel.name), &kernel);
  }
  EXPECT_EQ(host::find_conv_kernel("conv"), nullptr);
}

TEST(Registry, NamesOfBlockKernelsDecodeToTheirTiles) {
  for (const host::ConvKernel& kernel : host::joined_kernels()) {
    EXPECT_EQ(std::string("conv_joined_") + to_string(kernel.dtype) + "_" + tile_name(*kernel.tile),
              kernel.name);
    EXPECT_EQ(host::find_joined_kernel(*kernel.tile, kernel.dtype), &kernel);
  }
  for (const host::TailKernel& kernel : host::tail_kernels()) {
    const ConvTile& tile = kernel.tile->conv2;
    EXPECT_EQ(std::string("block_tail_") + to_string(kernel.dtype) + "_" +
                  std::to_string(tile.block_m) + "x" + std::to_string(tile.block_n) + "_st" +
                  std::to_string(tile.stages) + "_sm80",
              kernel.name);
    EXPECT_EQ(host::find_tail_kernel(*kernel.tile, kernel.dtype), &kernel);
  }
  std::set<std::string> names;
  for (const host::WholeKernel& kernel : host::whole_kernels()) {
    EXPECT_TRUE(has(kernel.name, {"block_whole_", to_string(kernel.dtype), "x8_st", "_sm80"}));
    EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name << " twice";
    EXPECT_EQ(host::find_whole_kernel(*kernel.tile, kernel.dtype), &kernel);
  }
  EXPECT_TRUE(names.contains("block_whole_f16_28x8_st3_resident_sm80"));
  EXPECT_TRUE(names.contains("block_whole_bf16_8x8_st2_projection_sm80"));
}

TEST(Registry, EveryPointwiseOperationForEveryDtype) {
  for (const auto op :
       {host::PointwiseOp::batch_norm, host::PointwiseOp::add, host::PointwiseOp::activate}) {
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      const host::PointwiseKernel* kernel = host::find_pointwise_kernel(op, dtype, kA100);
      ASSERT_NE(kernel, nullptr);
      EXPECT_EQ(kernel->op, op);
      EXPECT_NE(std::string(kernel->name).find(to_string(dtype)), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace foldconv
