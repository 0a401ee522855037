// SPDX-License-Identifier: MIT
// Which part of y a CTA of a convolution kernel computes. Channel tiles, over all groups, run fastest.
#pragma once

#include "params/conv_params.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv {

struct OutputPlace {
  int m_begin;  // first pixel, over all images
  int group;
  int n_begin;  // first channel, in the group

  // Of the running CTA.
  template <ConvTile T>
  static __device__ __forceinline__ OutputPlace of_cta(const ConvParams& p) {
    const int m_tile = static_cast<int>(p.n_tiles.quotient(blockIdx.x));
    const int n_tile_all = static_cast<int>(p.n_tiles.remainder(blockIdx.x, m_tile));
    const int group = static_cast<int>(p.n_tiles_per_group.quotient(n_tile_all));
    const int n_tile = static_cast<int>(p.n_tiles_per_group.remainder(n_tile_all, group));
    return {m_tile * T.block_m, group, n_tile * T.block_n};
  }
};

}  // namespace foldconv
