// SPDX-License-Identifier: MIT
// The tiles of tiles.inc as types, so that they can be arguments of a kernel template:
// tiles::k128x64::value. Host code includes this; the compiled kernels get just their own tiles.
#pragma once

#include "tile/conv_tile.hpp"
#include "tile/depthwise_tile.hpp"
#include "tile/grouped_tile.hpp"
#include "tile/inverted_tile.hpp"
#include "tile/sm90_tile.hpp"
#include "tile/stem_tile.hpp"
#include "tile/tail_tile.hpp"
#include "tile/whole_tile.hpp"

namespace foldconv::tiles {

#define CONV_TILE(name, ...)                         \
  struct name {                                      \
    static constexpr ConvTile value = {__VA_ARGS__}; \
  };
#define TAIL_TILE(name, ...)                           \
  struct name {                                        \
    static constexpr TailTile value = {{__VA_ARGS__}}; \
  };
#define WHOLE_TILE(name, ...)                         \
  struct name {                                       \
    static constexpr WholeTile value = {__VA_ARGS__}; \
  };
#define STEM_TILE(name, ...)                         \
  struct name {                                      \
    static constexpr StemTile value = {__VA_ARGS__}; \
  };
#define INVERTED_TILE(name, ...)                         \
  struct name {                                          \
    static constexpr InvertedTile value = {__VA_ARGS__}; \
  };
#define DEPTHWISE_TILE(name, ...)                         \
  struct name {                                           \
    static constexpr DepthwiseTile value = {__VA_ARGS__}; \
  };
#define WGMMA_TILE(name, ...)                        \
  struct name {                                      \
    static constexpr Sm90Tile value = {__VA_ARGS__}; \
  };
#define GROUPED_TILE(name, ...)                         \
  struct name {                                         \
    static constexpr GroupedTile value = {__VA_ARGS__}; \
  };
#include "tile/tiles.inc"

}  // namespace foldconv::tiles
