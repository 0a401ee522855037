// SPDX-License-Identifier: MIT
// Tiles of the whole-block kernel: one struct feeds kernel, launch and planner.
#pragma once

#include <cstdint>

#include "tile/host_device.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// A CTA computes tile_h x kTileW pixels of y. The first 1x1 runs on the tile and a halo of one
// pixel around it ("halo rows": pixels of the haloed tile, image row by image row), the 3x3 and the
// last 1x1 on the tile. Both are cut into fragments of kFragmentRows, the rows of an mma.
struct WholeTile {
  int tile_h = 0;
  int stages = 0;           // slices of fragments of x that each warp has at hand or on their way
  bool resident = false;    // all weights stay in shared memory; else only those of the 3x3
  bool projection = false;  // the shortcut is a 1x1 of x, summed as further slices of the last
                            // 1x1's K; else it is x

  static constexpr int kTileW = 8;  // the eight rows of an ldmatrix are neighbouring pixels
  static constexpr int kHaloW = kTileW + 2;
  static constexpr int kFragmentRows = 16;
  static constexpr int kWarps = 8;
  static constexpr int kWeightStages = 2;   // of weights that are not resident
  static constexpr int kWarpChannels = 32;  // channels of y that a warp computes at a time

  FOLDCONV_HOST_DEVICE static constexpr int threads() { return kWarps * 32; }
  FOLDCONV_HOST_DEVICE constexpr int pixels() const { return tile_h * kTileW; }
  FOLDCONV_HOST_DEVICE constexpr int halo_rows() const { return (tile_h + 2) * kHaloW; }

  // The first 1x1: warp i takes fragments i, i + kWarps ... and all channels of the middle tensor. Each
  // warp takes one at least, so that what it copies says when weights of others have arrived.
  FOLDCONV_HOST_DEVICE constexpr int first_fragments() const {
    const int needed = (halo_rows() + kFragmentRows - 1) / kFragmentRows;
    return needed < kWarps ? kWarps : needed;
  }
  FOLDCONV_HOST_DEVICE constexpr int first_rows() const {
    return first_fragments() * kFragmentRows;
  }
  FOLDCONV_HOST_DEVICE constexpr int least_first_fragments() const {  // of a warp
    return first_fragments() / kWarps;
  }
  FOLDCONV_HOST_DEVICE constexpr int most_first_fragments() const {
    return (first_fragments() + kWarps - 1) / kWarps;
  }

  // The others: warps_m() x warps_n() warps, of four fragments at most.
  FOLDCONV_HOST_DEVICE constexpr int fragments() const { return pixels() / kFragmentRows; }
  FOLDCONV_HOST_DEVICE constexpr int warps_m() const { return fragments() <= 8 ? 2 : 4; }
  FOLDCONV_HOST_DEVICE constexpr int warps_n() const { return kWarps / warps_m(); }
  // Channels of y that the last 1x1 computes at a time ("round").
  FOLDCONV_HOST_DEVICE constexpr int round_channels() const { return warps_n() * kWarpChannels; }
  FOLDCONV_HOST_DEVICE constexpr int rounds(int k) const {
    return k / round_channels() + (k % round_channels() != 0);
  }

  // Shared memory, in this order: where the halo rows lie in x; weights of the 3x3; the middle tensor (t1 with its halo, then t2
  // in its place); x at the tile's pixels where a projection reads it; the warps' stages of x; either
  // the stages of weights, or resident weights of the first and the last 1x1.
  FOLDCONV_HOST_DEVICE constexpr int table_bytes() const {
    return (first_rows() * 4 + kSliceBytes - 1) / kSliceBytes * kSliceBytes;
  }
  FOLDCONV_HOST_DEVICE static constexpr int conv2_bytes() { return 9 * kSliceWidth * kSliceBytes; }
  FOLDCONV_HOST_DEVICE constexpr int middle_bytes() const { return first_rows() * kSliceBytes; }
  FOLDCONV_HOST_DEVICE constexpr int shortcut_bytes() const {
    return projection ? pixels() * kSliceBytes : 0;
  }
  FOLDCONV_HOST_DEVICE static constexpr int fragment_bytes() { return kFragmentRows * kSliceBytes; }
  FOLDCONV_HOST_DEVICE constexpr int x_bytes() const { return stages * kWarps * fragment_bytes(); }
  // A slice of the first 1x1's weights, or of the last 1x1's for one round.
  FOLDCONV_HOST_DEVICE constexpr int weight_stage_bytes() const {
    return (round_channels() < kSliceWidth ? kSliceWidth : round_channels()) * kSliceBytes;
  }
  FOLDCONV_HOST_DEVICE constexpr std::int64_t shared_bytes(int c, int k) const {
    const std::int64_t resident_bytes =
        (std::int64_t{c} + std::int64_t{rounds(k)} * round_channels()) * kSliceBytes;
    return table_bytes() + conv2_bytes() + middle_bytes() + shortcut_bytes() + x_bytes() +
           (resident ? resident_bytes : kWeightStages * weight_stage_bytes());
  }
};

}  // namespace foldconv
