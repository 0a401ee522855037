// SPDX-License-Identifier: MIT
// Graphs with weights that do not matter, and what is left of them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include "foldconv/graph_node.hpp"
#include "foldconv/network.hpp"

namespace foldconv::test {

inline Constant filled(Extents extents, float value) {
  std::int64_t count = 1;
  for (const std::int64_t d : extents) count *= d;
  return Constant(std::move(extents), std::vector<float>(static_cast<std::size_t>(count), value));
}

// Builders with weights that do not matter.
struct Builder {
  Graph graph;

  Value conv(Value x, int k, int r = 1, int stride = 1, int groups = 1) {
    const auto c = graph.extents(x)[1];
    return graph.conv(x, {.weights = filled({k, c / groups, r, r}, 0.5f),
                          .stride = {stride, stride},
                          .pad = Padding::same(r / 2),
                          .groups = groups});
  }
  Value norm(Value x) {
    const auto c = graph.extents(x)[1];
    return graph.batch_norm(x, {.gamma = filled({c}, 2),
                                .beta = filled({c}, 1),
                                .mean = filled({c}, 0.5f),
                                .variance = filled({c}, 4),
                                .eps = Epsilon(0)});
  }
  Value relu(Value x) { return graph.activate(x, Activation::relu); }
  Value layer(Value x, int k, int r = 1, int stride = 1) {
    return relu(norm(conv(x, k, r, stride)));
  }
  Value image() { return graph.input("image", {kOpen, 8, kOpen, kOpen}); }
  Value number(float value) { return graph.constant(filled({}, value)); }

  Graph fused(Value y, const NetworkOptions& options = {}) {
    graph.output(y, "y");
    Result<Graph> result = foldconv::fused(graph, options);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? *result : Graph();
  }
};

inline Value bottleneck(Builder& b, Value x, int middle, int k, int stride = 1,
                        bool first_stride = false) {
  const bool projected = stride != 1 || b.graph.extents(x)[1] != k;
  const Value t1 = b.layer(x, middle, 1, first_stride ? stride : 1);
  const Value t2 = b.layer(t1, middle, 3, first_stride ? 1 : stride);
  const Value t3 = b.norm(b.conv(t2, k));
  const Value shortcut = projected ? b.norm(b.conv(x, k, 1, stride)) : x;
  return b.relu(b.graph.add(t3, shortcut));
}

// The graph's one operation of that kind.
template <class Op>
const Op& only(const Graph& graph) {
  const Op* found = nullptr;
  for (const GraphNode& node : graph.nodes()) {
    if (const auto* op = std::get_if<Op>(&node.operation)) {
      EXPECT_EQ(found, nullptr) << graph.to_string();
      found = op;
    }
  }
  if (found == nullptr) throw std::runtime_error("no such operation in\n" + graph.to_string());
  return *found;
}
// But for inputs.
inline int operations(const Graph& graph) {
  int count = 0;
  for (const GraphNode& node : graph.nodes())
    count += !std::holds_alternative<op::Input>(node.operation);
  return count;
}

}  // namespace foldconv::test
