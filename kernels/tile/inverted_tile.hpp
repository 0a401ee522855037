// SPDX-License-Identifier: MIT
// Tiles of the inverted block's kernel: one struct feeds kernel, launch and planner.
#pragma once

#include <cstdint>

#include "tile/host_device.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// Pixels of y that a CTA computes at a time.
struct InvertedShape {
  int h = 0, w = 0;
  FOLDCONV_HOST_DEVICE constexpr int pixels() const { return h * w; }
};

// The depthwise convolution.
struct InvertedWindow {
  int kernel = 0;  // 3 or 5, in both directions
  int stride = 0;  // 1 or 2, likewise
  FOLDCONV_HOST_DEVICE static constexpr bool takes(int kernel, int stride) {
    return (kernel == 3 || kernel == 5) && (stride == 1 || stride == 2);
  }
  FOLDCONV_HOST_DEVICE constexpr int taps() const { return kernel * kernel; }
  // Pixels of one axis that `outputs` neighbouring outputs read, of the `image` that there are.
  FOLDCONV_HOST_DEVICE constexpr int reach(int outputs, int image) const {
    const int all = (outputs - 1) * stride + kernel;
    return all < image ? all : image;
  }
};

// Where the parts of shared memory begin, in bytes from its start.
struct InvertedMemory {
  int x;        // with its halo, pixel by pixel; where the middle is x, a plane for each slice
  int x_plane;  // bytes of a plane, whose rows are t1's
  int t1;       // none where the middle is x
  int t2;
  int expand, project, depthwise;  // weights of the slice
  int bytes;                       // of all
};

// The middle tensor goes by in slices of kSliceWidth channels: expand -> t1,
// with the halo that the window needs, clipped to the image; depthwise -> t2;
// project adds t2's products to sums that stay in registers. The tile's height
// and width are the launch's choice, kPixels at most.
struct InvertedTile {
  int warps_m = 0;          // project: warps_m x warps_n() warps, as many fragments of pixels each
  int granules = 0;         // kGranule output channels each, that a warp holds
  int min_ctas_per_sm = 1;  // that its registers allow

  static constexpr int kPixels = 64;
  static constexpr int kFragmentRows = 16;  // of an mma
  static constexpr int kWarps = 8;
  static constexpr int kGranule = 32;  // channels of y; a warp's are warps_n() granules apart
  static constexpr int kExpandChannels = 32;    // of a slice, that a warp expands at a time
  static constexpr int kUnitH = 2, kUnitW = 4;  // pixels of t2 that a warp computes at a time

  FOLDCONV_HOST_DEVICE static constexpr int threads() { return kWarps * 32; }
  FOLDCONV_HOST_DEVICE constexpr int warps_n() const { return kWarps / warps_m; }
  FOLDCONV_HOST_DEVICE constexpr int fragments() const {  // that a warp projects
    return kPixels / kFragmentRows / warps_m;
  }
  FOLDCONV_HOST_DEVICE constexpr int most_channels() const {  // of y
    return granules * warps_n() * kGranule;
  }
  FOLDCONV_HOST_DEVICE static constexpr int unit_columns(int tile_w) {
    return (tile_w + kUnitW - 1) / kUnitW;
  }
  FOLDCONV_HOST_DEVICE static constexpr int units(InvertedShape tile) {
    return (tile.h + kUnitH - 1) / kUnitH * unit_columns(tile.w);
  }
  FOLDCONV_HOST_DEVICE static constexpr int halo_rows(InvertedShape tile, InvertedWindow window,
                                                      int h, int w) {
    return window.reach(tile.h, h) * window.reach(tile.w, w);
  }

  // Rows of x, of t1 and of the expand weights are an odd number of 16-byte
  // chunks long, so that eight of them lie in all banks; t2 and the project
  // weights are swizzled instead.
  FOLDCONV_HOST_DEVICE static constexpr int row_chunks(int channels) {  // that are read
    return (channels + 15) / 16 * 2;
  }
  FOLDCONV_HOST_DEVICE static constexpr int row_bytes(int channels) {
    return (row_chunks(channels) + 1) * 16;
  }
  static constexpr int kMiddleRowBytes = kSliceBytes + 16;
  FOLDCONV_HOST_DEVICE static constexpr int project_rows(int k) {
    return (k + kGranule - 1) / kGranule * kGranule;
  }

  // `halo`: halo_rows().
  FOLDCONV_HOST_DEVICE static constexpr InvertedMemory memory(bool expands, int c, int k, int taps,
                                                              int halo) {
    const auto up_to_line = [](int bytes) { return (bytes + 127) / 128 * 128; };
    const int halo_fragments = (halo + kFragmentRows - 1) / kFragmentRows;
    InvertedMemory at = {};
    at.x_plane = up_to_line(halo * kMiddleRowBytes);
    at.x = 0;
    at.t1 = at.x + (expands ? up_to_line(halo * row_bytes(c))
                            : (c + kSliceWidth - 1) / kSliceWidth * at.x_plane);
    at.t2 = at.t1 + (expands ? halo_fragments * kFragmentRows * kMiddleRowBytes : 0);
    at.expand = at.t2 + kPixels * kSliceBytes;
    at.project = at.expand + (expands ? kSliceWidth * row_bytes(c) : 0);
    at.depthwise = at.project + project_rows(k) * kSliceBytes;
    at.bytes = at.depthwise + taps * kSliceBytes;
    return at;
  }
};

// Shapes to choose from, of kPixels at most: whole rows of the usual maps, and
// small ones for more CTAs.
inline constexpr InvertedShape kInvertedShapes[] = {{8, 8}, {7, 7}, {4, 16}, {4, 14}, {2, 28},
                                                    {4, 8}, {4, 4}, {2, 14}, {4, 7},  {2, 7}};

}  // namespace foldconv
