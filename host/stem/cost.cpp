// SPDX-License-Identifier: MIT
#include "stem/cost.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/bank_accesses.hpp"
#include "cost/sm_work.hpp"
#include "layer/preprocess.hpp"
#include "stem/tiles.hpp"

namespace foldconv::host {
namespace {

constexpr int kStemLanes = 32, kStemSector = 32;

// The operands of a tile's pixels (stage/sm80/stem_product.cuh): eight positions of K of eight pixels at a time.
double stem_pixel_wavefronts(const StemTile& tile, const StemTile::Sizes& sizes) {
  const int pixels = sizes.rows * sizes.columns, row = tile.filter_row(),
            pitch = tile.patch_pitch();
  // Of position k of pixel i's window, in elements.
  const auto place = [&](int i, int k) {
    const int pixel = std::min(i, pixels - 1);
    return StemTile::kStride *
               (pixel / sizes.columns * pitch + pixel % sizes.columns * StemTile::kChannels) +
           k / row * pitch + k % row;
  };
  std::int64_t sum = 0;
  for (int first = 0; first < StemTile::kPixels; first += 8) {
    for (int k = 0; k < tile.k(); k += 8) {
      // Apart: a pair may end a filter row, or K.
      const int end = (k / row + 1) * row - k;
      const bool by_halves = k + 8 > tile.k() || (end < 8 && end % 2 != 0);
      for (int half = 0; half < (by_halves ? 2 : 1); ++half) {
        LanePlaces places{};
        for (int lane = 0; lane < kStemLanes; ++lane) {
          const int at = k + lane % 4 * 2 + half;
          places[static_cast<std::size_t>(lane)] =
              at < tile.k() ? place(first + lane / 4, at) * 2 : kNoPlace;
        }
        sum += access_wavefronts(places, 4);
      }
    }
  }
  return static_cast<double>(sum);
}

// The copies of a CTA's weights.
double stem_weight_wavefronts(const StemTile& tile) {
  const int chunks = tile.weight_chunks();
  return loop_wavefronts(tile.block_n * chunks, 16,
                         [&](int i) { return i / chunks * tile.weight_pitch() + i % chunks * 16; });
}

// How a CTA brings its patch (stage/sm80/stem_patch.cuh).
class StemPatchLoads {
 public:
  StemPatchLoads(const StemTile& tile, const StemProblem& problem, const StemTiles& tiles)
      : tile_(tile),
        conv_(problem.conv),
        tiles_(tiles),
        planes_(problem.pixels && problem.pixels->layout == PixelLayout::nchw),
        pairs_(conv_.w % 2 == 0 && (planes_ || x_pitch(conv_) == conv_.c)),
        bytes_(problem.pixels ? static_cast<int>(pixel_bytes(problem.pixels->type)) : 2),
        pool_(problem.pool.value_or(Padding())),
        step_(problem.pool ? StemTile::kWindowStride : 1),
        columns_(tile.reach(tiles.sizes.columns)),
        rows_(tile.reach(tiles.sizes.rows)),
        lead_(conv_.pad.left & 1) {}

  double element_bytes() const { return bytes_; }

  // Stores of a tile.
  double wavefronts() const {
    if (pairs_) {
      const int elements = (columns_ + lead_) * StemTile::kChannels;
      if (planes_) return double(rows_) * 2 * StemTile::kChannels;
      return double(rows_) * 2 * double(ceil_div(elements, 2 * kStemLanes));
    }
    // 32 columns at a time, 3 elements apart: two in some banks where they reach around them.
    constexpr int kFreeOfConflicts = 21;
    double row = 0;
    for (int first = 0; first < columns_; first += kStemLanes)
      row += columns_ - first > kFreeOfConflicts ? 2 : 1;
    return rows_ * row * StemTile::kChannels;
  }

  // Sectors of an image's tiles.
  double sectors() const {
    double valid_rows = 0;
    for (std::int64_t row = 0; row < tiles_.rows; ++row) {
      const std::int64_t top =
          (row * tiles_.sizes.y_rows * step_ - pool_.top) * StemTile::kStride - conv_.pad.top;
      valid_rows += double(std::max<std::int64_t>(
          std::min<std::int64_t>(top + rows_, conv_.h) - std::max<std::int64_t>(top, 0), 0));
    }
    double of_row = 0;
    for (std::int64_t column = 0; column < tiles_.columns; ++column) {
      const std::int64_t left =
          (column * tiles_.sizes.y_columns * step_ - pool_.left) * StemTile::kStride -
          conv_.pad.left;
      of_row += row_sectors(left);
    }
    return valid_rows * of_row;
  }

 private:
  // A row of the patch, in the mean of where rows of x begin in their sectors.
  double row_sectors(std::int64_t left) const {
    constexpr int kPlaces = 32;
    const std::int64_t row = std::int64_t{conv_.w} * (planes_ ? 1 : x_pitch(conv_));
    double sum = 0;
    for (int place = 0; place < kPlaces; ++place) {
      if (planes_) {
        for (int c = 0; c < StemTile::kChannels; ++c)
          sum += line_sectors((place + std::int64_t{c} * conv_.h) * row, left, conv_.w, 1);
      } else if (pairs_) {
        sum += line_sectors(place * row, left * StemTile::kChannels, row, 0);
      } else {
        sum += StemTile::kChannels * line_sectors(place * row, left, conv_.w, x_pitch(conv_));
      }
    }
    return sum / kPlaces;
  }
  // Units from `left` on of a line of `size` that begins at element `line`, as many at a time as a warp loads. `step`:
  // elements of a unit; 0: a unit is an element of a pixel.
  double line_sectors(std::int64_t line, std::int64_t left, std::int64_t size, int step) const {
    const int units = columns_ * (step == 0 ? StemTile::kChannels : 1);
    const int lead = pairs_ ? lead_ * (step == 0 ? StemTile::kChannels : 1) : 0;
    const int at_a_time = kStemLanes * (pairs_ ? 2 : 1);
    const int length = std::max(step, 1);
    double sum = 0;
    for (std::int64_t i = -lead; i < units; i += at_a_time) {
      const std::int64_t most = pairs_ ? ceil_div(units + lead, 2) * 2 - lead : units;
      const std::int64_t begin = std::max<std::int64_t>(left + i, 0);
      const std::int64_t end = std::min({left + i + at_a_time, left + most, size});
      if (end <= begin) continue;
      const auto sector = [&](std::int64_t unit) {
        return (line + unit * length) * bytes_ / kStemSector;
      };
      const std::int64_t distance = std::int64_t{length} * bytes_;
      sum += double(distance > kStemSector ? end - begin : sector(end - 1) - sector(begin) + 1);
    }
    return sum;
  }

  const StemTile& tile_;
  const ConvProblem& conv_;
  const StemTiles& tiles_;
  bool planes_, pairs_;
  int bytes_;
  Padding pool_;
  int step_, columns_, rows_, lead_;
};

// What leaves the convolution's tiles of an image for y: 16 bytes a lane.
double stem_output_wavefronts(const StemTile& tile, const StemTiles& tiles, const Shape& y,
                              bool pool) {
  if (!pool) return double(tiles.in_image()) * tile.tile_bytes() / 128;
  const int rows_of_columns = StemTile::kThreads / (tile.chunks() * tiles.sizes.y_columns);
  const std::int64_t thread_rows = ceil_div(tiles.sizes.y_rows, rows_of_columns);
  double loads = 0;  // of a column, in all tiles above each other
  for (std::int64_t row = 0; row < tiles.rows; ++row) {
    std::int64_t rest = std::min<std::int64_t>(y.h - row * tiles.sizes.y_rows, tiles.sizes.y_rows);
    for (; rest > 0; rest -= thread_rows)
      loads += double(StemTile::kWindow * (2 * std::min(rest, thread_rows) + 1));
  }
  const int columns_at_once = 8 / tile.chunks();
  double columns = 0;
  for (std::int64_t column = 0; column < tiles.columns; ++column) {
    const std::int64_t rest =
        std::min<std::int64_t>(y.w - column * tiles.sizes.y_columns, tiles.sizes.y_columns);
    columns += double(ceil_div(rest, columns_at_once));
  }
  return loads * columns;
}

}  // namespace

LaunchCost stem_cost(const StemTile& tile, const StemProblem& problem, double ctas, int resident) {
  const ConvProblem& conv = problem.conv;
  const StemTiles tiles(tile, problem);
  const Shape y = problem.output();
  const StemPatchLoads patch(tile, problem, tiles);
  const double n = conv.n, n_blocks = double(tiles.n_blocks);
  const double image_tiles = n * double(tiles.in_image()), units = image_tiles * n_blocks;
  const WarpTiles warps = {StemTile::kWarps, StemTile::kWarpPixels / 16, tile.block_n / 8};

  constexpr double kStepBytes = 16 * kElementBytes, kScaleBytes = 2 * sizeof(float);
  const double weight_bytes = conv.k * tile.steps() * kStepBytes;
  const double y_bytes = double(y.elements()) * kElementBytes;
  const double stored_bytes =
      patch.element_bytes() * std::clamp(x_pitch(conv), conv.c, kStemSector / 2);
  LaunchCost cost;
  cost.dram_bytes =
      n * conv.h * conv.w * stored_bytes + weight_bytes + kScaleBytes * conv.k + y_bytes;
  cost.l2_bytes = n * n_blocks * patch.sectors() * kStemSector + ctas / n_blocks * weight_bytes +
                  image_tiles * StemTile::kWarps * kScaleBytes * conv.k + y_bytes;

  const int pixels = tiles.sizes.rows * tiles.sizes.columns;
  const int own = tiles.sizes.y_rows * tiles.sizes.y_columns *
                  (problem.pool ? StemTile::kWindowStride * StemTile::kWindowStride : 1);
  const double pixel_flops = 2.0 * conv.k * tile.k();
  cost.flops = image_tiles * pixels * pixel_flops;
  cost.recomputed = image_tiles * (pixels - own) * pixel_flops;
  cost.executed_flops = units * 2.0 * StemTile::kPixels * tile.block_n * tile.steps() * 16;

  const double weight_reads = 4.0 * tile.steps() * StemTile::kWarps * tile.block_n / 16;
  cost.wavefronts =
      units * (patch.wavefronts() + stem_pixel_wavefronts(tile, tiles.sizes) + weight_reads +
               warps.pair_wavefronts()) +
      n * n_blocks * stem_output_wavefronts(tile, tiles, y, problem.pool.has_value()) +
      ctas * stem_weight_wavefronts(tile);
  cost.tiles = units;
  cost.resident = resident;
  cost.chain = tile.steps();
  return cost;
}

}  // namespace foldconv::host
