// SPDX-License-Identifier: MIT
// What a stem costs: kernels/sm80/stem.cuh.
#pragma once

#include "foldconv/cost.hpp"
#include "stem/stem.hpp"
#include "tile/stem_tile.hpp"

namespace foldconv::host {

// The kernel takes the problem, by `ctas` CTAs, which share the tiles evenly.
LaunchCost stem_cost(const StemTile& tile, const StemProblem& problem, double ctas, int resident);

}  // namespace foldconv::host
