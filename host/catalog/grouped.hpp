// SPDX-License-Identifier: MIT
// The kernel of narrow groups (kernels/sm80/conv_grouped.cuh): what it takes, and the arguments of its launch.
#pragma once

#include <cstdint>
#include <string>

#include "base/device.hpp"
#include "catalog/launch.hpp"
#include "foldconv/conv.hpp"
#include "params/grouped_params.hpp"
#include "tile/grouped_tile.hpp"

namespace foldconv::host {

// "", or the rule that the layer fails, whatever its images are.
std::string grouped_form_rule(const GroupedTile& tile, const ConvProblem& problem);

// Whether the pixels of a tile fit. By the layer alone, too.
std::string grouped_shared_memory_rule(const GroupedTile& tile, const ConvProblem& problem,
                                       const DeviceFigures& device);

// "" unless there are too many tiles, or weights.
std::string grouped_size_rule(const ConvProblem& problem);

LaunchShape grouped_launch_shape(const GroupedTile& tile, const ConvProblem& problem,
                                 const DeviceFigures& device);

// Parameters with all pointers null. The problem passed the rules.
GroupedParams grouped_params(const GroupedTile& tile, const ConvProblem& problem);

}  // namespace foldconv::host
