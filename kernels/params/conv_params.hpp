// SPDX-License-Identifier: MIT
// What the host passes to a convolution kernel. Plain data; lives in the kernel's parameter space.
#pragma once

#include <cstdint>

#include "tile/fast_division.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// How the epilogue maps a value; the numbers are those of foldconv::Activation::Kind. none, relu and relu6 are clips here, so
// that kernels need no limits of their own.
struct ActivationParams {
  int kind = 10;                         // static_cast<int>(Activation::Kind), here clip
  float alpha = -__builtin_huge_valf();  // as in foldconv::Activation
  float beta = __builtin_huge_valf();
};

// Geometry shared by the tensor-core and the direct kernel. Names as in ConvProblem.
struct ConvGeometry {
  int n, h, w, c;
  int k, p, q;
  int r, s;
  int stride_h, stride_w;
  int pad_top, pad_left;
  int dilation_h, dilation_w;
  int groups;
  int c_per_group, k_per_group;
};

// A second tensor that a 1x1 convolution of stride 1 reads beside x, at every stride-th pixel: its
// channels follow x's in K, both filled up to whole slices. A block's projection shortcut.
struct SecondInput {
  const void* x;  // NHWC
  int h, w, c;
  int stride;
};

// Where the rows loader keeps x in shared memory (stage/sm80/x_planes.cuh); distances in elements.
struct RowPlanes {
  int pixel_step;       // between the windows of neighbouring pixels of a row of y
  int row_gap;          // that a new row of y adds to the step
  int plane_step;       // between planes
  FastDivision planes;  // one for each filter row, and one of zeros where K ends inside a slice
};

// conv_sm80, conv_rows_sm80: grid = {m tiles * n tiles, 1, 1}, n tiles (over all groups) running fastest; block =
// tile.threads(). Requires m tiles * block_m, the grid, the elements of w and the reach of the loader's addresses
// (address_unit()) below 2^31, and r, s <= kMaxTensorCoreTaps where the loader has taps. The size of y is no limit.
struct ConvParams {
  const void* x;         // NHWC
  SecondInput second;    // for the joined loader
  const void* w;         // packed, see WeightLayout
  const float* scale;    // k
  const float* bias;     // k
  const void* residual;  // NPQK or null
  void* y;               // NPQK
  ConvGeometry g;
  ActivationParams activation;
  int m;              // n * p * q
  int k_blocks;       // row() / kSliceWidth
  int vector_output;  // 1: k and k_per_group are multiples of 8, so y and residual move in 16-byte
                      // pieces
  FastDivision per_image;  // p * q
  FastDivision per_row;    // q
  FastDivision n_tiles;    // n tiles over all groups
  FastDivision n_tiles_per_group;
  FastDivision taps;      // r * s
  FastDivision kernel_w;  // s
  FastDivision channels;  // c_per_group; for the tables of the narrow, rows and element loaders
  FastDivision dilation_h, dilation_w;
  RowPlanes rows;  // for the rows loader
};
inline constexpr int kMaxTensorCoreTaps =
    15;  // rows and columns of the filter; validity masks have 15 bits each

// direct_*: one thread an output element, k fastest; grid-stride loop, any grid, block of
// kDirectThreads.
struct DirectParams {
  const void* x;
  const void* w;  // packed, see WeightLayout
  const float* scale;
  const float* bias;
  const void* residual;  // or null
  void* y;
  ConvGeometry g;
  ActivationParams activation;
};
inline constexpr int kDirectThreads = 256;

// batch_norm_*, add_*, activate_*: one thread for 16 bytes of the tensor and a scalar tail;
// grid-stride loop, any grid, block of kPointwiseThreads.
struct PointwiseParams {
  const void* x;
  const void* z;  // add: the second operand
  void* y;
  std::int64_t elements;
  int c;
  const float *gamma, *beta, *mean, *variance;  // batch_norm
  float eps;
  ActivationParams activation;  // activate
};
inline constexpr int kPointwiseThreads = 256;

}  // namespace foldconv
