// SPDX-License-Identifier: MIT
// Which part of which image a tile of a spatial kernel covers.
#pragma once

#include "tile/fast_division.hpp"

namespace foldconv {

struct TilePlace {
  int image, h, w;  // of the tile's upper left pixel

  __device__ __forceinline__ TilePlace(int tile, int tile_h, int tile_w,
                                       const FastDivision& tiles_per_image,
                                       const FastDivision& tile_columns) {
    image = static_cast<int>(tiles_per_image.quotient(tile));
    const int in_image = static_cast<int>(tiles_per_image.remainder(tile, image));
    const int row = static_cast<int>(tile_columns.quotient(in_image));
    h = row * tile_h;
    w = static_cast<int>(tile_columns.remainder(in_image, row)) * tile_w;
  }
};

// Whether (h, w) is a pixel of an image of the given size; one comparison a side.
__device__ __forceinline__ bool inside_image(int h, int w, int height, int width) {
  return static_cast<unsigned int>(h) < static_cast<unsigned int>(height) &&
         static_cast<unsigned int>(w) < static_cast<unsigned int>(width);
}

}  // namespace foldconv
