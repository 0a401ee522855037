// SPDX-License-Identifier: MIT
// What a whole block costs: kernels/sm80/block_whole.cuh.
#pragma once

#include "foldconv/cost.hpp"
#include "foldconv/tensor.hpp"
#include "tile/whole_tile.hpp"

namespace foldconv::host {

// x: the block's input; y has k channels; the middle tensors have kSliceWidth. By `ctas` CTAs, which share the tiles evenly,
// one an SM.
LaunchCost whole_cost(const WholeTile& tile, const Shape& x, int k, double ctas);

}  // namespace foldconv::host
