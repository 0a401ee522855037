// SPDX-License-Identifier: MIT
// Tiles of the sm_90 family by cost.
#include "catalog/sm90_select.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "catalog/family.hpp"
#include "cost/device_speed.hpp"
#include "cost/sm90_cost.hpp"
#include "harness/problem/list.hpp"
#include "host/device_figures.hpp"

namespace foldconv {
namespace {

using test::kH100;

// With an H100's clocks.
DeviceSpeed sm90_speed() {
  return host::speed_of({1'755'000, 2'619'000, 5120}, kH100);
}

host::Sm90Choice sm90_choice(const ConvProblem& problem) {
  return host::select_sm90(problem, nullptr, sm90_speed());
}

ConvProblem square(int n, int size, int c, int k, int filter, int stride = 1) {
  return {.n = n,
          .h = size,
          .w = size,
          .c = c,
          .k = k,
          .r = filter,
          .s = filter,
          .stride = {stride, stride},
          .pad = Padding::same(filter / 2)};
}

// Shared-memory clocks of a slice of K to its products' clocks: the figures of tiles.
TEST(Sm90Cost, SharedMemoryBesideProducts) {
  constexpr Teamwork kTogether = Teamwork::together, kPingPong = Teamwork::ping_pong;
  const struct {
    Sm90Tile tile;
    double ratio;
  } cases[] = {{{128, 256, 2, kTogether, 4}, 1.00}, {{192, 128, 3, kTogether, 4}, 1.17},
               {{256, 128, 2, kTogether, 4}, 1.13}, {{128, 128, 2, kPingPong, 5}, 1.25},
               {{256, 64, 2, kPingPong, 4}, 1.63},  {{64, 128, 1, kTogether, 6}, 1.50},
               {{64, 64, 1, kTogether, 8}, 2.0},    {{64, 8, 1, kTogether, 8}, 9.0}};
  for (const auto& each : cases) {
    const Sm90Tile& tile = each.tile;
    // One slice more, and nothing else.
    const LaunchCost one = host::sm90_cost(tile, Multicast::none, square(1, 56, 64, 256, 1));
    const LaunchCost two = host::sm90_cost(tile, Multicast::none, square(1, 56, 128, 256, 1));
    const double clocks = (two.executed_flops - one.executed_flops) / 4096;
    EXPECT_NEAR((two.wavefronts - one.wavefronts) / clocks, each.ratio, 0.006)
        << tile.block_m << "x" << tile.block_n;
  }
}

// conv3_x of ResNet-50 at 32 images by 192 x 128: 25,088 pixels are 131 tiles, of 18 slices of K.
TEST(Sm90Cost, CountsTilesAndProducts) {
  constexpr Sm90Tile tile = {192, 128, 3, Teamwork::together, 4};
  const ConvProblem problem = square(32, 28, 128, 128, 3);
  const LaunchCost cost = host::sm90_cost(tile, Multicast::none, problem);
  EXPECT_EQ(cost.tiles, 131);
  EXPECT_EQ(cost.executed_flops, 131.0 * 18 * 4 * 3 * 2 * 64 * 128 * 16);
  EXPECT_TRUE(cost.wgmma);
  EXPECT_EQ(cost.dram_bytes, 2 * 6'422'528.0 + 294'912 + 128 * 8);
  // Two tiles share the weights: 66 units read them, which 131 tiles did.
  const LaunchCost shared = host::sm90_cost(tile, Multicast::weights, problem);
  EXPECT_EQ(shared.tiles, 132);
  EXPECT_EQ(cost.l2_bytes - shared.l2_bytes, (131 - 66) * 294'912.0);
  // One column of channels: there is nobody to share pixels with.
  EXPECT_EQ(host::sm90_cost(tile, Multicast::pixels, problem).tiles, 262);
}

TEST(Sm90Cost, GroupsReadOnIntoTheNext) {
  constexpr Sm90Tile tile = {64, 64, 1, Teamwork::together, 8};
  ConvProblem problem = square(1, 8, 192, 120, 1);
  problem.groups = 3;  // of 40: tiles of 64 rows of weights, the last one ends with the tensor
  const LaunchCost cost = host::sm90_cost(tile, Multicast::none, problem);
  EXPECT_EQ(cost.tiles, 3);
  EXPECT_EQ(cost.l2_bytes, (64 * 192 + (64 + 64 + 40) * 64 + 64 * 120) * 2.0);
}

// Every layer keeps a third of an H100 busy with one image.
TEST(Sm90Select, OneImageHas49CtasOrMore) {
  harness::ProblemList list;
  harness::read_list(FOLDCONV_SHAPES "/resnet50.txt", FOLDCONV_SHAPES, list);
  int layers = 0;
  for (const harness::Problem& layer : list.problems) {
    ConvProblem problem = layer.lines.front().convs.front().problem;
    problem.n = 1;
    if (!host::sm90_rule(problem).empty()) continue;
    ++layers;
    const host::Sm90Choice choice = sm90_choice(problem);
    EXPECT_GE(host::sm90_launch_shape(choice.variant, problem, kH100).grid, 49u)
        << to_string(problem) << ": " << choice.variant.kernel->name;
  }
  EXPECT_EQ(layers, 22);  // but the first
}

TEST(Sm90Select, TheLeastTimeByTheModel) {
  const DeviceSpeed speed = sm90_speed();
  for (const int n : {1, 8, 32, 128}) {
    for (const ConvProblem& problem :
         {square(n, 56, 64, 64, 3), square(n, 28, 512, 128, 1), square(n, 14, 256, 1024, 1),
          square(n, 14, 512, 512, 3, 2)}) {
      const host::Sm90Choice choice = sm90_choice(problem);
      const double taken = floor_seconds(choice.cost, speed);
      for (const host::Sm90Kernel& kernel : host::sm90_kernels()) {
        if (kernel.dtype != problem.dtype || kernel.tile->block_n >= 2 * problem.k) continue;
        const double other =
            floor_seconds(host::sm90_cost(*kernel.tile, Multicast::none, problem), speed);
        EXPECT_LE(taken, other * 1.0101) << to_string(problem) << ": " << kernel.name;
      }
      EXPECT_EQ(choice.refused.size(), host::sm90_kernels().size() / 2 - 1);
    }
  }
}

// 64 channels are half of a tile of 128.
TEST(Sm90Select, NoTileThatIsHalfPadding) {
  for (const int k : {8, 24, 64, 72, 128}) {
    for (const int n : {1, 8, 32}) {
      const host::Sm90Choice choice = sm90_choice(square(n, 56, 64, k, 3));
      EXPECT_LT(choice.variant.kernel->tile->block_n, 2 * k)
          << k << " channels, " << n << " images";
    }
  }
  const host::Sm90Choice choice = sm90_choice(square(8, 56, 64, 64, 3));
  for (const Refusal& refused : choice.refused) {
    const int block_n = host::find_sm90_kernel(refused.kernel)->tile->block_n;
    if (block_n < 128) continue;
    const std::string half_padding = std::to_string(block_n) + " for k / groups = 64";
    EXPECT_NE(refused.reason.find(half_padding), std::string::npos) << refused.reason;
  }
}

TEST(Sm90Select, ManyPixelsTakeLargeTilesThatShare) {
  const host::Sm90Choice choice = sm90_choice(square(128, 28, 512, 256, 3));
  const Sm90Tile &large = *choice.variant.kernel->tile,
                 &small = *sm90_choice(square(1, 7, 512, 256, 3)).variant.kernel->tile;
  EXPECT_GE(large.block_m * large.block_n, 4 * small.block_m * small.block_n);
  EXPECT_NE(choice.variant.multicast, Multicast::none);
  EXPECT_NE(choice.reason.find("two CTAs share the"), std::string::npos) << choice.reason;
}

TEST(Sm90Select, BothTypesTakeTheSameTile) {
  ConvProblem problem = square(4, 14, 256, 256, 3);
  const host::Sm90Choice f16 = sm90_choice(problem);
  problem.dtype = DataType::bf16;
  const host::Sm90Choice bf16 = sm90_choice(problem);
  EXPECT_EQ(f16.variant.kernel->tile, bf16.variant.kernel->tile);
  EXPECT_EQ(bf16.variant.kernel->dtype, DataType::bf16);
}

TEST(Sm90Select, APinnedTileIsTaken) {
  for (const host::Sm90Kernel& kernel : host::sm90_kernels()) {
    ConvProblem problem = square(4, 14, 256, 256, 3);
    problem.dtype = kernel.dtype;
    const host::Sm90Choice choice = host::select_sm90(problem, &kernel, sm90_speed());
    EXPECT_EQ(choice.variant.kernel, &kernel);
    EXPECT_NE(choice.reason.find("pinned"), std::string::npos);
  }
}

}  // namespace
}  // namespace foldconv
