// SPDX-License-Identifier: MIT
#include "cost/whole_cost.hpp"

#include <algorithm>
#include <cstdint>

#include "base/sizes.hpp"
#include "cost/sm_work.hpp"

namespace foldconv::host {
namespace {

constexpr int kWarps = WholeTile::threads() / 32;

// Rows of one axis that all its tiles read, one more on both sides of each where the image has it.
double halo_rows_of(int size, int tile) {
  const std::int64_t tiles = ceil_div(size, tile);
  return size + 2.0 * double(tiles - 1);
}

// t1's columns are exchanged by their place in the haloed tile (stage/sm80/whole_convs.cuh). Eight rows, four words
// each, begin at column 0, 8, 6, 4 or 2 of ten; where columns 8 and 9 meet 0 and 1 they take two wavefronts.
double t1_wavefronts(const WholeTile& tile) {
  double wavefronts = 0;
  for (int row = 0; row < tile.chunks() * tile.kChunkRows; row += 8) {
    const int column = row % tile.kHaloW;
    wavefronts += (column >= 4 && column <= 8 ? 2 : 1) * (kSliceWidth / 8.0);
  }
  return wavefronts;
}

}  // namespace

LaunchCost whole_cost(const WholeTile& tile, const Shape& x, int k, double ctas) {
  const int slices = x.c / kSliceWidth, rounds = tile.rounds(k), chunks = tile.chunks();
  const int last_slices = tile.projection ? 1 + slices : 1;
  const double pixels = double(x.n) * x.h * x.w;
  const double tiles =
      double(x.n) * double(ceil_div(x.h, tile.tile_h)) * double(ceil_div(x.w, tile.kTileW));
  const int fragments_m = tile.pixels() / 16 / tile.kWarpsM;
  const WarpTiles first = {kWarps, 1, 4}, middle = {kWarps, fragments_m, 2},
                  last = {kWarps, fragments_m, 4};
  const double first_weight_rows = double(slices) * kSliceWidth,
               last_weight_rows = double(rounds) * last_slices * tile.kRoundChannels;

  // Rows of weights: of a CTA, once; of a tile.
  const double all_rows = (tile.resident ? 1 : chunks) * first_weight_rows + last_weight_rows;
  const double resident_rows = 9.0 * kSliceWidth + (tile.resident ? all_rows : 0);
  const double ring_rows = tile.resident ? 0 : all_rows;
  const double repeated_rows =
      last_weight_rows - last_slices * distinct_rows_of_all(tile.kRoundChannels, k);

  SmWork work;  // of a tile
  work.multiply(first, double(chunks) * slices);
  work.move_rows(double(chunks) * slices * tile.kChunkRows);
  work.wavefronts += t1_wavefronts(tile);
  work.multiply(middle, 9);
  work.wavefronts += middle.pair_wavefronts();
  work.multiply(last, double(rounds) * last_slices);
  if (tile.projection) work.move_rows(tile.pixels());
  work.move_rows(ring_rows);

  const double c = x.c, projection = tile.projection ? c * k : 0;
  const double rest = 9.0 * kSliceWidth * kSliceWidth + double(kSliceWidth) * k + projection;
  const double first_rows = double(chunks) * tile.kChunkRows;  // with the halo
  const double halo_pixels = x.n * halo_rows_of(x.h, tile.tile_h) * halo_rows_of(x.w, tile.kTileW);
  const double shortcut = tile.projection ? c : k;
  LaunchCost cost;
  cost.dram_bytes = (pixels * (c + k) + c * kSliceWidth + rest) * kElementBytes +
                    2 * sizeof(float) * (2.0 * kSliceWidth + k);
  cost.l2_bytes =
      (halo_pixels * c + pixels * (shortcut + k)) * kElementBytes +
      (ctas * resident_rows + tiles * ring_rows - (tile.resident ? ctas : tiles) * repeated_rows) *
          kSliceBytes +
      tiles * (chunks * first.scale_bytes() + middle.scale_bytes() + rounds * last.scale_bytes());
  cost.flops = tiles * 2 * (c * kSliceWidth * first_rows + rest * tile.pixels());
  cost.recomputed = tiles * 2 * c * kSliceWidth * (first_rows - tile.pixels());
  cost.executed_flops = tiles * work.flops;
  cost.wavefronts = tiles * work.wavefronts + ctas * resident_rows;
  cost.tiles = tiles;
  cost.chain = work.chain;
  return cost;
}

}  // namespace foldconv::host
