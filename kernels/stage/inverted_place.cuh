// SPDX-License-Identifier: MIT
// Which pixels of y a tile of the inverted block covers, and which of x it
// reads.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "ptx/registers.cuh"
#include "stage/tile_place.cuh"
#include "tile/inverted_tile.hpp"

namespace foldconv {

// What products with the tile need to know. "Box": the pixels of x that the
// tile's windows touch and the image has, row by row; none where all of them
// lie outside.
struct InvertedBox {
  int rows, columns;  // of y, that exist
  int box_rows, box_columns;
  int window_h,
      window_w;  // where the first window begins, from the box's corner

  __device__ __forceinline__ int box_pixels() const { return box_rows * box_columns; }
};

// And where it lies.
struct InvertedPlace : InvertedBox {
  int image, h, w;   // of the tile's upper left pixel of y
  int box_h, box_w;  // of the box's, in the image

  __device__ __forceinline__ InvertedPlace(const InvertedParams& p, int tile) {
    const TilePlace place(tile, p.tile_h, p.tile_w, p.tiles_per_image, p.tile_columns);
    image = place.image, h = place.h, w = place.w;
    rows = min(p.tile_h, p.p - h);
    columns = min(p.tile_w, p.q - w);
    const int first_h = h * p.stride - p.pad_top, first_w = w * p.stride - p.pad_left;
    box_h = max(first_h, 0);
    box_w = max(first_w, 0);
    box_rows = max(min(first_h + (rows - 1) * p.stride + p.kernel, p.h) - box_h, 0);
    box_columns = max(min(first_w + (columns - 1) * p.stride + p.kernel, p.w) - box_w, 0);
    window_h = first_h - box_h;
    window_w = first_w - box_w;
  }
};

// A box in two registers, for the loop over the slices.
class PackedBox {
 public:
  __device__ __forceinline__ explicit PackedBox(const InvertedBox& box)
      : extents_(static_cast<std::uint32_t>(box.rows | box.columns << 8 | box.box_rows << 16 |
                                            box.box_columns << 24)),
        window_(
            static_cast<std::uint32_t>(near(box.window_h) << 16 | (near(box.window_w) & 0xffff))) {
    ptx::keep(extents_);
    ptx::keep(window_);
  }
  __device__ __forceinline__ InvertedBox unpacked() const {
    const auto extents = static_cast<unsigned int>(ptx::recomputed(static_cast<int>(extents_)));
    const int window = ptx::recomputed(static_cast<int>(window_));
    return {static_cast<int>(extents & 0xff),
            static_cast<int>(extents >> 8 & 0xff),
            static_cast<int>(extents >> 16 & 0xff),
            static_cast<int>(extents >> 24),
            window >> 16,
            static_cast<int>(static_cast<short>(window))};
  }

 private:
  static constexpr int kFar =
      1 << 14;  // from there no window of a tile reaches back into the image
  static __device__ __forceinline__ int near(int window) { return max(window, -kFar); }
  static_assert(InvertedWindow{5, 2}.reach(InvertedTile::kPixels, kFar) <= 0xff);

  std::uint32_t extents_, window_;
};

}  // namespace foldconv
