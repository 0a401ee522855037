// SPDX-License-Identifier: MIT
// What the host passes to a block kernel. Plain data; lives in the kernel's parameter space.
#pragma once

#include "params/conv_params.hpp"
#include "tile/fast_division.hpp"
#include "tile/inverted_tile.hpp"

namespace foldconv {

// One folded convolution of a block.
struct BlockConv {
  const void* w;  // packed, see WeightLayout
  const float* scale;
  const float* bias;
};

// block_whole_sm80. Grid: any number of CTAs, each takes every gridDim.x-th tile; block of
// WholeTile::threads(). Requires stride 1, middle width kSliceWidth (narrower blocks are
// padded with zero channels), c a multiple of kSliceWidth, k of 8, x_pitch of 32, fewer than 2^31 elements from the first to
// the last of x and of y.
struct WholeParams {
  const void* x;  // NHWC
  void* y;        // NHWC, k channels
  BlockConv conv1, conv2, conv3;
  int n, h, w;
  int c, k;
  int x_pitch, y_pitch;          // elements from a pixel to the next
  int t1_channels, t2_channels;  // of the kSliceWidth; zeros fill up the rest
  ActivationParams inner;        // after conv1 and conv2
  ActivationParams last;         // after the sum
  int tiles;                     // n * tile rows * tile columns
  FastDivision tiles_per_image;
  FastDivision tile_columns;
};

// block_inverted_sm80. Grid: any number of CTAs, each takes every gridDim.x-th tile; block of
// InvertedTile::threads(). Requires c, middle and k multiples of 8, both pitches, too, depthwise
// kernels of InvertedWindow, a tile of InvertedTile::kPixels at most, and fewer than 2^31 elements from
// the first of x to the last, and of y.
struct InvertedParams {
  const void* x;        // NHWC, x_pitch elements from a pixel to the next
  void* y;              // NPQK, y_pitch
  BlockConv expand;     // w null: none, and the middle tensor is x
  BlockConv depthwise;  // packed as WeightLayout{1, taps}
  BlockConv project;
  int n, h, w, c;
  int middle, k;
  int p, q;
  int kernel, stride;  // of the depthwise convolution, in both directions
  int pad_top, pad_left;
  int residual;  // 1: x is added before `last`; stride 1, c == k, p == h, q == w
  int x_pitch, y_pitch;
  ActivationParams inner;  // after expand and depthwise
  ActivationParams last;   // after project
  int tile_h, tile_w;      // pixels of y
  int tiles;               // n * tile rows * tile columns
  FastDivision tiles_per_image;
  FastDivision tile_columns;
  InvertedMemory memory;      // InvertedTile::memory()
  FastDivision per_tile_row;  // tile_w
  FastDivision unit_columns;  // InvertedTile::unit_columns(tile_w)
};

// block_tail_sm80. Grid: one CTA for each block_m pixels of y; block of conv2.threads(). Requires
// what conv_sm80 requires of conv2 (taps loader, one group), middle widths and k multiples of 8, fewer
// than 2^31 elements in each of its own tensors.
struct TailParams {
  ConvParams conv2;        // x: conv1's output; its y and residual are not used
  int halo_reach;          // pixels between conv2's first and last tap; -1: its taps come from L2
  BlockConv conv3;         // [w3], or [w3 ; wd] where the shortcut is a projection
  const void* identity;    // NHWC, y's shape; null where the shortcut is a projection
  int identity_pitch;      // elements from a pixel to the next
  SecondInput projection;  // x null where the shortcut is the identity
  void* y;                 // NHWC, k channels
  int y_pitch;
  int k;
  ActivationParams last;
  BlockConv next;  // conv1 of the next block, a 1x1 of stride 1; w null: none
  void* next_y;    // NHWC, next_k channels
  int next_k;
  ActivationParams next_activation;
};

}  // namespace foldconv
