// SPDX-License-Identifier: MIT
// What a convolution of narrow groups costs: kernels/sm80/conv_grouped.cuh.
#pragma once

#include <cstdint>

#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"
#include "params/grouped_params.hpp"
#include "tile/grouped_tile.hpp"

namespace foldconv::host {

// `problem` passed validate(), and the kernel takes it; `params`: of its launch. By `ctas` CTAs, of which an SM runs
// `resident` at a time.
LaunchCost grouped_cost(const GroupedTile& tile, const ConvProblem& problem,
                        const GroupedParams& params, std::uint32_t ctas, int resident);

}  // namespace foldconv::host
