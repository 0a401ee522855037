// SPDX-License-Identifier: MIT
// What the host passes to a convolution kernel. Plain data; lives in the kernel's parameter space.
#pragma once

#include <cstdint>

#include "tile/depthwise_tile.hpp"
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
  int x_pitch, residual_pitch, y_pitch;  // elements from a pixel to the next
};

// A second tensor that a 1x1 convolution of stride 1 reads beside x, at every stride-th pixel: its
// channels follow x's in K, both filled up to whole slices. A block's projection shortcut.
struct SecondInput {
  const void* x;  // NHWC
  int h, w, c;
  int stride;
  int pitch;  // elements from a pixel to the next
};

// Where the rows loader keeps x in shared memory (stage/sm80/x_planes.cuh); distances in elements.
struct RowPlanes {
  int pixel_step;       // between the windows of neighbouring pixels of a row of y
  int row_gap;          // that a new row of y adds to the step
  int plane_step;       // between planes
  FastDivision planes;  // one for each filter row, and one of zeros where K ends inside a slice
  FastDivision pixel;   // elements from a pixel of x to the next in the planes
};

// What the gated loader multiplies x by.
struct GateInput {
  const void* gates;  // [n][c]
  int images;         // rows of a slot: gate_images() of the tile
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
  GateInput gate;  // for the gated loader
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
  const void* gate;  // [n][c], by which x of a 1x1 is multiplied, rounded once; or null
};
inline constexpr int kDirectThreads = 256;

// depthwise_*: a CTA for each cut of y, channels fastest, then columns, rows and images; block of cut.threads(). x, residual and
// y may have any size; CTAs below 2^31.
struct DepthwiseParams {
  const void* x;
  const void* w;  // packed, see WeightLayout
  const float* scale;
  const float* bias;
  const void* residual;  // or null
  void* y;
  ConvGeometry g;
  ActivationParams activation;
  float* sums;  // of y over tiles of 8 x 8, [n][tiles][k] (tile/mean_order.hpp); or null
  DepthwiseCut cut;
  int vector;                 // 1: channels come and go in 16-byte pieces and in pairs
  FastDivision quads;         // cut.quads()
  FastDivision channel_cuts;  // CTAs over the channels, the columns, the rows
  FastDivision column_cuts;
  FastDivision row_cuts;
};

// batch_norm_*, add_*, activate_*: one thread for 16 bytes of the tensor and a scalar tail, or where pitched pixels do not
// fill 16 bytes for an element; grid-stride loop, any grid, block of kPointwiseThreads.
struct PointwiseParams {
  const void* x;
  const void* z;  // add: the second operand
  void* y;
  std::int64_t elements;
  int c;
  int pitched;                                  // 0: all dense, and pitches without meaning
  int x_pitch, z_pitch, y_pitch;                // elements from a pixel to the next
  FastDivision channels;                        // c, where pitched
  const float *gamma, *beta, *mean, *variance;  // batch_norm
  float eps;
  ActivationParams activation;  // activate
};
inline constexpr int kPointwiseThreads = 256;

}  // namespace foldconv
