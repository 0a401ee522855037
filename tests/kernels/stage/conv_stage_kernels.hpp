// SPDX-License-Identifier: MIT
// Kernels of the stages around conv_sm80's product: x's loaders, the output tile.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv::stage_tests {

// y[k_block] = the stage that the loader fills for the pixels from m_begin on, as it lies in shared
// memory: 64 rows of 128 bytes. f16 as bits, one CTA.
inline constexpr int kLoaderRows = 64;
struct LoaderParams {
  ConvParams conv;
  std::uint16_t* y;
  int m_begin, group;
};
void launch_loader(const LoaderParams& params, ConvLoader loader);

// y[m, k] = residual[m, k] + row * 131 + column, as 16-bit integers, through an output tile that begins
// at m_begin and n_begin of the group; row and column count from there. One CTA.
inline constexpr ConvTile kOutputTiles[] = {
    {64, 64, 2, 2, 4}, {256, 128, 4, 2, 3}, {32, 32, 1, 2, 6}, {32, 16, 2, 1, 8}};
struct OutputParams {
  ConvParams conv;
  int m_begin, n_begin, group;
};
void launch_output(const OutputParams& params, int tile);  // an index of kOutputTiles

}  // namespace foldconv::stage_tests
