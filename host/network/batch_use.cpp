// SPDX-License-Identifier: MIT
#include "network/batch_use.hpp"

#include <algorithm>

namespace foldconv::host {
namespace {

// Whether a node leaves images apart that its operands have apart.
class KeepsImages {
 public:
  KeepsImages(const GraphData& graph, const GraphNode& node, const std::vector<BatchUse>& uses)
      : graph_(graph), node_(node), uses_(uses) {}

  bool operator()(const op::Binary&) const {
    const std::size_t rank = extents(node_.output).size();
    return std::ranges::all_of(node_.inputs, [&](int input) {
      const bool has_first = extents(input).size() == rank;
      // Several rows of what is no image would set how many images there are.
      return is_images(input) ? has_first : !has_first || extents(input)[0] == 1;
    });
  }
  bool operator()(const op::Linear&) const { return extents(node_.output).size() > 1; }
  bool operator()(const op::Softmax& op) const { return op.axis != 0; }
  bool operator()(const op::Concat& op) const {
    return op.axis != 0 && std::ranges::all_of(node_.inputs, [&](int i) { return is_images(i); });
  }
  bool operator()(const op::Slice& op) const { return op.axis != 0; }
  bool operator()(const op::Pad& op) const { return op.before[0] == 0 && op.behind[0] == 0; }
  bool operator()(const op::Reshape&) const {
    const SymbolicExtents& y = extents(node_.output);
    return !y.empty() && y[0] == extents(node_.inputs[0])[0];
  }
  bool operator()(const op::Transpose& op) const { return op.order[0] == 0; }
  template <class Op>
  bool operator()(const Op&) const {
    return true;
  }

 private:
  bool is_images(int value) const {
    return uses_[static_cast<std::size_t>(value)] == BatchUse::images;
  }
  const SymbolicExtents& extents(int value) const {
    return graph_.values[static_cast<std::size_t>(value)].extents;
  }

  const GraphData& graph_;
  const GraphNode& node_;
  const std::vector<BatchUse>& uses_;
};

BatchUse use_of(const GraphData& graph, const GraphNode& node, const std::vector<BatchUse>& uses) {
  if (as<op::Input>(node)) {
    const SymbolicExtents& extents = graph.values[static_cast<std::size_t>(node.output)].extents;
    return !extents.empty() && extents[0] < 0 ? BatchUse::images : BatchUse::none;
  }
  BatchUse most = BatchUse::none;
  for (const int input : node.inputs) most = std::max(most, uses[static_cast<std::size_t>(input)]);
  if (most != BatchUse::images) return most;
  return std::visit(KeepsImages(graph, node, uses), node.operation) ? BatchUse::images
                                                                    : BatchUse::mixed;
}

}  // namespace

std::vector<BatchUse> batch_uses(const GraphData& graph) {
  std::vector<BatchUse> uses(graph.values.size(), BatchUse::none);
  for (const GraphNode& node : graph.nodes)
    uses[static_cast<std::size_t>(node.output)] = use_of(graph, node, uses);
  return uses;
}

}  // namespace foldconv::host
