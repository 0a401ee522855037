// SPDX-License-Identifier: MIT
#include "cost/sm90_cost.hpp"

#include <algorithm>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/reach.hpp"
#include "cost/sm_work.hpp"

namespace foldconv::host {
namespace {

// Rows of packed weights that the tiles of all groups copy: a group's last tile reads on into the next group's, the last
// group's ends with the tensor.
double weight_rows_of(const Sm90Tile& tile, const ConvProblem& problem) {
  const std::int64_t own = k_per_group(problem);
  const std::int64_t copied = ceil_div(own, tile.block_n) * tile.block_n;
  std::int64_t rows = 0;
  for (int group = 0; group < problem.groups; ++group)
    rows += std::min(copied, problem.k - group * own);
  return double(rows);
}

}  // namespace

Sm90Grid::Sm90Grid(const Sm90Tile& tile, Multicast multicast, const ConvProblem& problem)
    : tiles_of_unit(multicast == Multicast::none ? 1 : 2) {
  const int rows = multicast == Multicast::weights ? 2 * tile.block_m : tile.block_m;
  const int columns = multicast == Multicast::pixels ? 2 * tile.block_n : tile.block_n;
  unit_rows = ceil_div(output_pixels(problem), rows);
  unit_columns_per_group = ceil_div(k_per_group(problem), columns);
  unit_columns = unit_columns_per_group * problem.groups;
}

LaunchCost sm90_cost(const Sm90Tile& tile, Multicast multicast, const ConvProblem& problem) {
  const Sm90Grid grid(tile, multicast, problem);
  const WeightLayout layout = weight_layout(problem);
  const double tiles = double(grid.units()) * grid.tiles_of_unit;
  const double blocks = double(layout.row()) / kSliceWidth;  // of K
  constexpr double kBankBytes = 128;                         // of a wavefront

  // wgmma reads its 64 pixels and all channels of the tile for each 64 pixels; copies write both once.
  const double products =
      tile.block_m / Sm90Tile::kBoxRows * double(Sm90Tile::kBoxRows + tile.block_n);
  const double copies = tile.block_m + tile.block_n;
  // y is written by the threads and read by the copy, and so, the other way round, is a residual.
  const double y_tile = double(tile.block_m) * tile.block_n * kElementBytes / kBankBytes;
  const double epilogue = y_tile * (problem.residual ? 4 : 2);

  LaunchCost cost = least_cost(problem);
  cost.wgmma = true;
  cost.dram_bytes +=
      (layout.row() - double(layout.taps) * layout.channels) * problem.k * kElementBytes;
  // What a unit's tiles share is read once for both: pixels for each unit's column, weights for each unit's row.
  cost.l2_bytes =
      pixel_reads(problem) * problem.c * kElementBytes * double(grid.unit_columns_per_group) +
      weight_rows_of(tile, problem) * layout.row() * kElementBytes * double(grid.unit_rows) +
      double(problem.output().elements()) * kElementBytes * (problem.residual ? 2 : 1);
  cost.executed_flops = tiles * blocks * 2 * tile.block_m * tile.block_n * kSliceWidth;
  cost.wavefronts = tiles * (blocks * (products + copies) + epilogue);
  cost.tiles = tiles;
  cost.resident = 1;
  return cost;
}

}  // namespace foldconv::host
