// SPDX-License-Identifier: MIT
// Which CTA computes which tile, and which of two consumers in turn reads which stage.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "harness/oracle/rounding.hpp"
#include "kernels/sm90/compute_stage_kernels.hpp"
#include "kernels/sm90/hand_launch.hpp"
#include "kernels/stage/buffers.hpp"
#include "kernels/support/shapes.hpp"

namespace foldconv::stage_tests {
namespace {

using kernel_tests::shape;

int tiles_of(int extent, int block, int together) {
  return (extent + block * together - 1) / (block * together) * together;
}

void expect_schedule(const kernel_tests::ShapeCase& shape, Multicast multicast, int clusters) {
  SCOPED_TRACE(testing::Message() << shape.name << ", multicast " << static_cast<int>(multicast)
                                  << ", " << clusters << " clusters");
  const ConvProblem& c = shape.problem;
  constexpr int kRows = kScheduledTile.block_m, kColumns = kScheduledTile.block_n;
  const int tall = multicast == Multicast::weights ? 2 : 1;
  const int wide = multicast == Multicast::pixels ? 2 : 1;
  const int cluster = tall * wide, ctas = clusters * cluster;
  const int rows = tiles_of(c.n * c.h * c.w, kRows, tall);
  const int columns = tiles_of(c.k / c.groups, kColumns, wide);
  const int all = rows * columns * c.groups, units = all / cluster;

  const kernel_tests::Sm90Conv conv(c, false);
  ScheduleParams p = {};
  p.conv = conv.params({"schedule", c.dtype, kScheduledTile, nullptr}, {.multicast = multicast});
  ASSERT_EQ(p.conv.units, units);
  p.capacity = units + 1;
  const DeviceBuffer tiles(static_cast<std::size_t>(ctas * p.capacity) * sizeof(ScheduledTile));
  const DeviceBuffer counts(static_cast<std::size_t>(ctas) * sizeof(int));
  p.tiles = static_cast<ScheduledTile*>(tiles.data());
  p.counts = static_cast<int*>(counts.data());
  launch_schedule(p, ctas);
  kernel_tests::check(cudaDeviceSynchronize(), "schedule");

  const auto got = downloaded<ScheduledTile>(tiles);
  const auto count = downloaded<int>(counts);
  std::map<std::tuple<int, int, int>, int> times;
  for (int cta = 0; cta < ctas; ++cta) {
    const int of_cta = count[static_cast<std::size_t>(cta)];
    // No CTA has two units more than another.
    ASSERT_GE(of_cta, units / clusters);
    ASSERT_LE(of_cta, (units + clusters - 1) / clusters);
    for (int i = 0; i < of_cta; ++i) {
      const ScheduledTile& tile = got[static_cast<std::size_t>(cta * p.capacity + i)];
      ++times[{tile.m_begin, tile.group, tile.n_begin}];
      if (cta % cluster == 0) continue;
      const ScheduledTile& first = got[static_cast<std::size_t>((cta - 1) * p.capacity + i)];
      ASSERT_EQ(tile.unit, first.unit);
      ASSERT_EQ(tile.group, first.group);
      ASSERT_EQ(tile.m_begin - first.m_begin, tall == 2 ? kRows : 0);
      ASSERT_EQ(tile.n_begin - first.n_begin, wide == 2 ? kColumns : 0);
    }
  }
  for (int row = 0; row < rows; ++row) {
    for (int group = 0; group < c.groups; ++group) {
      for (int column = 0; column < columns; ++column) {
        ASSERT_EQ((times[{row * kRows, group, column * kColumns}]), 1)
            << "row " << row << ", group " << group << ", column " << column;
      }
    }
  }
  ASSERT_EQ(times.size(), static_cast<std::size_t>(all)) << "places that are no tile's";
}

TEST(Sm90Schedule, EachTileOnce) {
  if (!kernel_tests::has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  const kernel_tests::ShapeCase shapes[] = {
      shape("one_tile", {1, 1, 1, 64}, 8), shape("odd_tiles", {5, 11, 12, 64}, 264),
      shape("groups", {3, 16, 16, 192}, 408, {1, 1}, {.groups = 3})};
  for (const auto& one : shapes) {
    for (const Multicast multicast : {Multicast::none, Multicast::weights, Multicast::pixels}) {
      for (const int clusters : {1, 4, 7, 61}) expect_schedule(one, multicast, clusters);
    }
  }
}

// Blocks of K of each tile have a number of their own, in all elements; those of the weights the block's in the tile.
void expect_turns(int tiles, int k_blocks) {
  SCOPED_TRACE(testing::Message() << tiles << " tiles of " << k_blocks << " blocks of K");
  const int channels = k_blocks * 64, pixels = tiles * kTurnsTile.block_m;
  const ConvProblem problem = {
      .dtype = DataType::f16, .n = 1, .h = 1, .w = pixels, .c = channels, .k = 8};
  oracle::ConvInputs inputs;
  for (int pixel = 0; pixel < pixels; ++pixel) {
    for (int channel = 0; channel < channels; ++channel) {
      inputs.x.push_back(static_cast<float>(pixel / kTurnsTile.block_m * k_blocks + channel / 64));
    }
  }
  for (int i = 0; i < 8 * channels; ++i) {
    inputs.weights.push_back(static_cast<float>(i % channels / 64));
  }
  inputs.scale = inputs.bias = std::vector<float>(8);
  const kernel_tests::Sm90Conv conv(problem, inputs);

  constexpr int kWarps = 4;
  const int fills = tiles * k_blocks;
  const DeviceBuffer reads(static_cast<std::size_t>(fills * kWarps) * sizeof(StageRead));
  const DeviceBuffer count = on_device(std::vector<int>{0});
  TurnsParams p = {};
  p.conv = conv.params({"turns", problem.dtype, kTurnsTile, nullptr}, {});
  p.reads = static_cast<StageRead*>(reads.data());
  p.count = static_cast<int*>(count.data());
  p.tiles = tiles;
  p.k_blocks = k_blocks;
  launch_turns(p);
  kernel_tests::check(cudaDeviceSynchronize(), "turns");

  ASSERT_EQ(downloaded<int>(count)[0], fills * kWarps);
  const auto number = [](int bits) {
    const std::uint16_t half = static_cast<std::uint16_t>(bits);
    return oracle::decode(DataType::f16, std::as_bytes(std::span(&half, 1)))[0];
  };
  std::vector<int> next(kWarps);  // of the tile's blocks of K, by warp
  const auto got = downloaded<StageRead>(reads);
  for (int i = 0; i < fills * kWarps; ++i) {
    // All reads of a tile before any of the next.
    const int tile = i / (k_blocks * kWarps);
    const StageRead& read = got[static_cast<std::size_t>(i)];
    ASSERT_EQ(read.consumer, tile % 2) << "read " << i;
    if (i % (k_blocks * kWarps) == 0) std::fill(next.begin(), next.end(), 0);
    const int k_block = next[static_cast<std::size_t>(read.warp)]++;
    ASSERT_EQ(number(read.x), static_cast<float>(tile * k_blocks + k_block)) << "read " << i;
    ASSERT_EQ(number(read.w), static_cast<float>(k_block)) << "read " << i;
  }
}

TEST(Sm90Turns, TileByTileBlockByBlock) {
  if (!kernel_tests::has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  for (const int tiles : {7, 8}) {
    for (const int k_blocks : {1, 3, 5, 9}) expect_turns(tiles, k_blocks);
  }
}

}  // namespace
}  // namespace foldconv::stage_tests
