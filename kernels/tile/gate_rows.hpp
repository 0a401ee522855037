// SPDX-License-Identifier: MIT
// The gates of a slice of channels in shared memory: a row for each image that a tile's pixels are of.
#pragma once

#include <cstdint>

#include "tile/host_device.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// A row of a slice and 16 bytes, so that the rows of eight neighbouring images lie in different banks.
inline constexpr int kGateRowBytes = kSliceBytes + 16;

// The most images that `block_m` neighbouring pixels are of, of n images of so many pixels.
FOLDCONV_HOST_DEVICE constexpr int gate_images(int block_m, std::int64_t pixels, int n) {
  const std::int64_t images = (block_m - 1 + pixels - 1) / pixels + 1;
  return static_cast<int>(images < n ? images : n);
}

}  // namespace foldconv
