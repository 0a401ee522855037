// SPDX-License-Identifier: MIT
// How the depthwise kernel cuts its work: one struct feeds kernel, launch and cost.
#pragma once

#include <cstdint>

#include "tile/host_device.hpp"

namespace foldconv {

// What is compiled: the filter, as a constant. The stride is 1 or 2, by a branch.
struct DepthwiseTile {
  int filter = 0;  // rows and columns

  static constexpr int kRows = 8;      // of y, that a thread computes one after the other
  static constexpr int kColumns = 4;   // of y, side by side
  static constexpr int kChannels = 2;  // of y
  static constexpr int kMaxThreads = 256;
  static constexpr int kChunkBytes = 16;

  // Columns or rows of x that windows of `outputs` outputs side by side reach.
  FOLDCONV_HOST_DEVICE constexpr int reach(int outputs, int stride) const {
    return (outputs - 1) * stride + filter;
  }
  // 16-byte pieces of a channel's packed weights that are read: all taps, and a power of two.
  FOLDCONV_HOST_DEVICE constexpr int weight_pieces(int element_bytes) const {
    int pieces = 1;
    while (pieces * kChunkBytes < filter * filter * element_bytes) pieces *= 2;
    return pieces;
  }
};

// What a CTA takes, chosen for each problem: tiles of 8 x 8 pixels of y, `tiles_w` side by side and `tiles_h` below each
// other, and 2 * pairs channels. Its threads are numbered by the pair of channels, then by the four columns of y ("quad"), then
// by the tile's row.
//
// Shared memory, in this order: what windows of these tiles reach of x ("patch"), pixel by pixel, with one pixel left free
// behind those of each quad where a pixel is narrower than the 32 banks; then a lane's pairs of all quads of a warp lie in
// different banks. The weights, [piece][first, second channel of the pairs][pair], 16 bytes each, with room behind each piece
// that lets all pieces of a channel be written at once. Scales and biases.
struct DepthwiseCut {
  int log_pairs = 5;
  int tiles_w = 1, tiles_h = 1;

  static constexpr int kTile = 8;  // rows and columns of y
  static constexpr int kBankBytes = 128;

  FOLDCONV_HOST_DEVICE constexpr int pairs() const { return 1 << log_pairs; }
  FOLDCONV_HOST_DEVICE constexpr int channels() const { return pairs() * DepthwiseTile::kChannels; }
  FOLDCONV_HOST_DEVICE constexpr int quads() const {
    return tiles_w * (kTile / DepthwiseTile::kColumns);
  }
  FOLDCONV_HOST_DEVICE constexpr int rows() const { return tiles_h * kTile; }
  FOLDCONV_HOST_DEVICE constexpr int columns() const { return tiles_w * kTile; }
  FOLDCONV_HOST_DEVICE constexpr int threads() const { return pairs() * quads() * tiles_h; }

  FOLDCONV_HOST_DEVICE constexpr int pixel_bytes(int element_bytes) const {
    return channels() * element_bytes;
  }
  // Behind each quad's own pixels of the patch.
  FOLDCONV_HOST_DEVICE constexpr int gap_bytes(int element_bytes) const {
    return pixel_bytes(element_bytes) < kBankBytes ? pixel_bytes(element_bytes) : 0;
  }
  FOLDCONV_HOST_DEVICE constexpr int patch_row_bytes(const DepthwiseTile& tile, int stride,
                                                     int element_bytes) const {
    const int pixels = tile.reach(columns(), stride);
    return pixels * pixel_bytes(element_bytes) +
           (pixels - 1) / (DepthwiseTile::kColumns * stride) * gap_bytes(element_bytes);
  }
  FOLDCONV_HOST_DEVICE constexpr int patch_bytes(const DepthwiseTile& tile, int stride,
                                                 int element_bytes) const {
    return tile.reach(rows(), stride) * patch_row_bytes(tile, stride, element_bytes);
  }
  FOLDCONV_HOST_DEVICE constexpr int weight_piece_bytes(const DepthwiseTile& tile,
                                                        int element_bytes) const {
    return channels() * DepthwiseTile::kChunkBytes + kBankBytes / tile.weight_pieces(element_bytes);
  }
  FOLDCONV_HOST_DEVICE constexpr int weight_bytes(const DepthwiseTile& tile,
                                                  int element_bytes) const {
    return tile.weight_pieces(element_bytes) * weight_piece_bytes(tile, element_bytes);
  }
  FOLDCONV_HOST_DEVICE constexpr int shared_bytes(const DepthwiseTile& tile, int stride,
                                                  int element_bytes) const {
    return patch_bytes(tile, stride, element_bytes) + weight_bytes(tile, element_bytes) +
           2 * channels() * static_cast<int>(sizeof(float));
  }
};

}  // namespace foldconv
