// SPDX-License-Identifier: MIT
#include "graph.hpp"

#include <algorithm>
#include <unordered_map>

namespace cuemu::runtime {

GraphNode* Graph::add(Operation operation, std::vector<GraphNode*> dependencies) {
  nodes.push_back(std::make_unique<GraphNode>(GraphNode{
      .graph = this, .operation = std::move(operation), .dependencies = std::move(dependencies)}));
  return nodes.back().get();
}

// Among the nodes that could come next it takes the one added first, so that a captured graph keeps
// the order of its calls.
std::shared_ptr<const Program> order_operations(const Graph& graph) {
  auto program = std::make_shared<Program>();
  std::unordered_map<const GraphNode*, bool> done;
  while (program->operations.size() < graph.nodes.size()) {
    const size_t before = program->operations.size();
    for (const auto& node : graph.nodes) {
      const bool ready = !done[node.get()] &&
                         std::ranges::all_of(node->dependencies,
                                             [&](const GraphNode* other) { return done[other]; });
      if (!ready) continue;
      done[node.get()] = true;
      program->operations.push_back(node->operation);
    }
    if (program->operations.size() == before) return nullptr;
  }
  return program;
}

}  // namespace cuemu::runtime
