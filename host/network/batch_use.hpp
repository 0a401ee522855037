// SPDX-License-Identifier: MIT
// How tensors depend on the images of a run: what a run of fewer than a plan's n may leave out.
#pragma once

#include <vector>

#include "graph/graph_data.hpp"

namespace foldconv::host {

enum class BatchUse {
  none,    // not at all
  images,  // its first extent is the batch, and image i of it depends on image i of the inputs alone
  mixed,   // in another way
};

// Of each value. The batch is the first extent of inputs that leave it open.
std::vector<BatchUse> batch_uses(const GraphData& graph);

}  // namespace foldconv::host
