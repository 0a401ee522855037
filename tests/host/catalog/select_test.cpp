// SPDX-License-Identifier: MIT
// Selection by the model's time.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "catalog/registry.hpp"
#include "catalog/select.hpp"
#include "catalog/supports.hpp"
#include "cost/best.hpp"
#include "cost/conv_cost.hpp"
#include "harness/problem/list.hpp"
#include "host/catalog/every_catalog.hpp"
#include "host/device_figures.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::catalog;
using test::choose;
using test::chosen;
using test::conv;
using test::fails_with;
using test::grouped;
using test::has;
using test::kA100;
using test::kH100;
using test::kRtx3090;
using test::kT4;
using test::made_up;
using test::refusal;
using test::starts;
using test::target_of;

class Select : public test::EveryCatalog {};
class ResNet50 : public test::EveryCatalog {};
class Pins : public test::EveryCatalog {};
INSTANTIATE_TEST_SUITE_P(, Select, test::every_catalog(), test::kCatalogName);
INSTANTIATE_TEST_SUITE_P(, ResNet50, test::every_catalog(), test::kCatalogName);
INSTANTIATE_TEST_SUITE_P(, Pins, test::every_catalog(), test::kCatalogName);

TEST_P(Select, LoaderFollowsFilterAndChannels) {
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

TEST_P(Select, DtypeIsPartOfTheName) {
  EXPECT_TRUE(starts(chosen(conv(1, 7, 64, 64, 1, DataType::bf16)), "conv_1x1_bf16_"));
  EXPECT_EQ(chosen(conv(1, 7, 64, 64, 3, DataType::f32)), "direct_f32_sm80");
}

// What the model says of each kernel that takes the problem and copies 16 bytes at a time.
std::vector<std::pair<double, std::string>> times(const ConvProblem& problem,
                                                  const host::DeviceFigures& device) {
  const host::Target target = target_of(device);
  std::vector<std::pair<double, std::string>> all;
  for (const host::ConvKernel* kernel :
       host::in_order<host::ConvKernel>(catalog(), problem.dtype)) {
    if (kernel->tile == nullptr || kernel->loader == ConvLoader::load_element) continue;
    if (!host::refusal(*kernel, problem, device).empty()) continue;
    const LaunchCost cost =
        host::conv_cost(*kernel->tile, kernel->loader, problem, kernel->tile->min_ctas_per_sm);
    all.emplace_back(floor_seconds(cost, target.speed), kernel->name);
  }
  return all;
}

TEST_P(Select, TheLeastTimeDecidesToAHundredth) {
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

TEST_P(Select, SmallGridsTakeSmallTiles) {
  const auto ctas = [](int n, int size, int c, int k) {
    const ConvProblem problem = conv(n, size, c, k, 1);
    return host::tile_count(*choose(problem, kH100).kernel->tile, problem);
  };
  EXPECT_GE(ctas(1, 7, 2048, 512), 49);
  EXPECT_GE(ctas(1, 14, 1024, 256), 49);
  const ConvTile &large = *choose(conv(128, 56, 512, 512, 1), kH100).kernel->tile,
                 &small = *choose(conv(1, 7, 2048, 512, 1), kH100).kernel->tile;
  EXPECT_GE(large.block_m * large.block_n, 4 * small.block_m * small.block_n);
}

// A tile twice as wide as there are channels is twice the work.
TEST_P(Select, WideTilesWantTheirColumnsFilled) {
  for (const int k : {32, 64, 128}) {
    const host::ConvKernel& kernel = *choose(conv(64, 56, 2048, k, 1)).kernel;
    EXPECT_LE(kernel.tile->block_n, std::max(k, 64)) << kernel.name;
  }
}

TEST_P(Select, GroupsCountTheirOwnChannels) {
  // 32 groups of 32 channels: narrow.
  EXPECT_TRUE(starts(chosen(grouped(conv(64, 28, 1024, 1024, 3), 32)), "conv_grouped_f16_"));
  const std::string wide = chosen(grouped(conv(64, 28, 1024, 1024, 3), 8));
  EXPECT_TRUE(starts(wide, "conv_halo_f16_") || starts(wide, "conv_rxs_f16_")) << wide;
  EXPECT_TRUE(starts(chosen(grouped(conv(1, 14, 40, 64, 3), 2)), "conv_rows_f16_"));
}

TEST_P(Select, DepthwiseAndSmallCardinalityGoWithoutTensorCores) {
  const ConvProblem depthwise = grouped(conv(8, 56, 64, 64, 3), 64);
  EXPECT_EQ(chosen(depthwise), "depthwise_f16_3x3_sm80");
  EXPECT_TRUE(has(refusal(depthwise, first_of(ConvLoader::load_narrow).name),
                  {"padding", "k / groups = 1", "nearest: k / groups = 16", "groups = 1"}));
  const ConvProblem four = grouped(conv(8, 56, 128, 128, 3), 32);
  EXPECT_TRUE(starts(chosen(four), "conv_grouped_f16_"));
  EXPECT_TRUE(starts(chosen(grouped(conv(8, 56, 128, 512, 3), 32)), "conv_grouped_f16_"));
  EXPECT_TRUE(
      has(refusal(grouped(conv(8, 56, 128, 512, 3), 32), first_of(ConvLoader::load_element).name),
          {"c / groups = 4", "nearest: c / groups = 8"}));
  EXPECT_TRUE(starts(chosen(grouped(conv(1, 14, 256, 512, 3), 32)), "conv_grouped_f16_"));
}

TEST_P(Select, TheReasonIsTheRowsOwnAndTheTime) {
  EXPECT_TRUE(has(choose(conv(1, 7, 64, 64, 1)).reason, {"1x1, ", " us by the model (launch)"}));
  EXPECT_TRUE(has(choose(conv(1, 7, 64, 64, 3, DataType::f32)).reason, {"f32"}));
}

// --- ResNet-50

// The score goes first: a tile that leaves SMs without work may be faster than one that fills them, where the full one
// reads more for each product, or is bound by what is shared by all SMs. So a half-empty grid is wrong only where a
// fuller one is about as fast.
TEST_P(ResNet50, NoLayerLeavesSmsWithoutWorkForNothing) {
  harness::ProblemList list;
  harness::read_list(FOLDCONV_SHAPES "/resnet50.txt", FOLDCONV_SHAPES, list);
  ASSERT_EQ(list.problems.size(), 23u);
  host::Target h100 = target_of(kH100);
  h100.speed = host::speed_of({1'980'000, 2'619'000, 5120}, kH100);
  const auto fill = [&](const std::string& kernel, const ConvProblem& problem) {
    const auto tiles = double(host::tile_count(*named(kernel).tile, problem));
    return host::fill_of({.tiles = tiles}, h100.speed);
  };
  for (const harness::Problem& listed : list.problems) {
    ConvProblem problem = listed.lines.front().convs.front().problem;
    for (const int n : {32, 128}) {
      problem.n = n;
      const auto choice = host::select(problem, {}, h100, catalog());
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

TEST(Explanation, AsText) {
  Explanation explanation;
  explanation.kernel = "conv";
  explanation.reason = "it fits";
  explanation.instructions = Instructions::sm90;
  explanation.instructions_reason = "asked for";
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
            "family      sm90: asked for\n"
            "launch      111 CTAs of 128 threads, 4096 bytes of shared memory\n"
            "resources   96 registers a thread, 2 CTAs an SM, 1.05 waves\n"
            "floor       12.35 us: shared memory\n"
            "workspace   0 bytes\n"
            "not taken   other: too wide\n");
}

// --- Pins

TEST_P(Pins, TakeTheNamedKernel) {
  const ConvProblem problem = conv(1, 7, 64, 64, 3);
  const auto all = host::in_order<host::ConvKernel>(catalog(), problem.dtype);
  for (const char* name : {first_of(ConvLoader::load_rxs).name,
                           first_of(ConvLoader::load_element).name, "direct_f16_sm80"}) {
    const host::Choice choice = choose(problem, kA100, name);
    EXPECT_STREQ(choice.kernel->name, name);
    EXPECT_TRUE(has(choice.reason, {"pinned"}));
    EXPECT_EQ(choice.refused.size(), all.size() - 1);
    for (const Refusal& refused : choice.refused) EXPECT_NE(refused.kernel, name);
  }
}

TEST_P(Pins, RefuseWithTheReason) {
  const auto pinned = [](const ConvProblem& problem, const char* name) {
    return host::select(problem, {.kernel = name}, target_of(kA100), catalog());
  };
  const char* name = first_of(ConvLoader::load_1x1).name;
  EXPECT_TRUE(fails_with(pinned(conv(1, 7, 64, 64, 3), name), ErrorCode::unsupported,
                         {name, "r x s = 3x3", "pin none"}));
  EXPECT_TRUE(fails_with(pinned(conv(1, 7, 64, 64, 1, DataType::bf16), name),
                         ErrorCode::unsupported, {"computes in f16", "the problem is bf16"}));
}

TEST_P(Pins, UnknownNamesListTheKnownOnes) {
  const ConvProblem problem = conv(1, 7, 64, 64, 3, DataType::bf16);
  const auto known = host::in_order<host::ConvKernel>(catalog(), problem.dtype);
  const std::string first = std::string("kernels for bf16: ") + known.front()->name + ", ",
                    last = std::string(", ") + known.back()->name;
  EXPECT_TRUE(
      fails_with(host::select(problem, {.kernel = "conv_fast"}, target_of(kA100), catalog()),
                 ErrorCode::invalid_argument, {"\"conv_fast\"", first, last}));
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
  static constexpr ConvTile kTile = {64, 64, 2, 2, 4, 2};
  test::Kernels catalog = test::catalog();
  catalog.push_back(made_up("newer", kTile, ConvLoader::load_rxs));
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

}  // namespace
}  // namespace foldconv
