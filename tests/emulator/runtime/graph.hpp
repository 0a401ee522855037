// SPDX-License-Identifier: MIT
// Graphs: operations and what each has to wait for.
#pragma once

#include <memory>
#include <vector>

#include "operations.hpp"

namespace cuemu::runtime {

struct Graph;

// cudaGraphNode_t points to one.
struct GraphNode {
  Graph* graph = nullptr;
  Operation operation;
  std::vector<GraphNode*> dependencies;
};

// cudaGraph_t points to one.
struct Graph {
  std::vector<std::unique_ptr<GraphNode>> nodes;

  GraphNode* add(Operation operation, std::vector<GraphNode*> dependencies);
};

// Empty when the dependencies form a cycle.
std::shared_ptr<const Program> order_operations(const Graph& graph);

// Hands a captured graph over to the program, which destroys it with cudaGraphDestroy.
cudaGraph_t publish_graph(std::unique_ptr<Graph> graph);

}  // namespace cuemu::runtime
