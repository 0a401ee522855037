// SPDX-License-Identifier: MIT
// What the host passes to the kernels of a network that are no convolution. Plain data; lives in the kernel's parameter
// space. Each begins with its tensors and `units`: how many of what a thread, or a CTA, takes at a time. Images are
// outermost, so the first units are those of the first images, and a smaller number computes fewer of them.
// All are loops over the units in steps of the grid: any grid, block of kLayerThreads.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "tile/fast_division.hpp"

namespace foldconv {

inline constexpr int kLayerThreads = 256;

// How a tensor that the host describes is stored; the first numbers are those of foldconv::DataType.
enum class Storage : int { f16, bf16, f32, u8 };

// max_pool_*, average_pool_*. Unit: a piece of a pixel of y, of 16 bytes or one element; a thread.
struct PoolParams {
  const void* x;  // NHWC
  void* y;        // NPQC
  std::int64_t units;
  int h, w;
  int x_pitch, y_pitch;  // elements from a pixel to the next
  int window_h, window_w;
  int stride_h, stride_w;
  int pad_top, pad_left;
  int dilation_h, dilation_w;
  int counted_h,
      counted_w;      // average: taps from here on do not count; h and w, or the end of the padding
  int count_padding;  // average: 1: taps in the padding count, as zeros
  int vector;         // 1: c fills pieces of 16 bytes
  FastDivision pieces;         // of a pixel
  FastDivision columns, rows;  // q, p
};

// global_max_pool_*, global_average_pool_*. Unit: a group of an image's channels; a CTA. Its lanes take a piece of the
// pixel each, its rows columns of the map's tiles (tile/mean_order.hpp).
struct GlobalPoolParams {
  const void* x;  // [n][pixels][c]
  void* y;        // [n][c]
  std::int64_t units;
  int pixels, c;
  int x_pitch, y_pitch;  // elements from a pixel to the next; y has one an image
  int h, w;              // pixels: h * w
  int tiles;             // of the map
  int vector;            // 1: c fills pieces of 16 bytes
  int lane_bits;         // lanes: 1 << lane_bits
  FastDivision groups;   // of an image
  FastDivision tile_columns;
};

// One of a gate's two linear layers. Weights: 16-bit ones in the order in which lanes read them (host/layer/gate.cpp), f32
// [inputs][outputs].
struct GateLinear {
  const void* weights;
  const float* scale;  // outputs
  const float* bias;   // outputs
  int inputs, outputs;
  ActivationParams activation;
};

// gate_*. Unit: an image; `images` of them a CTA.
struct GateParams {
  const void* x;  // fp32 sums [n][tiles][c] of the map's tiles, or the mean [n][c]
  void* y;        // [n][outputs of excite]
  std::int64_t units;
  int tiles;   // 0: x is the mean
  int pixels;  // of the map
  int images;  // at most kMostGateImages
  GateLinear squeeze, excite;
};
inline constexpr int kMostGateImages = 8;
inline constexpr int kGateSharedBytes = 40 * 1024;

// Elements of an input row of a gate's linear layer in shared memory: whole slices of K, and eight more, so that rows lie in
// different banks.
template <int kElementBytes>
FOLDCONV_HOST_DEVICE constexpr int gate_row(int inputs) {
  return kElementBytes == 4 ? inputs : (inputs + 63) / 64 * 64 + 8;
}

// softmax_*. Unit: a sum's position in [outer][inner]; so many of them a CTA as it has lanes, with as many threads each
// as it has rows.
struct SoftmaxParams {
  const void* x;  // [outer][length][inner]
  void* y;
  std::int64_t units;
  std::int64_t length, inner;
  int row_bits;    // rows: 1 << row_bits
  int rows_first;  // 1: neighbouring threads are rows, else lanes
};

// lrn_*. Unit: an element; a thread.
struct LrnParams {
  const void* x;  // NHWC
  void* y;
  std::int64_t units;
  int c;
  int x_pitch, y_pitch;  // elements from a pixel to the next
  int before, behind;    // channels of a window beside its own
  float factor, beta, bias;
  FastDivision channels;  // c
};

// One extent of a tensor that is walked by strides, in elements; 0: the same element again. An innermost one that moves
// in pieces counts pieces.
struct BinaryAxis {
  FastDivision extent;
  std::int64_t x_stride, z_stride, y_stride;
};
inline constexpr int kMostAxes = 6;

// binary_*. Unit: a piece of y; a thread.
struct BinaryParams {
  const void* x;
  const void* z;
  void* y;
  std::int64_t units;
  BinaryAxis axes[kMostAxes];  // innermost first
  int axis_count;
  int multiply;            // 1: x * z, 0: x + z
  int vector;              // 1: pieces of 16 bytes, else one element
  int x_spread, z_spread;  // 1: the same element for a whole piece
  ActivationParams activation;
};

// affine_*. Unit: a piece of x and y; a thread.
struct AffineParams {
  const void* x;
  void* y;
  std::int64_t units;
  const float* scale;  // c; 16-byte aligned where `vector`
  const float* shift;
  int x_pitch, y_pitch;  // elements from a pixel to the next
  int vector;            // 1: pieces of 16 bytes, else one element
  FastDivision pieces;   // of c
  ActivationParams activation;
};

// x index = i / divide + x_begin; outside [0, x_extent): the fill value. In pieces where the innermost moves in pieces.
struct CopyAxisParams {
  FastDivision extent;
  FastDivision divide;
  std::int64_t y_stride, x_stride;
  std::int64_t x_begin, x_extent;
  int checked;  // 1: may be outside
};

// copy_*: named by y's type. Unit: a piece of y; a thread.
struct CopyParams {
  const void* x;
  void* y;
  std::int64_t units;
  std::int64_t x_offset, y_offset;
  CopyAxisParams axes[kMostAxes];  // innermost first
  int axis_count;
  Storage from;
  int vector;  // 1: pieces of 16 bytes of the larger of both types, else one element
  float fill;
};

// transpose_*: named by y's type. x is contiguous along its rows' axis, y along the columns'. Unit: a tile of kTransposeTile
// squared elements; a CTA.
struct TransposeParams {
  const void* x;
  void* y;
  std::int64_t units;
  std::int64_t x_offset, y_offset;
  std::int64_t columns, rows;
  std::int64_t x_column_stride;  // between columns in x; between rows: 1
  std::int64_t y_row_stride;     // between rows in y; between columns: 1
  FastDivision column_tiles, row_tiles;
  CopyAxisParams axes[kMostAxes];  // the others, innermost first; only extent and strides
  int axis_count;
  Storage from;
};
inline constexpr int kTransposeTile = 32;

// preprocess_*: named by y's type. Unit: an element; 16 bytes of them a thread.
struct PreprocessParams {
  const void* x;
  void* y;  // NHWC
  std::int64_t units;
  Storage from;
  int planes;  // 1: x is NCHW, else NHWC
  int swap;    // 1: channels 0 and 2 of x change places
  int normalise;
  std::int64_t image;     // h * w * c
  std::int64_t plane;     // h * w
  FastDivision channels;  // c
  float mean[4], scale[4];
};

}  // namespace foldconv
