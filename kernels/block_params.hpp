// What the host passes to a block kernel. Plain data; lives in the kernel's parameter space.
#pragma once

#include "conv_params.hpp"
#include "tile/fast_division.hpp"

namespace foldconv {

// One folded convolution of a block.
struct BlockConv {
  const void* w;  // packed, see WeightLayout
  const float* scale;
  const float* bias;
};

// bottleneck_sm80. Grid: any number of CTAs, each takes every gridDim.x-th tile; block of
// BottleneckTile::threads(). Requires stride 1, middle width kSliceWidth (narrower blocks are
// padded with zero channels), c a multiple of kSliceWidth, k of 8, fewer than 2^31 elements in x
// and y.
struct BottleneckParams {
  const void* x;  // NHWC
  void* y;        // NHWC, k channels
  BlockConv conv1, conv2, conv3;
  int n, h, w;
  int c, k;
  ActivationParams inner;  // after conv1 and conv2
  ActivationParams last;   // after the sum
  int tiles;               // n * tile rows * tile columns
  FastDivision tiles_per_image;
  FastDivision tile_columns;
};

}  // namespace foldconv
