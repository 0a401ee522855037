// SPDX-License-Identifier: MIT
// What a graph computes, operation by operation in fp64. Nothing is folded or fused, and nothing is shared with the
// library but the graph's description.
#pragma once

#include <vector>

#include "foldconv/graph.hpp"

namespace foldconv::harness {

// A tensor in the model's order, row-major.
struct Numbers {
  Extents extents;
  std::vector<double> values;
};

// The tensors of `graph`, each at its value's id, for such inputs. Reshapes must have known extents. Throws Error where
// extents do not fit, and for operations that only fusion makes.
std::vector<Numbers> interpret(const Graph& graph, const std::vector<Numbers>& inputs);

}  // namespace foldconv::harness
