// SPDX-License-Identifier: MIT
// What a gate costs the 1x1 that multiplies by it: kernels/sm80/conv_gated.cuh.
#pragma once

#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv::host {

// Adds copies and reads of gates to what the 1x1 costs; its compulsory bytes are in `cost`.
void add_gates(const ConvTile& tile, const ConvProblem& problem, LaunchCost& cost);

}  // namespace foldconv::host
