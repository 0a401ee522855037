// SPDX-License-Identifier: MIT
// The depthwise kernel (kernels/simt/depthwise.cuh): what it takes, its launch.
#pragma once

#include <string>

#include "catalog/launch.hpp"
#include "cost/depthwise_cut.hpp"
#include "foldconv/conv.hpp"
#include "params/conv_params.hpp"
#include "tile/depthwise_tile.hpp"

namespace foldconv::host {

// "" if it takes such a problem of its data type, whatever the size; else the rule that fails, and the nearest legal value.
std::string depthwise_rule(const DepthwiseTile& tile, const ConvProblem& problem);

// The rule on 32-bit indices: CTAs.
std::string depthwise_size_rule(const DepthwiseTile& tile, const ConvProblem& problem);

LaunchShape depthwise_launch_shape(const DepthwiseTile& tile, const DepthwiseCut& cut,
                                   const ConvProblem& problem);
LaunchShape depthwise_launch_shape(const DepthwiseTile& tile, const ConvProblem& problem);

// With all pointers null.
DepthwiseParams depthwise_params(const DepthwiseCut& cut, const ConvProblem& problem);
DepthwiseParams depthwise_params(const DepthwiseTile& tile, const ConvProblem& problem);

}  // namespace foldconv::host
