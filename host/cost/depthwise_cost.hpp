// SPDX-License-Identifier: MIT
// What the depthwise kernel costs: kernels/simt/depthwise.cuh.
#pragma once

#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "tile/depthwise_tile.hpp"

namespace foldconv::host {

// `problem` passed validate(), and the kernel takes it. `resident`: CTAs that an SM runs at a time.
LaunchCost depthwise_cost(const DepthwiseTile& tile, const ConvProblem& problem, int resident);

}  // namespace foldconv::host
