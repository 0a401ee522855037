// SPDX-License-Identifier: MIT
// What CTAs ask of their SM, added up stage by stage as the kernels do it. Wavefronts are exact: no access of the kernels
// has bank conflicts but where a formula says so.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/sizes.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv::host {

inline constexpr double kElementBytes = 2;  // of the tensors of all tensor-core kernels

// How the warps of a CTA share a tile: each takes fragments_m x fragments_n fragments of 16 pixels x 8 channels.
struct WarpTiles {
  int warps = 0;
  int fragments_m = 0, fragments_n = 0;

  // Of all sums, read or written once as pairs of channels: 32 lanes x 4 bytes.
  double pair_wavefronts() const { return 2.0 * warps * fragments_m * fragments_n; }
  // Bytes of scales and biases that come from L2: each warp loads 8 bytes of each of its channels.
  double scale_bytes() const { return 64.0 * warps * fragments_n; }
};

// Rows of weights that a copy of `rows` rows brings from L2: past the last of `channels` it repeats it, which is read once
// for the four rows of a warp (stage/sm80/weight_loader.cuh).
inline double distinct_rows(std::int64_t rows, std::int64_t channels) {
  constexpr int kRowsOfAWarp = 4;
  const std::int64_t valid = std::min(rows, channels);
  const std::int64_t count = valid + rows / kRowsOfAWarp - ceil_div(valid, kRowsOfAWarp);
  return double(count);
}
// The same of as many copies as bring all channels.
inline double distinct_rows_of_all(std::int64_t rows, std::int64_t channels) {
  const std::int64_t rest = channels % rows;
  return double(channels - rest) + (rest > 0 ? distinct_rows(rows, rest) : 0);
}

struct SmWork {
  double flops = 0;
  double wavefronts = 0;
  double chain = 0;  // products that wait for each other

  // stage/sm80/warp_mma.cuh: in each of a slice's 4 steps an ldmatrix.x4 (512 bytes, 4 wavefronts) for a fragment of
  // pixels, and one for two of channels.
  void multiply(const WarpTiles& tiles, double slices) {
    constexpr int kSteps = kSliceWidth / 16;
    const double fragments = double(tiles.fragments_m) * tiles.fragments_n;
    flops += slices * tiles.warps * fragments * 2 * 16 * 8 * kSliceWidth;
    wavefronts += slices * kSteps * tiles.warps * 4 * (tiles.fragments_m + tiles.fragments_n / 2.0);
    chain += slices * kSteps;
  }
  // Rows of kSliceBytes between global and shared memory, by 16 bytes a lane.
  void move_rows(double rows) { wavefronts += rows; }
};

}  // namespace foldconv::host
