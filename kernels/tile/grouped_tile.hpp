// SPDX-License-Identifier: MIT
// Tiles of the convolution of narrow groups (conv_grouped_sm80): one struct feeds kernel, launch and rules.
#pragma once

#include "tile/host_device.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// A CTA computes tiles of 8x8 output pixels of a block of neighbouring groups, one after the other. A warp's unit of work is
// such a tile of `groups` neighbouring groups, `fragments_n` fragments of 8 channels each.
struct GroupedTile {
  int groups = 1;       // 1 or 2
  int fragments_n = 2;  // of a group
  int warps = 4;
  // Channels of a group whose place in 16 bytes is the same for all groups: 8, or 4, by which groups come in pairs.
  int granule = 8;
  int min_ctas_per_sm = 2;  // launch bound: caps registers

  static constexpr int kSide = 8;                   // of a tile, in pixels
  static constexpr int kPixels = kSide * kSide;     // of a tile
  static constexpr int kFragmentsM = kPixels / 16;  // of a tile
  static constexpr int kMostChannels = 64;          // of x in a CTA, and of y

  FOLDCONV_HOST_DEVICE constexpr int threads() const { return warps * 32; }
  FOLDCONV_HOST_DEVICE constexpr int columns() const { return groups * fragments_n; }
  // Positions of K that an entry of the table of addresses stands for.
  FOLDCONV_HOST_DEVICE constexpr int entries_a_step() const { return 16 / granule; }
};

}  // namespace foldconv
