// SPDX-License-Identifier: MIT
#include "cost/tail_cost.hpp"

#include <algorithm>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "cost/conv_cost.hpp"
#include "cost/reach.hpp"
#include "cost/sm_work.hpp"

namespace foldconv::host {
namespace {

// The sums of conv2 or the next conv1, as slices of the middle tensor: columns past its last slice are left out.
double middle_pairs(const ConvTile& tile, int slices) {
  const int columns = std::min(slices * kSliceWidth, tile.block_n);
  return tile.block_m / 8.0 * (columns / 8.0);
}

}  // namespace

bool tail_has_halo(const TailTile& tile, const TailConvs& convs) {
  const ConvProblem& conv2 = convs.conv2;
  const bool moves_alike =
      conv2.stride.h == 1 && conv2.stride.w == 1 && conv2.p() == conv2.h && conv2.q() == conv2.w;
  // With a projection the operand holds x from the start.
  if (!moves_alike || convs.projection != nullptr ||
      conv2.r * conv2.s < HaloTile{tile.conv2}.fewest_taps())
    return false;
  const int next_slices = convs.next != nullptr ? WeightLayout{convs.next->k, 1}.slices() : 0;
  return tile.halo_fits(halo_reach(conv2), WeightLayout{conv2.c, 1}.slices(),
                        std::max(WeightLayout{conv2.k, 1}.slices(), next_slices));
}

LaunchCost tail_cost(const TailTile& tile, const TailConvs& convs, int resident) {
  const auto& [conv2, conv3, projection, next] = convs;
  const ConvTile& C = tile.conv2;
  const int warps = C.threads() / 32;
  const WarpTiles wide = {warps, C.warp_m() / 16, C.warp_n() / 8};
  // stage/sm80/tail_convs.cuh: RoundWarps.
  const WarpTiles round = {warps, C.block_m / (warps / 2) / 16, kSliceWidth / 2 / 8};

  const WeightLayout layout = weight_layout(conv2);
  const int conv2_slices = layout.row() / kSliceWidth;
  const int middle_slices = WeightLayout{conv2.k, 1}.slices();
  const int side_slices = projection != nullptr ? WeightLayout{projection->c, 1}.slices() : 0;
  const int slices = middle_slices + side_slices;
  const int rounds = WeightLayout{conv3.k, 1}.slices();
  const double pixels = double(output_pixels(conv2));
  const double ctas = double(ceil_div(output_pixels(conv2), C.block_m));

  SmWork work;
  const bool halo = tail_has_halo(tile, convs);
  work.move_rows(double(side_slices) * C.block_m);
  work.multiply(wide, conv2_slices);
  work.move_rows(double(conv2_slices) * C.block_n);
  if (halo) {
    work.move_rows(layout.slices() * double(C.block_m + halo_reach(conv2)));
    work.move_rows(1);  // of zeros
  } else {
    work.move_rows(double(conv2_slices) * C.block_m);
    work.wavefronts += double(ceil_div(table_entries(ConvLoader::load_rxs, layout), 16));
    work.wavefronts += 2.0 * conv2_slices * warps;  // look-ups of the address table
  }
  work.wavefronts += middle_pairs(C, middle_slices);

  work.multiply(round, double(rounds) * slices);
  work.move_rows(double(rounds) * slices * kSliceWidth);
  work.wavefronts += rounds * round.pair_wavefronts();
  if (projection == nullptr) {
    work.move_rows(double(rounds) * C.block_m);
    work.wavefronts += rounds * round.pair_wavefronts();
  }
  double weight_rows = conv2_slices * distinct_rows(C.block_n, conv2.k) +
                       slices * distinct_rows_of_all(kSliceWidth, conv3.k);
  double scale_bytes = wide.scale_bytes() + rounds * round.scale_bytes();
  double rows_written = pixels * rounds;
  if (next != nullptr) {
    const int next_slices = WeightLayout{next->k, 1}.slices();
    work.multiply(wide, rounds);
    work.move_rows(double(rounds) * C.block_n);
    work.wavefronts += middle_pairs(C, next_slices);
    weight_rows += rounds * distinct_rows(C.block_n, next->k);
    scale_bytes += wide.scale_bytes();
    rows_written += pixels * next_slices;
  }

  LaunchCost cost = least_cost(conv2);
  const LaunchCost last = least_cost(conv3);
  const double t2 = double(conv2.output().elements()) * kElementBytes;
  const double y = double(conv3.output().elements()) * kElementBytes;
  // conv2 writes no tensor, conv3 reads none but the shortcut.
  cost.dram_bytes += last.dram_bytes - 2 * t2;
  cost.dram_bytes +=
      (layout.row() - double(layout.taps) * layout.channels) * conv2.k * kElementBytes;
  cost.dram_bytes += (double(middle_slices) * kSliceWidth - conv3.c) * conv3.k * kElementBytes;
  cost.flops += last.flops;
  const double pixels_read = halo ? halo_pixel_reads(C, conv2) : pixel_reads(conv2);
  cost.l2_bytes =
      pixels_read * conv2.c * kElementBytes + ctas * (weight_rows * kSliceBytes + scale_bytes) + y;
  if (projection != nullptr) {
    const double x = elements_read(*projection) * kElementBytes;
    cost.dram_bytes += x - y + double(side_slices) * kSliceWidth * conv3.k * kElementBytes;
    cost.l2_bytes += x;
    cost.flops += projection->flops();
  } else {
    cost.l2_bytes += y;
  }
  if (next != nullptr) {
    const LaunchCost head = least_cost(*next);
    const double filled = double(rounds) * kSliceWidth - next->c;
    const double u = double(next->output().elements()) * kElementBytes;
    cost.dram_bytes += head.dram_bytes - y + filled * next->k * kElementBytes;
    cost.l2_bytes += u;
    cost.flops += head.flops;
  }
  cost.executed_flops = ctas * work.flops;
  cost.wavefronts = ctas * work.wavefronts + rows_written;
  cost.tiles = ctas;
  cost.resident = resident;
  cost.chain = work.chain;
  return cost;
}

}  // namespace foldconv::host
