// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "network/passes.hpp"
#include "network/rewriter.hpp"

namespace foldconv::host {
namespace {

bool in_order(const std::vector<int>& order) {
  return std::ranges::is_sorted(order);
}

// The order of two transposes, one behind the other.
std::vector<int> composed(const std::vector<int>& first, const std::vector<int>& second) {
  std::vector<int> order;
  order.reserve(second.size());
  for (const int axis : second) order.push_back(first[static_cast<std::size_t>(axis)]);
  return order;
}

// Whether the node does nothing to its input.
bool is_copy(Rewriter& rewriter, const GraphNode& node) {
  if (as<op::Identity>(node)) return true;
  if (const auto* activate = as<op::Activate>(node))
    return activate->activation == Activation::none;
  if (const auto* transpose = as<op::Transpose>(node)) return in_order(transpose->order);
  if (as<op::Reshape>(node))
    return rewriter.extents(node.inputs[0]) == rewriter.extents(node.output);
  if (as<op::Concat>(node)) return node.inputs.size() == 1;
  // Of a slice and a padding that leave all as it is, equal extents tell.
  if (const auto* slice = as<op::Slice>(node))
    return slice->step == 1 && rewriter.extents(node.inputs[0]) == rewriter.extents(node.output);
  if (const auto* pad = as<op::Pad>(node)) {
    const auto nothing = [](std::int64_t size) { return size == 0; };
    return std::ranges::all_of(pad->before, nothing) && std::ranges::all_of(pad->behind, nothing);
  }
  return false;
}

// Nodes that an output needs.
std::vector<bool> needed(const GraphData& graph) {
  std::vector<bool> values(graph.values.size()), nodes(graph.nodes.size());
  for (const GraphOutput& output : graph.outputs)
    values[static_cast<std::size_t>(output.value)] = true;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const GraphNode& node = graph.nodes[i];
    nodes[i] = values[static_cast<std::size_t>(node.output)] || as<op::Input>(node);
    if (!nodes[i]) continue;
    for (const int input : node.inputs) values[static_cast<std::size_t>(input)] = true;
  }
  return nodes;
}

int drop_unneeded(GraphData& graph) {
  const std::vector<bool> keep = needed(graph);
  keep_nodes(graph, keep);
  return static_cast<int>(std::ranges::count(keep, false));
}

// Every value's source behind copies, in one walk.
int bypass_copies(GraphData& graph) {
  std::vector<int> source(graph.values.size());
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<int>(i);
  const auto behind = [&](int& value) { value = source[static_cast<std::size_t>(value)]; };
  Rewriter rewriter(graph);
  int bypassed = 0;
  for (GraphNode& node : graph.nodes) {
    for (int& input : node.inputs) behind(input);
    if (!is_copy(rewriter, node)) continue;
    source[static_cast<std::size_t>(node.output)] = node.inputs[0];
    ++bypassed;
  }
  for (GraphOutput& output : graph.outputs) behind(output.value);
  for (auto& [name, value] : graph.names) behind(value);
  return bypassed;
}

}  // namespace

void clean_pass(GraphData& graph, Remarks& remarks) {
  Rewriter rewriter(graph);
  int joined = 0;
  for (std::size_t i = 0; i < rewriter.nodes(); ++i) {
    GraphNode& node = rewriter.node(i);
    if (const auto* transpose = as<op::Transpose>(node)) {
      const int x = node.inputs[0];
      if (const auto* before = as<op::Transpose>(rewriter.producer(x))) {
        rewriter.replace(i, op::Transpose{composed(before->order, transpose->order)},
                         {rewriter.producer(x).inputs[0]});
        ++joined;
      } else if (const auto* input = rewriter.sole_producer<op::Input>(x);
                 input && !input->channels_last && transpose->order == std::vector{0, 3, 1, 2}) {
        const int index = input->index;
        rewriter.replace(i, op::Input{index, true}, {});
        graph.inputs[static_cast<std::size_t>(index)] = node.output;
        rewriter.drop(rewriter.producer_index(x));
        // It is the input, so it has the input's name.
        GraphValue& input_value = graph.values[static_cast<std::size_t>(x)];
        std::swap(input_value.name, graph.values[static_cast<std::size_t>(node.output)].name);
        for (auto& [name, value] : graph.names) {
          if (value == x) value = node.output;
        }
        remarks.push_back(
            {"layout", text("input ", index, " is n, h, w, c: its transpose is read, not run")});
      }
    } else if (as<op::Reshape>(node) && as<op::Reshape>(rewriter.producer(node.inputs[0]))) {
      rewriter.replace(i, op::Reshape{}, {rewriter.producer(node.inputs[0]).inputs[0]});
      ++joined;
    }
  }
  rewriter.compact();
  const int copies = bypass_copies(graph);
  const int dropped = drop_unneeded(graph);
  if (joined + dropped > 0) {
    remarks.push_back({"clean", text(dropped, " operations dropped: ", copies,
                                     " compute nothing, nothing reads the others")});
  }
}

}  // namespace foldconv::host
