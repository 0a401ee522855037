// SPDX-License-Identifier: MIT
// What the host passes to the stem kernels. Plain data; lives in the kernel's parameter space.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "params/layer_params.hpp"
#include "tile/fast_division.hpp"
#include "tile/stem_tile.hpp"

namespace foldconv {

// stem_sm80: a loop over the units in steps of the grid, which is a multiple of n_blocks; block of StemTile::kThreads. Unit:
// a tile of y, all channels of which run fastest; images are outermost. Requires units, the elements of an image of x
// and those of 16 rows of y below 2^31.
struct StemParams {
  const void* x;
  void* y;  // NHWC
  std::int64_t units;

  // Element (n, h, w, c) of x: n * x_image + h * x_row + w * x_pixel + c * x_channel. x_pixel or x_channel is 1.
  Storage from;
  std::int64_t x_image;
  int x_row, x_pixel, x_channel;
  int pairs;  // 1: two neighbours, the first of them even, are loaded at a time
  int swap;   // 1: channels 0 and 2 of x change places
  float mean[StemTile::kChannels], factor[StemTile::kChannels];  // (x - mean) * factor

  const void* w;       // packed, see WeightLayout
  const float* scale;  // k
  const float* bias;
  ActivationParams activation;
  int h, w_size, k;
  int p, q;  // of the convolution
  int pad_top, pad_left;
  int pool;                          // 1: y is the convolution's max-pool
  int pool_pad_top, pool_pad_left;   // 0 without
  int y_h, y_w, y_pitch;             // p and q without
  int w_row;                         // elements of a packed row
  FastDivision n_blocks;             // of block_n channels
  FastDivision tiles, tile_columns;  // of an image, of a row of tiles
  FastDivision columns;              // of the convolution's tile
};

}  // namespace foldconv
