// SPDX-License-Identifier: MIT
#include "cost/inverted_cost.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/sm_work.hpp"

namespace foldconv::host {
namespace {

using Inverted = InvertedTile;

constexpr double kInvertedSector = 32;
constexpr int kMatrixRows = 8;  // of an ldmatrix's matrix: a wavefront

// Tiles of one axis that are alike: stage/inverted_place.cuh.
struct InvertedAxisTiles {
  std::int64_t count;
  int outputs;  // pixels of y
  int box;      // pixels of x that their windows touch
  int loads;  // of pixels of the box, by all units of the tile: kUnitH or kUnitW outputs at a time
};

struct InvertedAxis {
  std::vector<InvertedAxisTiles> tiles;
  std::int64_t boxes = 0;    // pixels of all boxes
  std::int64_t touched = 0;  // pixels of x that are in any box
};

// How many of the pixels first .. first + count - 1 the box has.
int pixels_inside(std::int64_t first, std::int64_t count, std::int64_t box) {
  const std::int64_t end = std::min(first + count, box);
  return static_cast<int>(std::max<std::int64_t>(end - std::max<std::int64_t>(first, 0), 0));
}

InvertedAxis inverted_axis(int x, int y, int pad, int tile, int unit, InvertedWindow window) {
  InvertedAxis axis;
  std::int64_t begin = x, end = 0;
  for (std::int64_t first = 0; first < y; first += tile) {
    const int outputs = static_cast<int>(std::min<std::int64_t>(tile, y - first));
    const std::int64_t corner = first * window.stride - pad;
    const std::int64_t box_begin = std::max<std::int64_t>(corner, 0);
    const std::int64_t box_end =
        std::min<std::int64_t>(corner + (outputs - 1) * window.stride + window.kernel, x);
    InvertedAxisTiles tiles{1, outputs,
                            static_cast<int>(std::max<std::int64_t>(box_end - box_begin, 0)), 0};
    for (int i = 0; i < outputs; i += unit) {
      tiles.loads += pixels_inside(corner - box_begin + std::int64_t{i} * window.stride,
                                   (unit - 1) * window.stride + window.kernel, tiles.box);
    }
    axis.boxes += tiles.box;
    if (tiles.box > 0) {
      begin = std::min(begin, box_begin);
      end = std::max(end, box_end);
    }
    const auto same = std::ranges::find_if(axis.tiles, [&](const InvertedAxisTiles& other) {
      return other.outputs == tiles.outputs && other.box == tiles.box && other.loads == tiles.loads;
    });
    if (same == axis.tiles.end()) {
      axis.tiles.push_back(tiles);
    } else {
      ++same->count;
    }
  }
  axis.touched = std::max<std::int64_t>(end - begin, 0);
  return axis;
}

// Bytes of the sectors that copies of a pixel's channels touch, 64 bytes of it at a time, on the average over where it
// begins: every second pixel of an odd number of 16-byte chunks begins in the middle of a sector.
double inverted_sector_bytes(int channels) {
  const int chunks = channels / 8;
  if (chunks % 2 == 0 || chunks < 4) return channels * kElementBytes;  // neighbours share theirs
  const int pieces = chunks / 4, rest = chunks % 4 == 1 ? 1 : 2;
  return (pieces * 2.5 + rest) * kInvertedSector;
}

// Rows of the project weights that a copy brings from L2: of four rows of a warp each channel once.
double distinct_project_rows(int k) {
  double distinct = 0;
  for (int row = 0; row < Inverted::project_rows(k); row += 4) {
    // The rows of a granule are two neighbouring channels of each of four groups of eight.
    const auto channel = [&](int r) {
      return std::min(r / 32 * 32 + r % 8 / 2 * 8 + r / 8 % 4 * 2 + r % 2, k - 1);
    };
    int seen[4];
    int count = 0;
    for (int i = 0; i < 4; ++i) {
      const int c = channel(row + i);
      if (std::find(seen, seen + count, c) == seen + count) seen[count++] = c;
    }
    distinct += count;
  }
  return distinct;
}

// What a slice of the middle tensor costs whatever the tile.
struct InvertedMiddle {
  int width;  // its channels
  int c, k, taps;
  bool expands;

  int halves() const { return static_cast<int>(ceil_div(width, Inverted::kExpandChannels)); }
  int expand_steps() const { return static_cast<int>(ceil_div(c, 16)); }
  int project_steps() const { return static_cast<int>(ceil_div(width, 16)); }
  double granules() const { return double(ceil_div(k, Inverted::kGranule)); }

  double copied_rows() const {  // of weights, in wavefronts
    return (expands ? kSliceWidth / kMatrixRows * Inverted::row_chunks(c) : 0) +
           Inverted::project_rows(k) + 2 * taps;
  }
  double copied_bytes() const {  // of weights and scales, in sectors
    const int expand_rows = width + (kSliceWidth - width) / kMatrixRows;
    return (expands ? expand_rows * Inverted::row_chunks(c) * 16 : 0) +
           distinct_project_rows(k) * kSliceBytes +
           width * double(ceil_div(taps, 8)) * kInvertedSector +
           Inverted::kWarps * width * 2.0 * sizeof(float);
  }
};

// Of one tile.
struct InvertedWork {
  double wavefronts = 0, l2_bytes = 0, executed = 0, fp32 = 0;
};

// Rows of warps of project that have pixels.
double project_rows(const InvertedTile& tile, InvertedShape shape) {
  return double(ceil_div(shape.pixels(), tile.fragments() * Inverted::kFragmentRows));
}

InvertedWork inverted_work(const InvertedTile& tile, const InvertedMiddle& middle,
                           InvertedShape shape, const InvertedAxisTiles& rows,
                           const InvertedAxisTiles& columns) {
  InvertedWork work;
  const double fragment_flops = 2.0 * 16 * 8 * 16;  // of an mma
  const double units = double(ceil_div(rows.outputs, Inverted::kUnitH)) *
                       double(ceil_div(columns.outputs, Inverted::kUnitW));
  if (middle.expands) {
    const int fragments =
        static_cast<int>(ceil_div(std::int64_t{rows.box} * columns.box, Inverted::kFragmentRows));
    constexpr int kWarpsOfHalf = Inverted::kWarps * Inverted::kExpandChannels / kSliceWidth;
    double calls = 0;  // of two fragments, or of one
    for (int warp = 0; warp < std::min(kWarpsOfHalf, fragments); ++warp)
      calls += double(ceil_div(ceil_div(fragments - warp, kWarpsOfHalf), 2));
    const double steps = middle.expand_steps(), halves = middle.halves();
    constexpr double kColumns = Inverted::kExpandChannels / 8.0;
    work.wavefronts +=
        halves * steps * (4 * fragments + calls * 4 * Inverted::kExpandChannels / 16);
    work.wavefronts += halves * fragments * kColumns * 2;  // t1
    work.executed += halves * steps * fragments * kColumns * fragment_flops;
    work.l2_bytes += calls * middle.width / 8 * 2 * kInvertedSector;  // scale and bias
  }
  // The weights of 3x3 once a warp, those of 5x5 for each row of outputs.
  work.wavefronts +=
      middle.taps <= 9 ? Inverted::kWarps * middle.taps : units * Inverted::kUnitH * middle.taps;
  work.wavefronts += double(rows.loads) * columns.loads + double(rows.outputs) * columns.outputs;
  work.fp32 += units * Inverted::kUnitH * Inverted::kUnitW * middle.taps * kSliceWidth * 2;
  const double steps = middle.project_steps(), granules = middle.granules();
  // Fragments that the tile has, and rows of warps that have one; columns of warps that have a granule.
  const double fragments = double(ceil_div(shape.pixels(), Inverted::kFragmentRows));
  const double warp_rows = project_rows(tile, shape);
  const double warp_columns = std::min(double(tile.warps_n()), granules);
  work.wavefronts += steps * (fragments * warp_columns * 4 + warp_rows * granules * 8);
  work.executed += steps * fragments * granules * Inverted::kGranule / 8 * fragment_flops;
  work.wavefronts += middle.copied_rows();
  work.l2_bytes += middle.copied_bytes();
  return work;
}

}  // namespace

LaunchCost inverted_cost(const InvertedTile& tile, InvertedShape shape, const InvertedConvs& convs,
                         int resident, double ctas) {
  const ConvProblem& depthwise = convs.depthwise;
  const InvertedWindow window{depthwise.r, depthwise.stride.h};
  const int c = convs.expand ? convs.expand->c : depthwise.c, k = convs.project.k;
  const int middle = depthwise.c, taps = window.taps(), p = depthwise.p(), q = depthwise.q();
  const InvertedAxis rows =
      inverted_axis(depthwise.h, p, depthwise.pad.top, shape.h, Inverted::kUnitH, window);
  const InvertedAxis columns =
      inverted_axis(depthwise.w, q, depthwise.pad.left, shape.w, Inverted::kUnitW, window);
  const int slices = WeightLayout{middle, 1}.slices();
  const InvertedMiddle whole{kSliceWidth, c, k, taps, convs.expand != nullptr};
  InvertedMiddle last = whole;
  last.width = middle - (slices - 1) * kSliceWidth;

  LaunchCost cost;
  const double n = depthwise.n;
  for (const InvertedAxisTiles& row : rows.tiles) {
    for (const InvertedAxisTiles& column : columns.tiles) {
      const double tiles = n * double(row.count) * double(column.count);
      const InvertedWork full = inverted_work(tile, whole, shape, row, column),
                         end = inverted_work(tile, last, shape, row, column);
      const auto sum = [&](double InvertedWork::*of) {
        return tiles * ((slices - 1) * full.*of + end.*of);
      };
      const double box = double(row.box) * column.box;
      const double pixels = double(row.outputs) * column.outputs;
      cost.wavefronts +=
          sum(&InvertedWork::wavefronts) +
          tiles * row.box * double(ceil_div(column.box, kMatrixRows)) * Inverted::row_chunks(c);
      cost.l2_bytes +=
          sum(&InvertedWork::l2_bytes) +
          tiles * (box * inverted_sector_bytes(c) +
                   pixels * (convs.project.residual ? 2 : 1) * inverted_sector_bytes(k) +
                   project_rows(tile, shape) * k * kInvertedSector);
      cost.executed_flops += sum(&InvertedWork::executed);
      cost.fp32_flops += sum(&InvertedWork::fp32);
      cost.tiles += tiles;
    }
  }
  cost.wavefronts += ctas * Inverted::kPixels;  // t2 is cleared
  const double boxes = n * double(rows.boxes) * double(columns.boxes);
  const double touched = n * double(rows.touched) * double(columns.touched);
  const double pixels = n * p * q;
  const double expand_flops = convs.expand ? 2.0 * c * middle : 0;
  cost.flops = boxes * expand_flops + pixels * 2 * middle * (double(taps) + k);
  cost.recomputed = (boxes - touched) * expand_flops;
  const double weights = (convs.expand ? double(middle) * Inverted::row_chunks(c) * 16 : 0) +
                         double(k) * slices * kSliceBytes +
                         double(middle) * double(ceil_div(taps, 8)) * 16;
  const double scaled_channels = (convs.expand ? 2.0 : 1.0) * middle + k;
  cost.dram_bytes =
      (touched * c + pixels * k) * kElementBytes + weights + 2 * sizeof(float) * scaled_channels;
  cost.resident = resident;
  constexpr int kProjectSteps = kSliceWidth / 16;
  cost.chain = slices * ((convs.expand ? double(ceil_div(c, 16)) : 0) + kProjectSteps);
  return cost;
}

}  // namespace foldconv::host
