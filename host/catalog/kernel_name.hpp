// SPDX-License-Identifier: MIT
// Kernels' names, spelled from what catalog.inc says of them, while compiling.
#pragma once

#include <cstddef>
#include <string_view>

#include "tile/conv_tile.hpp"
#include "tile/depthwise_tile.hpp"
#include "tile/grouped_tile.hpp"
#include "tile/inverted_tile.hpp"
#include "tile/sm90_tile.hpp"
#include "tile/stem_tile.hpp"
#include "tile/tail_tile.hpp"
#include "tile/whole_tile.hpp"

namespace foldconv::host {

// Pieces joined by "_".
class KernelName {
 public:
  constexpr KernelName& part(std::string_view piece) {
    if (length_ > 0) text_[length_++] = '_';
    append(piece);
    return *this;
  }
  // "128x64x64"
  template <class... Numbers>
  constexpr KernelName& sizes(int first, Numbers... others) {
    part("");
    append(first);
    (append("x").append(others), ...);
    return *this;
  }
  constexpr KernelName& stages(int count) {
    part("st");
    append(count);
    return *this;
  }
  constexpr const char* c_str() const { return text_; }

 private:
  constexpr KernelName& append(std::string_view piece) {
    for (const char letter : piece) text_[length_++] = letter;
    return *this;
  }
  constexpr KernelName& append(int number) {
    if (number >= 10) append(number / 10);
    text_[length_++] = static_cast<char>('0' + number % 10);
    return *this;
  }

  std::size_t length_ = 0;
  char text_[64] = {};  // a longer name does not compile
};

using Piece = std::string_view;

constexpr KernelName conv_name(Piece loader, Piece dtype, const ConvTile& tile, Piece arch) {
  return KernelName()
      .part("conv")
      .part(loader)
      .part(dtype)
      .sizes(tile.block_m, tile.block_n, tile.kBlockK)
      .stages(tile.stages)
      .part(arch);
}

constexpr KernelName grouped_name(Piece dtype, const GroupedTile& tile, Piece arch) {
  KernelName name;
  name.part("conv_grouped").part(dtype).sizes(tile.groups, tile.fragments_n * 8);
  if (tile.granule < 8) name.part("quads");
  return name.part(arch);
}

constexpr KernelName sm90_name(Piece dtype, const Sm90Tile& tile) {
  return KernelName()
      .part("conv_wgmma")
      .part(dtype)
      .sizes(tile.block_m, tile.block_n, kSliceWidth)
      .stages(tile.stages)
      .part("sm90");
}

constexpr KernelName tail_name(Piece dtype, const TailTile& tile, Piece arch) {
  return KernelName()
      .part("block_tail")
      .part(dtype)
      .sizes(tile.conv2.block_m, tile.conv2.block_n)
      .stages(tile.conv2.stages)
      .part(arch);
}

constexpr KernelName whole_name(Piece dtype, const WholeTile& tile, Piece arch) {
  KernelName name;
  name.part("block_whole").part(dtype).sizes(tile.tile_h, tile.kTileW).stages(tile.stages);
  if (tile.resident) name.part("resident");
  if (tile.projection) name.part("projection");
  return name.part(arch);
}

constexpr KernelName stem_name(Piece dtype, const StemTile& tile, Piece arch) {
  return KernelName()
      .part("stem")
      .part(dtype)
      .sizes(tile.filter, tile.filter, tile.block_n)
      .part(arch);
}

constexpr KernelName inverted_name(Piece dtype, const InvertedTile& tile, Piece arch) {
  return KernelName()
      .part("block_inverted")
      .part(dtype)
      .sizes(tile.kPixels, tile.most_channels())
      .part(arch);
}

constexpr KernelName depthwise_name(Piece dtype, const DepthwiseTile& tile, Piece arch) {
  return KernelName().part("depthwise").part(dtype).sizes(tile.filter, tile.filter).part(arch);
}

// "direct", "add", ...
constexpr KernelName simple_name(Piece what, Piece dtype, Piece arch) {
  return KernelName().part(what).part(dtype).part(arch);
}

// Where the name that `make` makes is kept: kKernelName<[] { return ...; }>.c_str()
template <auto make>
inline constexpr KernelName kKernelName = make();

}  // namespace foldconv::host
