// SPDX-License-Identifier: MIT
// The extents of a network's inputs, of the model and the options of a plan.
#pragma once

#include <vector>

#include "foldconv/network.hpp"
#include "graph/graph_data.hpp"

namespace foldconv::host {

// In the model's order. Errors: invalid_argument: an extent that stays open, or that the model has otherwise.
Result<std::vector<Extents>> input_extents(const GraphData& graph,
                                           const NetworkPlanOptions& options);

// Of an input n, c, h, w, whose model has it as n, h, w, c.
Extents channels_first(const Extents& extents);

}  // namespace foldconv::host
