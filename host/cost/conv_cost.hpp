// SPDX-License-Identifier: MIT
// What single convolutions cost: kernels/sm80/conv*.cuh, by each of the loaders; kernels/simt/direct.cuh.
#pragma once

#include <cstdint>

#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv::host {

// `problem` passed validate(), and the kernel takes it. `resident`: CTAs that an SM runs at a time.
LaunchCost conv_cost(const ConvTile& tile, ConvLoader loader, const ConvProblem& problem,
                     int resident);

// Pixels of x that CTAs read for a slice of channels and a tile of channels, halos and all, where taps come from shared
// memory (stage/sm80/halo_copies.cuh).
double halo_pixel_reads(const ConvTile& tile, const ConvProblem& problem);

// The joined loader: `problem`, a 1x1, and `side` as further slices of its K.
LaunchCost joined_cost(const ConvTile& tile, const ConvProblem& problem, const ConvProblem& side,
                       int resident);

// Without tensor cores, by `ctas` CTAs. What its threads ask of caches is left out.
LaunchCost direct_cost(const ConvProblem& problem, std::uint32_t ctas, int resident);

}  // namespace foldconv::host
