// SPDX-License-Identifier: MIT
// Tiles of the stem (sm80/stem.cuh): one struct feeds kernel, launch, rules and cost.
#pragma once

#include "tile/host_device.hpp"

namespace foldconv {

// A filter of `filter` squared taps, three channels, stride 2, and a max-pool of 3x3 and stride 2 behind it or none. Four
// warps take 64 pixels of the convolution each, by block_n channels.
struct StemTile {
  int filter = 0;
  int block_n = 0;  // output channels
  int min_ctas_per_sm = 1;

  static constexpr int kChannels = 3;
  static constexpr int kStride = 2;
  static constexpr int kWarps = 4;
  static constexpr int kThreads = kWarps * 32;
  static constexpr int kPixels = 256;  // of the convolution
  static constexpr int kWarpPixels = kPixels / kWarps;
  static constexpr int kWindow = 3, kWindowStride = 2;  // of the pooling

  // Pixels of y, and of the convolution: those that the windows of so many see, or those of y themselves.
  struct Sizes {
    int y_rows, y_columns;
    int rows, columns;
  };
  FOLDCONV_HOST_DEVICE static constexpr Sizes sizes(bool pool) {
    return pool ? Sizes{7, 8, 15, 17} : Sizes{16, 16, 16, 16};
  }
  static constexpr int kMostColumns = 17;

  // Elements of K: of a filter row, of all of them, and in steps of 16.
  FOLDCONV_HOST_DEVICE constexpr int filter_row() const { return filter * kChannels; }
  FOLDCONV_HOST_DEVICE constexpr int k() const { return filter * filter_row(); }
  FOLDCONV_HOST_DEVICE constexpr int steps() const { return (k() + 15) / 16; }

  // Weights in shared memory: a row's 16-byte chunks, an odd number, so that eight rows lie in all banks.
  FOLDCONV_HOST_DEVICE constexpr int weight_chunks() const { return steps() * 2; }
  FOLDCONV_HOST_DEVICE constexpr int weight_pitch() const { return (weight_chunks() | 1) * 16; }
  FOLDCONV_HOST_DEVICE constexpr int weight_bytes() const { return block_n * weight_pitch(); }

  // The patch of x: rows and columns that `rows` or `columns` pixels of the convolution read.
  FOLDCONV_HOST_DEVICE constexpr int reach(int pixels) const {
    return (pixels - 1) * kStride + filter;
  }
  // Elements between its rows. As odd as a filter row, so that a pair of K begins at an even element wherever it does not
  // end a filter row; and two rows, of a tile 17 pixels wide, are as many banks further on as 17 pixels of a row: 8
  // neighbouring pixels x 4 pairs lie in different banks, in whichever rows they are.
  FOLDCONV_HOST_DEVICE constexpr int patch_pitch() const {
    constexpr int kBanks = 32;
    constexpr int kStep = kStride * kChannels / 2 * kMostColumns % kBanks;
    int pitch = kStep;
    while (pitch < (reach(kMostColumns) + 1) * kChannels) pitch += kBanks;
    return pitch;
  }
  static constexpr int kPatchMargin =
      16;  // bytes before its first row: what a pair of columns has outside
  FOLDCONV_HOST_DEVICE constexpr int patch_bytes() const {
    return (kPatchMargin + reach(16) * patch_pitch() * 2 + 15) / 16 * 16;
  }

  // The convolution's tile, in the storage type.
  FOLDCONV_HOST_DEVICE constexpr int row_bytes() const { return block_n * 2; }
  FOLDCONV_HOST_DEVICE constexpr int chunks() const { return row_bytes() / 16; }
  FOLDCONV_HOST_DEVICE constexpr int tile_bytes() const { return kPixels * row_bytes(); }

  FOLDCONV_HOST_DEVICE constexpr int patch_begin() const { return weight_bytes(); }
  FOLDCONV_HOST_DEVICE constexpr int tile_begin() const { return patch_begin() + patch_bytes(); }
  FOLDCONV_HOST_DEVICE constexpr int shared_bytes() const { return tile_begin() + tile_bytes(); }
};

}  // namespace foldconv
