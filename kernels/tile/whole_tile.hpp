// SPDX-License-Identifier: MIT
// Tiles of the whole-block kernel: one struct feeds kernel, launch and planner.
#pragma once

#include <cstdint>

#include "tile/host_device.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// A CTA computes tile_h x kTileW pixels of y. The first 1x1 runs on the tile and a halo of one
// pixel around it ("halo rows": pixels of the haloed tile, image row by image row), the 3x3 and the
// last 1x1 on the tile.
struct WholeTile {
  int tile_h = 0;
  int stages = 0;           // of the ring that brings x, and the weights that are not resident
  bool resident = false;    // all weights stay in shared memory; else only those of the 3x3
  bool projection = false;  // the shortcut is a 1x1 of x, summed as further slices of the last
                            // 1x1's K; else it is x

  static constexpr int kTileW = 8;  // the eight rows of an ldmatrix are neighbouring pixels
  static constexpr int kHaloW = kTileW + 2;
  static constexpr int kChunkRows = 64;       // halo rows that the first 1x1 computes at a time
  static constexpr int kRoundChannels = 128;  // channels of y that the last 1x1 computes at a time
  static constexpr int kWarpsM = 2, kWarpsN = 4;

  FOLDCONV_HOST_DEVICE static constexpr int threads() { return kWarpsM * kWarpsN * 32; }
  FOLDCONV_HOST_DEVICE constexpr int pixels() const { return tile_h * kTileW; }
  FOLDCONV_HOST_DEVICE constexpr int halo_rows() const { return (tile_h + 2) * kHaloW; }
  FOLDCONV_HOST_DEVICE constexpr int chunks() const {
    return (halo_rows() + kChunkRows - 1) / kChunkRows;
  }
  FOLDCONV_HOST_DEVICE static constexpr int rounds(int k) {
    return k / kRoundChannels + (k % kRoundChannels != 0);
  }

  // Shared memory, in this order: weights of the 3x3; the middle tensor (t1 with its halo, then t2
  // in its place); x at the tile's pixels where a projection reads it; the ring; resident weights
  // of the first and the last 1x1.
  FOLDCONV_HOST_DEVICE static constexpr int conv2_bytes() { return 9 * kSliceWidth * kSliceBytes; }
  FOLDCONV_HOST_DEVICE constexpr int middle_bytes() const {
    return chunks() * kChunkRows * kSliceBytes;
  }
  FOLDCONV_HOST_DEVICE constexpr int shortcut_bytes() const {
    return projection ? pixels() * kSliceBytes : 0;
  }
  // A stage: a chunk of halo rows by a slice of x and, unless resident, the slice of the first
  // 1x1's weights; or a slice of the last 1x1's weights for one round.
  FOLDCONV_HOST_DEVICE constexpr int stage_bytes() const {
    return (resident ? 1 : 2) * kChunkRows * kSliceBytes;
  }
  FOLDCONV_HOST_DEVICE constexpr std::int64_t shared_bytes(int c, int k) const {
    const std::int64_t resident_bytes =
        (std::int64_t{c} + std::int64_t{rounds(k)} * kRoundChannels) * kSliceBytes;
    return conv2_bytes() + middle_bytes() + shortcut_bytes() + stages * stage_bytes() +
           (resident ? resident_bytes : 0);
  }
};

}  // namespace foldconv
