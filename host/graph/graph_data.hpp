// SPDX-License-Identifier: MIT
// What a Graph holds: values, and the nodes that make them. The same form before and after fusion.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/internals.hpp"
#include "foldconv/graph.hpp"
#include "foldconv/graph_node.hpp"
#include "graph/extent_table.hpp"

namespace foldconv {

struct Constant::Data {
  Extents extents;
  std::vector<float> kept;
  std::span<const float> values;
  std::shared_ptr<const void> owner;
};

namespace host {

struct GraphValue {
  std::string name;
  SymbolicExtents extents;
  int node;  // that makes it; -1: none any more
};

}  // namespace host

struct Graph::Data {
  std::vector<host::GraphValue> values;
  std::vector<GraphNode> nodes;  // each behind those that make its inputs
  std::vector<int> inputs;       // values
  std::vector<GraphOutput> outputs;
  host::ExtentTable table;
  std::map<std::string, int, std::less<>> names;
  std::string origin;
  Status status;
};

namespace host {

using GraphData = DataOf<Graph>;

// Leaves the nodes that are to be kept; values of the others are no tensors any more, and their names are free.
void keep_nodes(GraphData& graph, const std::vector<bool>& keep);

// "conv1 (node "Conv_3" (Conv, opset 13))": how messages name a node.
std::string describe(const GraphData& graph, const GraphNode& node);

template <class Op>
const Op* as(const GraphNode& node) {
  return std::get_if<Op>(&node.operation);
}

}  // namespace host
}  // namespace foldconv
