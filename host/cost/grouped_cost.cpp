// SPDX-License-Identifier: MIT
#include "cost/grouped_cost.hpp"

#include <algorithm>
#include <cstdint>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/bank_accesses.hpp"
#include "cost/sm_work.hpp"

namespace foldconv::host {
namespace {

constexpr int kGroupedSide = GroupedTile::kSide;

int divisor_of(const FastDivision& division) {
  return static_cast<int>(division.divisor);
}

class GroupedCount {
 public:
  GroupedCount(const GroupedTile& tile, const ConvProblem& problem, const GroupedParams& params)
      : tile_(tile), problem_(problem), p_(params) {}

  // --- Wavefronts

  // Of a CTA: weights, zeros, the table.
  double once() const {
    const int lanes = divisor_of(p_.weight_lanes);
    const auto weights = loop_wavefronts(channels_of_block() * lanes, 16, [&](int i) {
      return i % lanes < p_.steps * 2 ? i / lanes * p_.shared.weights_pitch + i % lanes * 16
                                      : kNoPlace;
    });
    const auto zeros = loop_wavefronts(p_.shared.pixel_places, 16,
                                       [&](int i) { return i * p_.shared.pixel_pitch; });
    return weights + zeros + double(ceil_div(p_.steps * tile_.entries_a_step(), 32));
  }

  // Of a tile's pixels of x.
  double pixels() const {
    const int chunks = divisor_of(p_.x_chunks);
    return loop_wavefronts(p_.rows * p_.columns * chunks, 16, [&](int i) {
      const int pixel = i / chunks, row = pixel / p_.columns, column = pixel % p_.columns;
      return row * p_.shared.row_pitch + column % p_.g.stride_w * p_.shared.plane_pitch +
             column / p_.g.stride_w * p_.shared.pixel_pitch + i % chunks * 16;
    });
  }

  // Of a unit's products.
  double products() const {
    constexpr int kMatrices = 4;
    double sum = p_.steps * kMatrices * tile_.columns() / 2.0;
    if (tile_.granule == 8)
      return sum + p_.steps * (1 + kMatrices * tile_.groups * GroupedTile::kFragmentsM);
    for (int step = 0; step < p_.steps; ++step) {
      for (const int eight : {0, 1}) {
        sum += 1;  // the table
        for (const bool own : {true, false})
          sum += 2 * GroupedTile::kFragmentsM * quad_wavefronts(step * 4 + eight * 2, own);
      }
    }
    return sum;
  }

  // Of the sums of a unit: pairs of channels of 8 rows.
  double sums(bool residual) const { return 2.0 * GroupedTile::kFragmentsM * (residual ? 2 : 1); }

  // What leaves a tile with so many rows, columns and channels inside y; the residual fills all of it.
  double leaving(int rows, int columns, int channels) const {
    return output([&](int pixel, int channel) {
      return pixel / kGroupedSide < rows && pixel % kGroupedSide < columns && channel < channels;
    });
  }
  double arriving() const {
    return output([](int, int) { return true; });
  }

  // --- Numbers

  int channels_of_block() const { return p_.groups_of_block * p_.g.k_per_group; }
  int blocks() const { return divisor_of(p_.blocks); }

  // Units of all blocks for a tile, and fragments of 8 channels of these that exist.
  double units() const {
    const int parts = divisor_of(p_.units_per_group);
    const int whole = p_.g.groups / p_.groups_of_block, rest = p_.g.groups % p_.groups_of_block;
    const std::int64_t of_a_block = p_.groups_of_block / tile_.groups;
    return double(parts * (whole * of_a_block + ceil_div(rest, tile_.groups)));
  }
  double fragments() const { return double(p_.g.groups) * double(ceil_div(p_.g.k_per_group, 8)); }

 private:
  // Of a load by the table's entries from `first` on (stage/sm80/grouped_operands.cuh).
  int quad_wavefronts(int first, bool own) const {
    const int entries_a_tap = p_.g.c_per_group / tile_.granule;
    LanePlaces places{};
    for (int lane = 0; lane < 32; ++lane) {
      const int half = lane / 2 % 2, group = own ? half : 1 - half;
      const int entry = first + half, tap = entry / entries_a_tap;
      const int r = tap / p_.g.s, column = tap % p_.g.s * p_.g.dilation_w;
      const int place = r < p_.g.r ? r * p_.g.dilation_h * p_.shared.row_pitch +
                                         column % p_.g.stride_w * p_.shared.plane_pitch +
                                         column / p_.g.stride_w * p_.shared.pixel_pitch +
                                         entry % entries_a_tap * 8 + group * p_.g.c_per_group * 2
                                   : p_.shared.zeros + group * 8;
      places[static_cast<std::size_t>(lane)] =
          place + lane / 4 * p_.shared.pixel_pitch + lane % 2 * 4;
    }
    return access_wavefronts(places, 4);
  }

  template <class InY>
  double output(InY&& in_y) const {
    const int pieces = divisor_of(p_.y_pieces), width = p_.vector_output != 0 ? 8 : 1;
    // Single elements share words, which are what banks hold.
    return loop_wavefronts(GroupedTile::kPixels * pieces, std::max(width * 2, 4), [&](int i) {
      const int pixel = i / pieces, channel = i % pieces * width;
      return in_y(pixel, channel) ? pixel * p_.shared.output_pitch + channel * 2 : kNoPlace;
    });
  }

  const GroupedTile& tile_;
  const ConvProblem& problem_;
  const GroupedParams& p_;
};

// Tiles on one axis: so many whole ones, and a last one of `rest` pixels, or none.
struct GroupedAxis {
  int whole, rest;
  explicit GroupedAxis(int size) : whole(size / kGroupedSide), rest(size % kGroupedSide) {}
};

// What leaves all tiles of an image, all blocks.
double leaving_groups(const GroupedCount& count, const ConvProblem& problem) {
  const GroupedAxis rows(problem.p()), columns(problem.q());
  const int block = count.channels_of_block();
  double sum = 0;
  for (const auto& [tall, times_h] :
       {std::pair(kGroupedSide, rows.whole), std::pair(rows.rest, 1)}) {
    for (const auto& [wide, times_w] :
         {std::pair(kGroupedSide, columns.whole), std::pair(columns.rest, 1)}) {
      if (tall == 0 || wide == 0 || times_h == 0 || times_w == 0) continue;
      const int whole = problem.k / block;
      sum += double(times_h) * times_w *
             (double(whole) * count.leaving(tall, wide, block) +
              (problem.k % block != 0 ? count.leaving(tall, wide, problem.k % block) : 0));
    }
  }
  return sum;
}

// Rows of x that tiles read, all of them, on one axis.
double rows_read(int size, int outputs, int stride, int pad, int taps, int dilation) {
  double sum = 0;
  for (int first = 0; first < outputs; first += kGroupedSide) {
    const std::int64_t begin = std::int64_t{first} * stride - pad;
    const std::int64_t end = begin +
                             (std::int64_t{std::min(kGroupedSide, outputs - first)} - 1) * stride +
                             (std::int64_t{taps} - 1) * dilation + 1;
    sum += double(std::max<std::int64_t>(
        std::min<std::int64_t>(end, size) - std::max<std::int64_t>(begin, 0), 0));
  }
  return sum;
}

// Bytes of the sectors in which a pixel's channels lie, `block` at a time; pixels begin `pitch` elements apart.
double bytes_of_sectors(int channels, int block, int pitch) {
  constexpr int kSector = 16;                                                   // elements
  if (block >= channels && pitch == channels) return channels * kElementBytes;  // no gaps
  double sum = 0;
  for (int first = 0; first < channels; first += block) {
    const int count = std::min(block, channels - first);
    for (int pixel = 0; pixel < kSector; ++pixel) {
      const std::int64_t begin = std::int64_t{pixel} * pitch + first;
      const std::int64_t sectors = (begin + count - 1) / kSector - begin / kSector + 1;
      sum += double(sectors);
    }
  }
  return sum * kElementBytes;
}

}  // namespace

LaunchCost grouped_cost(const GroupedTile& tile, const ConvProblem& problem,
                        const GroupedParams& params, std::uint32_t ctas, int resident) {
  const GroupedCount count(tile, problem, params);
  const GroupedParams& p = params;
  const double tiles = p.tiles, blocks = count.blocks();
  const double units = tiles * count.units();

  LaunchCost cost = least_cost(problem);
  const double used = double(p.g.r) * p.g.s * p.g.c_per_group;
  cost.dram_bytes += (p.steps * 16.0 - used) * problem.k * kElementBytes;
  cost.executed_flops =
      units * p.steps * GroupedTile::kFragmentsM * tile.columns() * (2.0 * 16 * 8 * 16);
  cost.wavefronts = ctas * count.once() + tiles * blocks * count.pixels() +
                    units * count.products() +
                    tiles * count.fragments() * count.sums(problem.residual) +
                    (problem.residual ? tiles * blocks * count.arriving() : 0) +
                    problem.n * leaving_groups(count, problem);

  const double weights = double(ctas) / blocks * problem.k * p.steps * 16 * kElementBytes;
  const double pixels = rows_read(p.g.h, p.g.p, p.g.stride_h, p.g.pad_top, p.g.r, p.g.dilation_h) *
                        rows_read(p.g.w, p.g.q, p.g.stride_w, p.g.pad_left, p.g.s, p.g.dilation_w) *
                        problem.n;
  const auto y_bytes = [&](int pitch) {
    return bytes_of_sectors(problem.k, count.channels_of_block(), pitch);
  };
  const double scales = tiles * count.fragments() * 64.0;
  cost.l2_bytes =
      weights + scales +
      pixels * bytes_of_sectors(problem.c, p.groups_of_block * p.g.c_per_group, p.g.x_pitch) +
      double(output_pixels(problem)) *
          (y_bytes(p.g.y_pitch) + (problem.residual ? y_bytes(p.g.residual_pitch) : 0));
  cost.tiles = tiles * blocks;
  cost.resident = resident;
  cost.chain = double(ceil_div(p.units, tile.warps)) * p.steps;
  return cost;
}

}  // namespace foldconv::host
