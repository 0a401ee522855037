// SPDX-License-Identifier: MIT
#include "cost/depthwise_cost.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/depthwise_cut.hpp"
#include "cost/reach.hpp"

namespace foldconv::host {
namespace {

// One axis of y, cut.
struct DepthwiseAxis {
  int size, outputs, cut, stride, pad, taps;

  // Calls body(first place of the patch in x, outputs, places of the patch) for each cut.
  template <class Body>
  void for_each_cut(Body&& body) const {
    for (std::int64_t first = 0; first < outputs; first += cut) {
      const auto count = static_cast<int>(std::min<std::int64_t>(cut, outputs - first));
      body(first * stride - pad, count, (count - 1) * stride + taps);
    }
  }
  // Of `count` places from `first` on, those in x.
  std::int64_t inside(std::int64_t first, std::int64_t count) const {
    return std::max<std::int64_t>(
        std::min<std::int64_t>(first + count, size) - std::max<std::int64_t>(first, 0), 0);
  }
};

// Wavefronts by which a row of all patches arrives, and by which warps read it.
struct RowWavefronts {
  double copies = 0, loads = 0;
  double pixels = 0;
};

RowWavefronts row_wavefronts(const DepthwiseAxis& columns, const DepthwiseCut& cut, int channels,
                             const DepthwiseTile& tile, int element_bytes) {
  constexpr int kBanks = DepthwiseCut::kBankBytes;
  const int pixel = cut.pixel_bytes(element_bytes);
  const std::int64_t of_a_pixel = ceil_div(channels * element_bytes, kBanks);
  const int quads_at_once =
      std::max(kBanks / pixel, 1);  // of a wavefront, which has a pixel of each
  const int reach = tile.reach(DepthwiseTile::kColumns, columns.stride);
  RowWavefronts row;
  columns.for_each_cut([&](std::int64_t first, int outputs, int places) {
    const std::int64_t inside = columns.inside(first, places);
    row.pixels += double(inside);
    if (inside > 0) {
      // Eight lanes copy 128 bytes, from a multiple of them on.
      const std::int64_t begin = std::max<std::int64_t>(-first, 0);
      const std::int64_t copies = (begin + inside - 1) / quads_at_once - begin / quads_at_once + 1;
      row.copies += double(copies * of_a_pixel);
    }
    for (int quad = 0; quad * DepthwiseTile::kColumns < outputs; quad += quads_at_once) {
      for (int t = 0; t < reach; ++t) {
        bool read = false;
        for (int one = quad; one < quad + quads_at_once; ++one) {
          const int begin = one * DepthwiseTile::kColumns;
          const int count = std::min(DepthwiseTile::kColumns, outputs - begin);
          read |= count > 0 && t < tile.reach(count, columns.stride) &&
                  columns.inside(first + std::int64_t{begin} * columns.stride + t, 1) == 1;
        }
        if (read) row.loads += double(of_a_pixel);
      }
    }
  });
  return row;
}

}  // namespace

LaunchCost depthwise_cost(const DepthwiseTile& tile, const ConvProblem& problem, int resident) {
  const auto element_bytes = static_cast<int>(size_of(problem.dtype));
  const DepthwiseCut cut = depthwise_cut(tile, problem);
  const DepthwiseGrid grid = depthwise_grid(cut, problem);
  const DepthwiseAxis rows = {problem.h,        problem.p(),     cut.rows(),
                              problem.stride.h, problem.pad.top, tile.filter};
  const DepthwiseAxis columns = {problem.w,        problem.q(),      cut.columns(),
                                 problem.stride.w, problem.pad.left, tile.filter};

  // Rows of x that patches have, and that warps read: a row of tiles reads its own.
  double copied_rows = 0, read_rows = 0;
  rows.for_each_cut([&](std::int64_t first, int outputs, int places) {
    copied_rows += double(rows.inside(first, places));
    for (int begin = 0; begin < outputs; begin += DepthwiseCut::kTile) {
      const int count = std::min(DepthwiseCut::kTile, outputs - begin);
      read_rows += double(
          rows.inside(first + std::int64_t{begin} * rows.stride, tile.reach(count, rows.stride)));
    }
  });

  constexpr int kSectorBytes = 32, kWarp = 32;
  const int taps = tile.filter * tile.filter;
  const double pixels = double(problem.n) * problem.p() * problem.q();
  const int pieces = tile.weight_pieces(element_bytes);
  const double weight_bytes =
      double(problem.k) *
      double(ceil_div(pieces * DepthwiseTile::kChunkBytes, kSectorBytes) * kSectorBytes);
  const double constant_bytes = weight_bytes + 2.0 * sizeof(float) * problem.k;
  const double y_bytes = pixels * problem.k * element_bytes * (problem.residual ? 2 : 1);

  LaunchCost cost = least_cost(problem);
  cost.tensor_cores = false;
  cost.dram_bytes = elements_read(problem) * element_bytes + y_bytes + constant_bytes;
  cost.tiles = double(grid.ctas());
  cost.resident = resident;
  cost.executed_flops = 2.0 * taps * double(problem.n) * problem.p() *
                        double(grid.columns * cut.columns()) *
                        double(grid.channels * cut.channels());

  double copied_pixels = 0;
  const std::int64_t before_last = grid.channels - 1;
  for (const auto& [cuts, channels] :
       {std::pair{before_last, cut.channels()},
        std::pair{std::int64_t{1}, static_cast<int>(problem.k - before_last * cut.channels())}}) {
    const RowWavefronts row = row_wavefronts(columns, cut, channels, tile, element_bytes);
    copied_pixels = copied_rows * row.pixels;
    cost.wavefronts +=
        double(problem.n) * double(cuts) * (copied_rows * row.copies + read_rows * row.loads);
  }
  cost.l2_bytes = double(problem.n) * copied_pixels * problem.c * element_bytes + y_bytes +
                  constant_bytes * double(grid.columns * grid.rows * grid.images);

  // Weights, scales and biases: written by 16 bytes a lane, read by each warp.
  constexpr int kChunksOfBanks = DepthwiseCut::kBankBytes / DepthwiseTile::kChunkBytes;
  const double written = double(cut.channels()) * pieces / kChunksOfBanks + cut.channels() / 16.0;
  const double read =
      2.0 * double(ceil_div(taps * element_bytes, DepthwiseTile::kChunkBytes)) * 4 + 2 * 2;
  cost.wavefronts += cost.tiles * (written + read * cut.threads() / kWarp);
  return cost;
}

}  // namespace foldconv::host
