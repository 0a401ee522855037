// SPDX-License-Identifier: MIT
// What the host passes to conv_grouped_sm80. Plain data; lives in the kernel's parameter space.
#pragma once

#include "params/conv_params.hpp"
#include "tile/fast_division.hpp"

namespace foldconv {

// Shared memory of a CTA; distances in bytes.
struct GroupedMemory {
  int weights_pitch;            // from an output channel to the next
  int table, pixels, output;    // where they begin, behind the weights
  int pixel_pitch;              // from a pixel to the next of its plane
  int pixel_places;             // in all buffers
  int plane_pitch;              // planes: columns of x by their remainder by the stride
  int row_pitch, buffer_bytes;  // from a row to the next, from a tile's pixels to the next one's
  int zeros;                    // of each pixel, behind its channels
  int output_pitch;             // from a pixel of y to the next
  int bytes;                    // of all
};

// grid = {blocks * any number of tiles at a time, 1, 1}, blocks of channels running fastest; block = tile.threads(). Requires
// tiles, and two steps of the grid more, below 2^31 and elements of w below 2^31. The sizes of x and y are no limit.
struct GroupedParams {
  const void* x;         // NHWC
  const void* w;         // packed, see WeightLayout
  const float* scale;    // k
  const float* bias;     // k
  const void* residual;  // NPQK or null
  void* y;               // NPQK
  ConvGeometry g;
  ActivationParams activation;
  GroupedMemory shared;
  int tiles;            // of 8x8 pixels
  int buffers;          // for pixels of x: 1, or 2, the other one of the next tile
  int groups_of_block;  // in a CTA
  int units;            // of a CTA's warps, for a tile
  int row_elements;     // of packed weights
  int steps;            // of 16 K that are not all zeros
  int rows, columns;    // of x that a tile's windows reach
  int vector_output;    // 1: y and residual move in 16-byte pieces
  // Added to sums: what the steps of zeros left out would. -0 and +0 become +0, by -0 nothing changes.
  float zero_steps;
  FastDivision blocks;
  FastDivision tiles_per_image, tile_columns;
  FastDivision units_per_group;  // or pair of groups
  FastDivision x_chunks;         // of 16 bytes, of a pixel in a CTA
  FastDivision x_columns;        // = columns
  FastDivision stride_w;
  FastDivision entries_a_tap;  // of the table of addresses: a group's channels
  FastDivision kernel_w;       // s
  FastDivision weight_lanes;   // chunks of 16 bytes of an output channel, up to a multiple of 8
  FastDivision y_pieces;       // of a pixel in a CTA: chunks of 16 bytes, or elements
};

}  // namespace foldconv
