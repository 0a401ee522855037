// SPDX-License-Identifier: MIT
// From the handles that a program holds to graphs, nodes and executables. A graph is not locked: as
// in CUDA, the program must not change it from two threads at once.
#pragma once

#include "api.hpp"
#include "graph.hpp"

namespace cuemu::runtime {

// nullptr when there is no such graph, or it has been destroyed.
Graph* find_graph(cudaGraph_t handle);

// The same for a node of any living graph.
GraphNode* find_node(cudaGraphNode_t handle);

// Created and not destroyed.
size_t live_graphs();
size_t live_graph_executables();

template <typename Body>
cudaError_t with_graph(cudaGraph_t handle, Body&& body) {
  return api_call([&] {
    Graph* const graph = find_graph(handle);
    return graph != nullptr ? body(*graph) : cudaErrorInvalidValue;
  });
}

template <typename Body>
cudaError_t with_node(cudaGraphNode_t handle, Body&& body) {
  return api_call([&] {
    GraphNode* const node = find_node(handle);
    return node != nullptr ? body(*node) : cudaErrorInvalidValue;
  });
}

// Writes nodes the way CUDA's queries do: as many as there is room for, zeros after them; with no
// room to write to, only their number.
cudaError_t list_nodes(const std::vector<GraphNode*>& nodes, cudaGraphNode_t* out, size_t* count);

}  // namespace cuemu::runtime
