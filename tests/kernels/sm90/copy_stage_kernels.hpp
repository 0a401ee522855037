// SPDX-License-Identifier: MIT
// conv_sm90's copies without its products.
#pragma once

#include <cstdint>

#include "params/conv_sm90_params.hpp"
#include "tile/sm90_tile.hpp"

namespace foldconv::stage_tests {

// All stages of the tile of each unit, as they lie in shared memory: y[tile][block of K][stage], the tiles of a
// cluster one after the other.
inline constexpr Sm90Tile kCopiedTile = {128, 128, 1, Teamwork::together, 3};
void launch_copies(const ConvSm90Params& params, int clusters, std::uint16_t* y);

}  // namespace foldconv::stage_tests
