// SPDX-License-Identifier: MIT
// The canonical order of a sum over a whole map.
//
// Every kernel that sums a channel of an image sums in one order, so that all of them give the same bits: the map in tiles of
// kMeanTile x kMeanTile pixels from its corner; in a tile each column's rows from top to bottom, then the columns from left
// to right; then the tiles, row by row. All in fp32, each sum from +0 on, so that columns and rows behind the map may be
// added as zeros or left out. The mean is that sum divided by the pixels, rounded once to the storage type.
#pragma once

#include <cstdint>

#include "tile/host_device.hpp"

namespace foldconv {

inline constexpr int kMeanTile = 8;

// Tiles of the map along an axis of `size` pixels.
FOLDCONV_HOST_DEVICE constexpr int mean_tiles(int size) {
  return static_cast<int>((std::int64_t{size} + kMeanTile - 1) / kMeanTile);
}

}  // namespace foldconv
