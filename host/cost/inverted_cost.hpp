// SPDX-License-Identifier: MIT
// What an inverted block costs: kernels/sm80/block_inverted.cuh.
#pragma once

#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "tile/inverted_tile.hpp"

namespace foldconv::host {

struct InvertedConvs {
  const ConvProblem* expand;  // null: none
  ConvProblem depthwise, project;
};

// By `ctas` CTAs, of which an SM runs `resident` at a time, each tile of this shape.
LaunchCost inverted_cost(const InvertedTile& tile, InvertedShape shape, const InvertedConvs& convs,
                         int resident, double ctas);

}  // namespace foldconv::host
