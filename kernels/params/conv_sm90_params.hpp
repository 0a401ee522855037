// SPDX-License-Identifier: MIT
// What the host passes to conv_sm90. Plain data; lives in the kernel's parameter space, tensor maps included.
#pragma once

#include <cuda.h>

#include "params/conv_params.hpp"
#include "tile/fast_division.hpp"
#include "tile/sm90_tile.hpp"

namespace foldconv {

// How x arrives.
enum class Sm90Loader {
  unit,    // 1x1, stride 1, no padding: x is a matrix
  im2col,  // all others
};

// Grid: {clusters * cluster size, 1, 1}, at most `units` clusters; a cluster is 2 CTAs with multicast, 1 (no cluster)
// without. Block: tile.threads(). Dynamic shared memory: tile.shared_bytes().
//
// A unit is what a cluster computes at a time: a tile, or with multicast two neighbouring ones, in pixels (weights
// shared) or channels of a group (pixels shared). Units run through channels, over all groups, fastest.
//
// Tensor maps; type: Element, no interleave, zero fill, dims innermost first, strides as a dense tensor has them, but
// from a pixel to the next of x, y and residual the tensor's own:
//   x, unit    tiled   {c, m}, box {64, tile.x_box_rows(multicast)}, swizzle 128
//   x, im2col  im2col  {c, w, h, n}, 64 channels, tile.x_box_rows(multicast) pixels, swizzle 128, element strides
//                      {1, stride w, stride h, 1}, corners, w first: lower {-pad left, -pad top}, upper
//                      {pad right - (s - 1) * dilation w, pad bottom - (r - 1) * dilation h}
//   w          tiled   {WeightLayout::row(), k}, box {64, tile.w_box_rows(multicast)}, swizzle 128
//   y          tiled   {k per group, groups, m}, box {tile.panel_width(), 1, tile.kBoxRows}, swizzle as wide as the box's
//                      rows: 128, 64, 32 bytes, none at 16
//   residual   as y; any valid map where there is none
// m, w's rows and the channels of y are not filled up: the maps clip. Requires m, filled up to whole units, below 2^31.
struct ConvSm90Params {
  CUtensorMap x, w, y, residual;
  const float* scale;  // k
  const float* bias;   // k
  ActivationParams activation;
  int has_residual;
  Sm90Loader loader;
  Multicast multicast;
  int m;  // n * p * q
  int c_per_group, k_per_group;
  int slices;  // of kSliceWidth channels, of a group
  int r, s;
  int stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
  int units;
  FastDivision per_image;           // p * q
  FastDivision per_row;             // q
  FastDivision unit_columns;        // units across the channels of all groups
  FastDivision unit_columns_group;  // ... of one group
};

}  // namespace foldconv
