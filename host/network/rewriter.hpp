// SPDX-License-Identifier: MIT
// What passes over a graph stand on: who uses a value, and putting one node in the place of two.
#pragma once

#include <utility>
#include <vector>

#include "graph/graph_data.hpp"

namespace foldconv::host {

class Rewriter {
 public:
  explicit Rewriter(GraphData& graph) : graph_(graph), uses_(graph.values.size(), 0) {
    for (const GraphNode& node : graph.nodes) count(node.inputs, 1);
    for (const GraphOutput& output : graph.outputs) ++uses(output.value);
    dead_.resize(graph.nodes.size());
  }

  std::size_t nodes() const { return graph_.nodes.size(); }
  GraphNode& node(std::size_t index) { return graph_.nodes[index]; }
  bool dead(std::size_t index) const { return dead_[index]; }
  const SymbolicExtents& extents(int value) const {
    return graph_.values[static_cast<std::size_t>(value)].extents;
  }

  std::size_t producer_index(int value) const {
    return static_cast<std::size_t>(graph_.values[static_cast<std::size_t>(value)].node);
  }
  GraphNode& producer(int value) { return graph_.nodes[producer_index(value)]; }
  // The operation that makes `value`, if it is an Op and nothing else reads it.
  template <class Op>
  Op* sole_producer(int value) {
    return used_once(value) ? std::get_if<Op>(&producer(value).operation) : nullptr;
  }
  bool used_once(int value) const { return uses_[static_cast<std::size_t>(value)] == 1; }
  // The constant that `value` is, or null.
  const Constant* known(int value) {
    const auto* known = std::get_if<op::Known>(&producer(value).operation);
    return known ? &known->values : nullptr;
  }

  // The node becomes `operation` on `inputs`; nodes whose values nothing reads any more go.
  void replace(std::size_t index, Operation operation, std::vector<int> inputs) {
    GraphNode& at = node(index);
    count(inputs, 1);
    const std::vector<int> before = std::exchange(at.inputs, std::move(inputs));
    at.operation = std::move(operation);
    release(before);
  }

  // The node goes, whose value nothing reads.
  void drop(std::size_t index) {
    if (dead_[index]) return;
    dead_[index] = true;
    release(node(index).inputs);
  }

  // Leaves out what nothing reads, but for inputs.
  void compact() {
    std::vector<bool> keep = dead_;
    keep.flip();
    keep_nodes(graph_, keep);
  }

 private:
  int& uses(int value) { return uses_[static_cast<std::size_t>(value)]; }
  void count(const std::vector<int>& values, int by) {
    for (const int value : values) uses(value) += by;
  }
  void release(std::vector<int> values) {
    while (!values.empty()) {
      const int value = values.back();
      values.pop_back();
      if (--uses(value) > 0 || dead_[producer_index(value)]) continue;
      if (std::holds_alternative<op::Input>(producer(value).operation)) continue;
      dead_[producer_index(value)] = true;
      const std::vector<int>& inputs = producer(value).inputs;
      values.insert(values.end(), inputs.begin(), inputs.end());
    }
  }
  GraphData& graph_;
  std::vector<int> uses_;  // of each value
  std::vector<bool> dead_;
};

}  // namespace foldconv::host
