// SPDX-License-Identifier: MIT
#include "cost/whole_cost.hpp"

#include <algorithm>
#include <cstdint>

#include "base/sizes.hpp"
#include "cost/sm_work.hpp"

namespace foldconv::host {
namespace {

// Rows of one axis that all its tiles read, one more on both sides of each where the image has it.
double halo_rows_of(int size, int tile) {
  const std::int64_t tiles = ceil_div(size, tile);
  return size + 2.0 * double(tiles - 1);
}

}  // namespace

LaunchCost whole_cost(const WholeTile& tile, const Shape& x, int k, double ctas) {
  const int slices = x.c / kSliceWidth, rounds = tile.rounds(k);
  const int last_slices = tile.projection ? 1 + slices : 1;
  const double pixels = double(x.n) * x.h * x.w;
  const double tiles =
      double(x.n) * double(ceil_div(x.h, tile.tile_h)) * double(ceil_div(x.w, tile.kTileW));
  // A fragment of 16 pixels, and what its 4 steps of a slice read: as many ldmatrix of 4 wavefronts.
  constexpr int kFragmentWavefronts = 16;
  const double first = tile.first_fragments(), fragments = tile.fragments();
  const double fragment_reads = fragments * tile.warps_n();  // each column of warps reads them
  const auto weight_reads = [](int channels) {               // of a slice, by all warps
    return WholeTile::kWarps * kFragmentWavefronts * channels / 16.0;
  };

  // Rows of weights: of a CTA, once; of a tile.
  const double first_weights = double(slices) * kSliceWidth,
               last_weights = double(rounds) * last_slices * tile.round_channels();
  const double resident_rows =
      9.0 * kSliceWidth + (tile.resident ? first_weights + last_weights : kSliceWidth);
  const double ring_rows = tile.resident ? 0 : first_weights + last_weights;
  const double repeated_rows =
      last_weights - last_slices * distinct_rows_of_all(tile.round_channels(), k);

  double wavefronts = 0;  // of a tile
  // The first 1x1: its weights once a slice, a fragment of x after the other, and its table entries by 16 bytes.
  constexpr double kCopiedFragment = WholeTile::kFragmentRows + 4;
  wavefronts += first * slices * (kCopiedFragment + kFragmentWavefronts);
  wavefronts += slices * weight_reads(kSliceWidth);
  wavefronts += first * kSliceWidth / 4;  // t1
  // The 3x3, and t2.
  wavefronts +=
      9 * (kFragmentWavefronts * fragment_reads + weight_reads(kSliceWidth / tile.warps_n()));
  wavefronts += fragments * kSliceWidth / 4;
  // The last 1x1: t2 once, weights once a round; of a projection x, too.
  wavefronts += kFragmentWavefronts * fragment_reads;
  wavefronts += rounds * last_slices * weight_reads(tile.kWarpChannels);
  if (tile.projection) wavefronts += rounds * kFragmentWavefronts * fragment_reads + tile.pixels();
  wavefronts += ring_rows;
  // The table of a tile's halo rows, one ahead.
  const double table = first;

  const double c = x.c, projection = tile.projection ? c * k : 0;
  const double rest = 9.0 * kSliceWidth * kSliceWidth + double(kSliceWidth) * k + projection;
  const double halo_pixels = x.n * halo_rows_of(x.h, tile.tile_h) * halo_rows_of(x.w, tile.kTileW);
  const double shortcut = tile.projection ? c : k;
  // Each warp loads scale and bias of its channels; in the last 1x1 eight a lane, a sector for two of them.
  const int conv2_channels = kSliceWidth / tile.warps_n();
  const double scale_bytes =
      8.0 * WholeTile::kWarps * (kSliceWidth + conv2_channels + rounds * 4 * tile.kWarpChannels);
  LaunchCost cost;
  cost.dram_bytes = (pixels * (c + k) + c * kSliceWidth + rest) * kElementBytes +
                    2 * sizeof(float) * (2.0 * kSliceWidth + k);
  cost.l2_bytes =
      (halo_pixels * c + pixels * (shortcut + k)) * kElementBytes +
      (ctas * resident_rows + tiles * ring_rows - (tile.resident ? ctas : tiles) * repeated_rows) *
          kSliceBytes +
      tiles * scale_bytes;
  cost.flops = tiles * 2 * (c * kSliceWidth * tile.first_rows() + rest * tile.pixels());
  cost.recomputed = tiles * 2 * c * kSliceWidth * (tile.first_rows() - tile.pixels());
  cost.executed_flops =
      tiles * 2 * kSliceWidth * WholeTile::kFragmentRows *
      (first * slices * kSliceWidth +
       fragments * (9.0 * kSliceWidth + double(rounds) * tile.round_channels() * last_slices));
  cost.wavefronts = tiles * wavefronts + ctas * resident_rows + (tiles + ctas) * table;
  cost.tiles = tiles;
  // Fragments do not wait for each other; rounds do, for their epilogues lie between.
  constexpr int kSteps = kSliceWidth / 16;
  cost.chain = kSteps * (slices + 9.0 + rounds * last_slices);
  return cost;
}

}  // namespace foldconv::host
