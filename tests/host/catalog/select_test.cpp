// SPDX-License-Identifier: MIT
// Selection by the model's time, on the figures of devices that need not be there.
#include "catalog/select.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "catalog/registry.hpp"
#include "catalog/supports.hpp"
#include "cost/best.hpp"
#include "cost/conv_cost.hpp"
#include "cost/device_speed.hpp"
#include "harness/problem/list.hpp"
#include "host/device_figures.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;
using test::kA100;
using test::kH100;

constexpr host::DeviceFigures kRtx3090 = {86, 82, 101376};
constexpr host::DeviceFigures kT4 = {75, 40, 65536};

// With an A100's clocks; every kernel as often on an SM as its tile asks for.
host::Target target_of(const host::DeviceFigures& device) {
  return {device, host::speed_of({}, device),
          [](const host::ConvKernel& kernel, const host::LaunchShape&) -> Result<int> {
            return kernel.tile->min_ctas_per_sm;
          }};
}

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
  const auto choice = host::select(problem, {.kernel = pin}, target_of(device));
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

bool starts(const std::string& text, std::string_view with) {
  return text.starts_with(with);
}

TEST(Select, LoaderFollowsFilterAndChannels) {
  EXPECT_TRUE(starts(chosen(conv(1, 7, 512, 64, 1)), "conv_1x1_f16_"));
  EXPECT_TRUE(starts(chosen(conv(1, 7, 8, 64, 1)), "conv_1x1_f16_"));
  ConvProblem strided = conv(1, 14, 64, 64, 3);
  strided.stride = {2, 2};
  EXPECT_TRUE(starts(chosen(strided), "conv_rxs_f16_"));
  EXPECT_TRUE(starts(chosen(conv(64, 56, 64, 64, 3)), "conv_halo_f16_"));
  EXPECT_TRUE(starts(chosen(conv(1, 7, 56, 64, 3)), "conv_narrow_f16_"));
  EXPECT_TRUE(starts(chosen(conv(1, 7, 3, 64, 7)), "conv_rows_f16_"));
  EXPECT_TRUE(starts(chosen(conv(1, 7, 3, 64, 1)), "conv_rows_f16_"));
  EXPECT_TRUE(starts(chosen(conv(1, 7, 65, 64, 3)), "conv_element_f16_"));
}

TEST(Select, DtypeIsPartOfTheName) {
  EXPECT_TRUE(starts(chosen(conv(1, 7, 64, 64, 1, DataType::bf16)), "conv_1x1_bf16_"));
  EXPECT_EQ(chosen(conv(1, 7, 64, 64, 3, DataType::f32)), "direct_f32_sm80");
}

// What the model says of each kernel that takes the problem and copies 16 bytes at a time.
std::vector<std::pair<double, std::string>> times(const ConvProblem& problem,
                                                  const host::DeviceFigures& device) {
  const host::Target target = target_of(device);
  std::vector<std::pair<double, std::string>> all;
  for (const host::ConvKernel* kernel : host::in_order(host::conv_kernels(), problem.dtype)) {
    if (kernel->direct() || kernel->loader == ConvLoader::load_element) continue;
    if (!host::refusal(*kernel, problem, device).empty()) continue;
    const LaunchCost cost =
        host::conv_cost(*kernel->tile, kernel->loader, problem, kernel->tile->min_ctas_per_sm);
    all.emplace_back(floor_seconds(cost, target.speed), kernel->name);
  }
  return all;
}

TEST(Select, TheLeastTimeDecidesToAHundredth) {
  std::set<std::string> taken;
  for (const host::DeviceFigures& device : {kA100, kH100, kRtx3090}) {
    for (const int n : {1, 4, 32, 128}) {
      for (const int size : {7, 14, 28, 56}) {
        for (const int k : {16, 64, 100, 256, 1024}) {
          for (const int filter : {1, 3}) {
            const ConvProblem problem = conv(n, size, 128, k, filter);
            const auto all = times(problem, device);
            const double least = std::ranges::min(all).first;
            const std::string name = chosen(problem, device);
            const auto own = std::ranges::find(all, name, &std::pair<double, std::string>::second);
            ASSERT_NE(own, all.end()) << name;
            EXPECT_LE(own->first, least * 1.01) << to_string(problem) << " " << name;
            taken.insert(name);
          }
        }
      }
    }
  }
  EXPECT_GE(taken.size(), 8u);
}

TEST(Select, SmallGridsTakeSmallTiles) {
  const auto ctas = [](int n, int size, int c, int k) {
    const ConvProblem problem = conv(n, size, c, k, 1);
    return host::tile_count(*choose(problem, kH100).kernel->tile, problem);
  };
  EXPECT_GE(ctas(1, 7, 2048, 512), 49);
  EXPECT_GE(ctas(1, 14, 1024, 256), 49);
  EXPECT_EQ(chosen(conv(128, 56, 512, 512, 1), kH100), "conv_1x1_f16_256x128x64_st3_sm80");
}

// A tile twice as wide as there are channels is twice the work.
TEST(Select, WideTilesWantTheirColumnsFilled) {
  const std::string name = chosen(conv(64, 56, 2048, 64, 1));
  EXPECT_NE(name.find("x64x64_"), std::string::npos) << name;
  EXPECT_NE(chosen(conv(64, 56, 2048, 128, 1)).find("x128x64_"), std::string::npos);
}

TEST(Select, GroupsCountTheirOwnChannels) {
  // 32 groups of 32 channels: narrow.
  EXPECT_TRUE(starts(chosen(grouped(conv(64, 28, 1024, 1024, 3), 32)), "conv_narrow_f16_"));
  EXPECT_TRUE(starts(chosen(grouped(conv(64, 28, 1024, 1024, 3), 8)), "conv_halo_f16_"));
  EXPECT_TRUE(starts(chosen(grouped(conv(1, 14, 40, 64, 3), 2)), "conv_rows_f16_"));
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
  EXPECT_TRUE(starts(chosen(grouped(conv(1, 14, 256, 512, 3), 32)), "conv_narrow_f16_"));
}

TEST(Select, TheReasonIsTheRowsOwnAndTheTime) {
  EXPECT_TRUE(has(choose(conv(1, 7, 64, 64, 1)).reason, {"1x1, ", " us by the model (launch)"}));
  EXPECT_TRUE(has(choose(conv(1, 7, 64, 64, 3, DataType::f32)).reason, {"f32"}));
}

// --- Catalogs made up: three tiles that take every problem of one tap

constexpr ConvTile kWide = {128, 128, 2, 2, 3, 2}, kTall = {128, 64, 2, 2, 3, 3},
                   kSmall = {32, 16, 2, 1, 8, 6};

host::ConvKernel made_up(const char* name, const ConvTile& tile, host::Arch arch = {80},
                         ConvLoader loader = ConvLoader::load_1x1) {
  return {name, DataType::f16, arch, nullptr, loader, &tile, "made up"};
}

// 100 SMs of 1 GHz; 2048 FLOP a clock and SM; 1 us a launch. DRAM and L2 without end.
host::Target round_target(int resident = 1) {
  return {{80, 100, 166912},
          {.bytes_per_second = 1e18,
           .l2_bytes_per_second = 1e18,
           .flops_per_second = 100 * 2048e9,
           .simt_flops_per_second = 1e13,
           .clocks_per_second = 1e9,
           .multiprocessors = 100,
           .product_clocks = 33,
           .launch_seconds = 1e-6,
           .assumed = false},
          [resident](const host::ConvKernel&, const host::LaunchShape&) -> Result<int> {
            return resident;
          }};
}

std::string chosen_of(const ConvProblem& problem, std::vector<host::ConvKernel> catalog,
                      const host::Target& target = round_target()) {
  const auto choice = host::select(problem, {}, target, catalog);
  EXPECT_TRUE(choice.ok()) << choice.status().message();
  return choice.ok() ? choice->kernel->name : "";
}

// 128 pixels a row of tiles, 1024 channels into 128.
ConvProblem rows_of_tiles(int rows) {
  return {.n = rows * 128, .h = 1, .w = 1, .c = 1024, .k = 128};
}

// A wide tile's products take 16.4 us, a half one's wavefronts 9.5: two of those take longer, one less than one wide tile.
TEST(MadeUp, TheFullestSmDecides) {
  const std::vector catalog = {made_up("wide", kWide), made_up("tall", kTall)};
  EXPECT_EQ(chosen_of(rows_of_tiles(50), catalog), "tall");
  EXPECT_EQ(chosen_of(rows_of_tiles(100), catalog), "wide");
  EXPECT_EQ(chosen_of(rows_of_tiles(101), catalog), "tall");
  EXPECT_EQ(chosen_of(rows_of_tiles(150), catalog), "tall");
  EXPECT_EQ(chosen_of(rows_of_tiles(151), catalog), "wide");
}

// Bound by DRAM, all take as long: first a filled grid, then two CTAs an SM, then the least of the rest, then the order.
TEST(MadeUp, AboutEqualTimesAreDecidedByFillThenByOverlapThenByTheRestThenByTheOrder) {
  ConvProblem problem = {.n = 145 * 128, .h = 1, .w = 1, .c = 64, .k = 128};
  const auto slow = [](int resident) {
    host::Target target = round_target(resident);
    target.speed.bytes_per_second = 1e9;
    return target;
  };
  const auto wide = made_up("wide", kWide), tall = made_up("tall", kTall);
  // 145 tiles of 200, 290 of 300.
  EXPECT_EQ(chosen_of(problem, {wide, tall}, slow(1)), "tall");
  // Both fill all SMs; one tile for each, or two.
  problem.n = 100 * 128;
  EXPECT_EQ(chosen_of(problem, {tall, wide}, slow(1)), "wide");
  EXPECT_EQ(chosen_of(problem, {wide, tall}, slow(2)), "tall");
  problem.n = 190 * 128;
  EXPECT_EQ(chosen_of(problem, {tall, wide}, slow(2)), "wide");
  problem.k = 64;  // half of the wide one's columns are padding
  EXPECT_EQ(chosen_of(problem, {wide, tall}, slow(1)), "tall");
  EXPECT_EQ(chosen_of(problem, {tall, made_up("twin", kTall)}, slow(1)), "tall");
  EXPECT_EQ(chosen_of(problem, {made_up("twin", kTall), tall}, slow(1)), "twin");
}

// Products that wait for each other: of a small tile on each SM's second round, unless it runs two at a time.
TEST(MadeUp, CtasThatRunAtATimeCount) {
  // The other's wavefronts take 16.4 us; the small one's 14.3, its chains 16.9 if they come one after the other.
  const ConvProblem problem = {.n = 32 * 150, .h = 1, .w = 1, .c = 4096, .k = 16};
  static constexpr ConvTile kOther = {96, 16, 3, 1, 8, 1};
  const std::vector catalog = {made_up("other", kOther), made_up("small", kSmall)};
  int asked = 0;
  const auto choose_at = [&](int resident) {
    host::Target target = round_target();
    target.resident = [&asked, resident](const host::ConvKernel& kernel,
                                         const host::LaunchShape& shape) -> Result<int> {
      EXPECT_STREQ(kernel.name, "small");
      EXPECT_EQ(shape.grid, 150u);
      ++asked;
      return resident;
    };
    return chosen_of(problem, catalog, target);
  };
  EXPECT_EQ(choose_at(1), "other");
  EXPECT_EQ(choose_at(2), "small");
  EXPECT_EQ(asked, 2);
  host::Target failing = round_target();
  failing.resident = [](const host::ConvKernel&, const host::LaunchShape&) -> Result<int> {
    return Status(ErrorCode::cuda_error, "no device");
  };
  EXPECT_EQ(host::select(problem, {}, failing, catalog).status().code(), ErrorCode::cuda_error);
}

// Element by element is for what nothing else takes, whatever the model says; an older architecture, too.
TEST(MadeUp, RanksComeBeforeTimes) {
  const auto wide = made_up("wide", kWide),
             element = made_up("element", kTall, {80}, ConvLoader::load_element),
             newer = made_up("newer", kWide, {90});
  const ConvProblem problem = rows_of_tiles(50);
  EXPECT_EQ(chosen_of(problem, {wide, made_up("tall", kTall)}), "tall");
  EXPECT_EQ(chosen_of(problem, {element, wide}), "wide");
  host::Target hopper = round_target();
  hopper.figures.capability = 90;
  EXPECT_EQ(chosen_of(problem, {made_up("tall", kTall), newer}, hopper), "newer");
  EXPECT_EQ(chosen_of(problem, {made_up("tall", kTall), newer}), "tall");

  const std::vector catalog = {element, wide};
  const auto choice = host::select(problem, {}, round_target(), catalog);
  ASSERT_EQ(choice->refused.size(), 1u);
  EXPECT_EQ(choice->refused[0].reason, "takes the problem, but wide copies 16 bytes at a time");
  EXPECT_EQ(choice->refused[0].floor_us, 0);
}

TEST(MadeUp, ARefusalSaysBothTimes) {
  const std::vector catalog = {made_up("wide", kWide), made_up("tall", kTall)};
  const auto refused = [&](std::string_view pin) {
    return host::select(rows_of_tiles(100), {.kernel = pin}, round_target(), catalog)->refused[0];
  };
  EXPECT_EQ(refused("").reason,
            "takes the problem: 19.94 us by the model (shared memory), the chosen one 17.38");
  EXPECT_NEAR(refused("").floor_us, 19.94, 0.01);
  EXPECT_EQ(refused("tall").reason,
            "takes the problem: 17.38 us by the model (tensor cores), the pinned one 19.94");
}

// --- ResNet-50

// The score goes first: a tile that leaves SMs without work may be faster than one that fills them, where the full one
// reads more for each product, or is bound by what is shared by all SMs. So a half-empty grid is wrong only where a
// fuller one is about as fast.
TEST(ResNet50, NoLayerLeavesSmsWithoutWorkForNothing) {
  harness::ProblemList list;
  harness::read_list(FOLDCONV_SHAPES "/resnet50.txt", FOLDCONV_SHAPES, list);
  ASSERT_EQ(list.problems.size(), 23u);
  host::Target h100 = target_of(kH100);
  h100.speed = host::speed_of({1'980'000, 2'619'000, 5120}, kH100);
  const auto fill = [&](const std::string& kernel, const ConvProblem& problem) {
    const host::ConvKernel* found = host::find_conv_kernel(kernel);
    const auto tiles = double(host::tile_count(*found->tile, problem));
    return host::fill_of({.tiles = tiles}, h100.speed);
  };
  for (const harness::Problem& listed : list.problems) {
    ConvProblem problem = listed.lines.front().convs.front().problem;
    for (const int n : {32, 128}) {
      problem.n = n;
      const auto choice = host::select(problem, {}, h100);
      ASSERT_TRUE(choice.ok());
      if (fill(choice->kernel->name, problem) >= 0.9) continue;
      const LaunchCost own = host::conv_cost(*choice->kernel->tile, choice->kernel->loader, problem,
                                             choice->kernel->tile->min_ctas_per_sm);
      for (const Refusal& other : choice->refused) {
        if (other.floor_us == 0 || fill(other.kernel, problem) < 0.9) continue;
        EXPECT_GT(other.floor_us, 1.02e6 * floor_seconds(own, h100.speed))
            << listed.label << " n" << n << ": " << choice->kernel->name << ", but " << other.kernel
            << " fills the SMs";
      }
    }
  }
}

// --- Refusals

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
  explanation.floor_us = 12.345;
  explanation.limit = CostTerm::shared_memory;
  explanation.refused = {{"other", "too wide"}};
  EXPECT_EQ(explanation.to_string(),
            "kernel      conv\n"
            "because     it fits\n"
            "launch      111 CTAs of 128 threads, 4096 bytes of shared memory\n"
            "resources   96 registers a thread, 2 CTAs an SM, 1.05 waves\n"
            "floor       12.35 us: shared memory\n"
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
      host::select(conv(1, 7, 64, 64, 3), {.kernel = "conv_1x1_f16_64x64x64_st4_sm80"},
                   target_of(kA100)),
      ErrorCode::unsupported, {"conv_1x1_f16_64x64x64_st4_sm80", "r x s = 3x3", "pin none"}));
  EXPECT_TRUE(
      fails_with(host::select(conv(1, 7, 64, 64, 1), {.kernel = "conv_1x1_bf16_64x64x64_st4_sm80"},
                              target_of(kA100)),
                 ErrorCode::unsupported, {"computes in bf16", "the problem is f16"}));
}

TEST(Pins, UnknownNamesListTheKnownOnes) {
  EXPECT_TRUE(fails_with(host::select(conv(1, 7, 64, 64, 3, DataType::bf16),
                                      {.kernel = "conv_fast"}, target_of(kA100)),
                         ErrorCode::invalid_argument,
                         {"\"conv_fast\"", "kernels for bf16: conv_1x1_bf16_256x128x64_st3_sm80",
                          "direct_bf16_sm80"}));
}

// --- Devices

TEST(Devices, TooOld) {
  EXPECT_TRUE(fails_with(host::select(conv(1, 7, 64, 64, 3), {}, target_of(kT4)),
                         ErrorCode::device_too_old, {"compute capability is 7.5", "8.0 or later"}));
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
    return host::select(problem, {.kernel = pin}, target_of({capability, 132, 232448}), catalog);
  };

  catalog.back().arch = {90, true};  // such as sm_90a
  EXPECT_STREQ(on(90)->kernel->name, "newer");
  EXPECT_TRUE(starts(on(90)->reason, "it is newer; "));
  for (const int capability : {80, 86, 89, 100, 120}) {
    const Result<host::Choice> choice = on(capability);
    EXPECT_STRNE(choice->kernel->name, "newer") << capability;
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
