// SPDX-License-Identifier: MIT
#include "cost/conv_cost.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/bank_accesses.hpp"
#include "cost/gate_cost.hpp"
#include "cost/reach.hpp"
#include "cost/sm_work.hpp"

namespace foldconv::host {
namespace {

constexpr double kScaleBytes = 2 * sizeof(float);  // scale and bias of a channel

// The tiles of y: pixels, and channels of each group.
struct Grid {
  std::int64_t m_tiles, n_tiles_per_group;
  int groups, k_per_group;

  Grid(const ConvTile& tile, const ConvProblem& problem)
      : m_tiles(ceil_div(output_pixels(problem), tile.block_m)),
        n_tiles_per_group(ceil_div(host::k_per_group(problem), tile.block_n)),
        groups(problem.groups),
        k_per_group(host::k_per_group(problem)) {}
  double n_tiles() const { return double(groups) * double(n_tiles_per_group); }
  double ctas() const { return double(m_tiles) * n_tiles(); }
};

WarpTiles warp_tiles(const ConvTile& tile) {
  return {tile.threads() / 32, tile.warp_m() / 16, tile.warp_n() / 8};
}

// Look-ups of the address table by a thread for each slice (stage/sm80/x_loader.cuh): 8 bytes a lane, two wavefronts.
int look_ups(ConvLoader loader, WeightLayout layout) {
  if (table_entries(loader, layout) == 0) return 0;
  return loader == ConvLoader::load_element ? 8 : 1;
}

// What the mainloop of a CTA does, `slices` of K.
SmWork mainloop_work(const ConvTile& tile, double slices) {
  SmWork work;
  work.multiply(warp_tiles(tile), slices);
  work.move_rows(slices * (tile.block_m + tile.block_n));
  return work;
}

// Whether y and a residual move in 16-byte pieces; else element by element (stage/sm80/output_tile.cuh).
bool moves_in_pieces(const Grid& grid) {
  return grid.k_per_group % 8 == 0;
}

// Through shared memory: the sums, a residual, and what leaves the tile.
double epilogue_wavefronts(const ConvTile& tile, const WarpTiles& warps, const Grid& grid,
                           const ConvProblem& problem) {
  // A wavefront has a part of a row, or several narrow rows; it is left out where all of it lies outside y.
  const int lanes_elements = moves_in_pieces(grid) ? kSliceWidth : 32;
  const int width = std::min(lanes_elements, tile.block_n), rows_at_once = lanes_elements / width;
  const auto wavefronts = [](std::int64_t size, std::int64_t tiles, int block, int at_once) {
    const std::int64_t count =
        (tiles - 1) * (block / at_once) + ceil_div(size - (tiles - 1) * block, at_once);
    return double(count);
  };
  const double in_y = grid.groups *
                      wavefronts(output_pixels(problem), grid.m_tiles, tile.block_m, rows_at_once) *
                      wavefronts(grid.k_per_group, grid.n_tiles_per_group, tile.block_n, width);
  const double whole_tile = double(tile.block_m) * tile.block_n / lanes_elements;
  const double residual = problem.residual ? warps.pair_wavefronts() + whole_tile : 0;
  return grid.ctas() * (warps.pair_wavefronts() + residual) + in_y;
}

LaunchCost tile_cost(const ConvTile& tile, const ConvProblem& problem, SmWork work, int slices,
                     int resident) {
  const Grid grid(tile, problem);
  const WarpTiles warps = warp_tiles(tile);
  const bool pieces =
      moves_in_pieces(grid);  // else 64 bytes of a warp, which begin inside a sector
  const double y = double(problem.output().elements()) * kElementBytes;
  LaunchCost cost = least_cost(problem);
  const double weight_rows =
      double(grid.m_tiles) * grid.groups * distinct_rows_of_all(tile.block_n, grid.k_per_group);
  cost.l2_bytes = weight_rows * slices * kSliceBytes +
                  grid.ctas() * warps.scale_bytes() * (pieces ? 1 : 2) +
                  y * (problem.residual ? 2 : 1) * (pieces ? 1 : 1.5);
  cost.executed_flops = grid.ctas() * work.flops;
  cost.wavefronts = grid.ctas() * work.wavefronts;
  cost.wavefronts += epilogue_wavefronts(tile, warps, grid, problem);
  cost.tiles = grid.ctas();
  cost.resident = resident;
  cost.chain = work.chain;
  return cost;
}

// Bytes of zeros that fill packed weights up to whole slices.
double filled_weights(const ConvProblem& problem) {
  const WeightLayout layout = weight_layout(problem);
  return (layout.row() - double(layout.taps) * layout.channels) * problem.k * kElementBytes;
}

// How the rows loader finds its operands (stage/sm80/planes_reader.cuh): by two loads of two bytes, of the even and the
// odd positions of K, 8 pixels x 4 pairs each. Wavefronts of one, in the mean of all that a tile's pixels do: the most
// words in a bank.
class PairLoads {
 public:
  explicit PairLoads(const ConvProblem& problem)
      : problem_(problem),
        layout_(weight_layout(problem)),
        pixel_(planes_pixel(problem)),
        row_step_(filter_row_step(problem) + kFar) {}

  double mean_wavefronts() const {
    constexpr int kPositions = 8;
    // An element's place in its word: the same for all windows that begin an even number of elements apart.
    const auto odd = [&](int pixels) { return pixels % 2 != 0 && pixel_ % 2 != 0; };
    const bool fixed = !odd(problem_.stride.w) && !odd(problem_.w);
    const int first = fixed && odd(problem_.pad.left) ? 1 : 0, last = fixed ? first : 1;
    std::int64_t sum = 0, loads = 0;
    for (int place = first; place <= last; ++place) {
      for (int k = 0; k < layout_.row(); k += kPositions) {
        for (const int second : {0, 1}) {
          sum += wavefronts(place, k + second);
          ++loads;
        }
      }
    }
    return double(sum) / double(loads);
  }

 private:
  // Of every second position from k on.
  int wavefronts(int place, int k) const {
    constexpr int kPixels = 8, kPairs = 4;
    const std::int64_t window_step = problem_.stride.w * pixel_;
    LanePlaces places{};
    for (int pair = 0; pair < kPairs; ++pair) {
      const std::int64_t first = place + element(k + pair * 2);
      for (int pixel = 0; pixel < kPixels; ++pixel)
        places[static_cast<std::size_t>(pixel * kPairs + pair)] = (first + pixel * window_step) * 2;
    }
    return access_wavefronts(places, 4);
  }
  // Where position k of K lies behind a window's begin.
  std::int64_t element(int k) const {
    const int tap = k / layout_.channels, channel = k % layout_.channels;
    if (tap >= layout_.taps) return problem_.r * row_step_;
    return tap / problem_.s * row_step_ +
           std::int64_t{tap % problem_.s} * problem_.dilation.w * pixel_ + channel;
  }

  // No window reaches from one filter row's plane into another's.
  static constexpr std::int64_t kFar = kBankElements << 32;

  const ConvProblem& problem_;
  WeightLayout layout_;
  std::int64_t pixel_;
  std::int64_t row_step_;
};

// How the rows loader brings segments, what the windows of a row of y read of a row of x: eight lanes 64 elements at a
// time, from a sector of x on (stage/sm80/x_planes.cuh). In the mean of where rows and groups begin in their sectors.
struct SegmentCopies {
  double wavefronts = 0;
  // Of the chunk in which the row of x begins, where that is not the chunk's first element.
  double stores = 0;

  SegmentCopies(const ConvProblem& p, std::int64_t elements) {
    constexpr std::int64_t kCopied = 8, kSector = 16, kLanes = 64;
    const auto place = [](std::int64_t element, std::int64_t unit) {
      return (element % unit + unit) % unit;
    };
    const std::int64_t pixel = planes_pixel(p);
    for (int row = 0; row < kSector; ++row) {
      for (int group = 0; group < p.groups; ++group) {
        const std::int64_t row_begin = pixel * row * p.w;
        const std::int64_t begin =
            row_begin - p.pad.left * pixel + std::int64_t{group} * c_per_group(p);
        wavefronts += double(ceil_div(place(begin, kSector) + elements, kLanes));
        const bool reaches_before = begin - place(begin, kCopied) < row_begin;
        stores += reaches_before && place(row_begin, kCopied) != 0 ? 1 : 0;
      }
    }
    wavefronts /= double(kSector) * p.groups;
    stores /= double(kSector) * p.groups;
  }
};

// kernels/sm80/conv_rows.cuh: what the pixels read of x comes to shared memory once, in segments, one for each row of y
// that a tile touches and each filter row (stage/sm80/x_planes.cuh).
LaunchCost rows_cost(const ConvTile& tile, const ConvProblem& problem, int resident) {
  const WeightLayout layout = weight_layout(problem);
  const Grid grid(tile, problem);
  const WarpTiles warps = warp_tiles(tile);
  const int slices = layout.row() / kSliceWidth;
  const double pixel = double(planes_pixel(problem)), step = problem.stride.w * pixel;
  const double window = double(problem.s - 1) * problem.dilation.w * pixel + c_per_group(problem);

  // As by other loaders, but for the pixels: no rows of a tile, and two elements a lane by two loads of two bytes.
  SmWork work;
  work.multiply(warps, slices);
  const double x_matrices = 16.0 * warps.warps * warps.fragments_m;
  const double loads = 32.0 * warps.warps * warps.fragments_m, deltas = 16.0 * warps.warps;
  work.wavefronts += slices * (loads + deltas - x_matrices);
  work.move_rows(double(slices) * tile.block_n);
  work.wavefronts += double(ceil_div(table_entries(ConvLoader::load_rows, layout), 16));
  LaunchCost cost = tile_cost(tile, problem, work, slices, resident);
  // Conflicts, of pixels in y: the others all read the last one.
  const double eights = double(ceil_div(output_pixels(problem), std::int64_t{8}));
  const double conflicts = PairLoads(problem).mean_wavefronts() - 1;
  constexpr int kLoadsOfASlice = kSliceWidth / 4;  // of 4 pairs, their even and their odd positions
  cost.wavefronts += grid.n_tiles() * tile.warps_n * eights * slices * kLoadsOfASlice * conflicts;

  // Rows of y, cut where a tile begins inside of one.
  const std::int64_t q = problem.q(), period = q / std::gcd(q, std::int64_t{tile.block_m});
  const double rows = double(problem.n) * problem.p();
  const double cuts = double(grid.m_tiles - ceil_div(grid.m_tiles, period));
  const double row_elements = double(q - 1) * step + window, overlap = window - step;
  const SegmentCopies segment(problem, std::int64_t(row_elements));
  const int planes = problem.r + (layout.taps * layout.channels % kSliceWidth != 0 ? 1 : 0);
  // A cut makes two segments of one, which begin and end anywhere.
  constexpr double kLanes = 64, kMargin = 8 + kLanes / 2;
  cost.wavefronts +=
      grid.n_tiles() * (planes * (rows * segment.wavefronts + cuts * (overlap + kMargin) / kLanes) +
                        row_reads(problem) * segment.stores);
  const double begin = -problem.pad.left * pixel;
  const double inside = std::min(begin + row_elements, problem.w * pixel) - std::max(begin, 0.0);
  cost.l2_bytes += grid.n_tiles() * row_reads(problem) * kElementBytes *
                   (std::max(inside, 0.0) + cuts / rows * overlap);
  cost.dram_bytes += filled_weights(problem);
  return cost;
}

// kernels/sm80/conv_halo.cuh: the pixels that a CTA's windows reach come once a slice of channels, not once a tap.
LaunchCost halo_cost(const ConvTile& tile, const ConvProblem& problem, int resident) {
  const WeightLayout layout = weight_layout(problem);
  const Grid grid(tile, problem);
  const int slices = layout.row() / kSliceWidth;
  const double reach = double(halo_reach(problem));
  SmWork work;
  work.multiply(warp_tiles(tile), slices);
  work.move_rows(double(slices) * tile.block_n);
  work.move_rows(layout.slices() * (tile.block_m + reach));
  work.move_rows(1);  // of zeros
  LaunchCost cost = tile_cost(tile, problem, work, slices, resident);
  cost.l2_bytes +=
      halo_pixel_reads(tile, problem) * problem.c * kElementBytes * double(grid.n_tiles_per_group);
  cost.dram_bytes += filled_weights(problem);
  return cost;
}

}  // namespace

LaunchCost conv_cost(const ConvTile& tile, ConvLoader loader, const ConvProblem& problem,
                     int resident) {
  if (loader == ConvLoader::load_rows) return rows_cost(tile, problem, resident);
  if (loader == ConvLoader::load_halo) return halo_cost(tile, problem, resident);
  const WeightLayout layout = weight_layout(problem);
  const int slices = layout.row() / kSliceWidth;
  SmWork work = mainloop_work(tile, slices);
  work.wavefronts += 2.0 * slices * warp_tiles(tile).warps * look_ups(loader, layout);
  // The table is written by 8 bytes a lane.
  work.wavefronts += double(ceil_div(table_entries(loader, layout), 16));

  LaunchCost cost = tile_cost(tile, problem, work, slices, resident);
  cost.l2_bytes += pixel_reads(problem) * problem.c * kElementBytes *
                   double(Grid(tile, problem).n_tiles_per_group);
  cost.dram_bytes += filled_weights(problem);
  if (loader == ConvLoader::load_gated) add_gates(tile, problem, cost);
  return cost;
}

double halo_pixel_reads(const ConvTile& tile, const ConvProblem& problem) {
  const double reach = double(halo_reach(problem));
  const double tiles = double(ceil_div(output_pixels(problem), tile.block_m));
  // Nothing is read before the tensor or behind it.
  const double before = double(problem.pad.top) * problem.w + problem.pad.left;
  const double rows = tiles * tile.block_m;
  const double behind = rows + reach - before - double(output_pixels(problem));
  return rows + tiles * reach - std::max(before, 0.0) - std::max(behind, 0.0);
}

LaunchCost joined_cost(const ConvTile& tile, const ConvProblem& problem, const ConvProblem& side,
                       int resident) {
  const int slices = WeightLayout{problem.c, 1}.slices() + WeightLayout{side.c, 1}.slices();
  const SmWork work = mainloop_work(tile, slices);
  LaunchCost cost = tile_cost(tile, problem, work, slices, resident);
  cost.l2_bytes += (pixel_reads(problem) * problem.c + pixel_reads(side) * side.c) * kElementBytes *
                   double(Grid(tile, problem).n_tiles_per_group);
  const double further_weights = (double(slices) * kSliceWidth - problem.c) * problem.k;
  cost.dram_bytes += (elements_read(side) + further_weights) * kElementBytes;
  cost.flops += side.flops();
  return cost;
}

LaunchCost direct_cost(const ConvProblem& problem, std::uint32_t ctas, int resident) {
  LaunchCost cost = least_cost(problem);
  cost.tensor_cores = false;
  cost.executed_flops = cost.flops;
  cost.tiles = ctas;
  cost.resident = resident;
  return cost;
}

}  // namespace foldconv::host

namespace foldconv {

LaunchCost least_cost(const ConvProblem& problem) {
  const WeightLayout layout = host::weight_layout(problem);
  const double elements = host::elements_read(problem) +
                          double(problem.k) * layout.taps * layout.channels +
                          double(problem.output().elements()) * (problem.residual ? 2 : 1) +
                          (problem.gate ? double(problem.n) * problem.c : 0);
  return {.dram_bytes = elements * double(size_of(problem.dtype)) + host::kScaleBytes * problem.k,
          .flops = problem.flops()};
}

}  // namespace foldconv
