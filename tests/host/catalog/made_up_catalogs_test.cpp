// SPDX-License-Identifier: MIT
// Selection in catalogs made up: three tiles that take every problem of one tap.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "catalog/select.hpp"
#include "host/catalog/choosing.hpp"

namespace foldconv {
namespace {

using test::made_up;

constexpr ConvTile kWide = {128, 128, 2, 2, 3, 2}, kTall = {128, 64, 2, 2, 3, 3},
                   kSmall = {32, 16, 2, 1, 8, 6};

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
             element = made_up("element", kTall, ConvLoader::load_element),
             newer = made_up("newer", kWide, ConvLoader::load_1x1, {90});
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

}  // namespace
}  // namespace foldconv
