// SPDX-License-Identifier: MIT
// Which squeeze-and-excite products become the 1x1's that reads them, and which
// stay.
#include <gtest/gtest.h>

#include <string>

#include "foldconv/graph_node.hpp"
#include "foldconv/network.hpp"

namespace foldconv::test {
namespace {

struct Gates {
  int gates = 0, gated = 0, products = 0, pools = 0, convs = 0;
};
Gates count(const Graph& graph) {
  Gates all;
  for (const GraphNode& node : graph.nodes()) {
    const auto* conv = std::get_if<op::Conv>(&node.operation);
    all.gates += std::holds_alternative<op::Gate>(node.operation);
    all.products += std::holds_alternative<op::Binary>(node.operation);
    all.pools += std::holds_alternative<op::GlobalPool>(node.operation);
    all.convs += conv != nullptr;
    all.gated += conv != nullptr && conv->gated;
  }
  return all;
}

// A tensor with gates and what reads their product.
struct Squeezed {
  Graph graph;
  int c = 16;

  Value conv(Value x, int k, const ConvNode& of = {}) {
    const std::int64_t width = graph.extents(x)[1] / of.groups;
    ConvNode node = of;
    node.weights =
        Constant({k, width, 1, 1}, std::vector<float>(static_cast<std::size_t>(k * width), 0.5f));
    return graph.conv(x, node);
  }
  Value image() { return conv(graph.input("image", {kOpen, 8, kOpen, kOpen}), c); }
  Value gate(Value x, int outputs) {
    const Value hidden =
        graph.activate(conv(graph.global_pool(x, PoolKind::average), 4), Activation::relu);
    return graph.activate(conv(hidden, outputs), Activation::sigmoid);
  }
  Gates fused(Value y, const NetworkOptions& options = {}) {
    graph.output(y, "y");
    const Result<Graph> result = foldconv::fused(graph, options);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? count(*result) : Gates();
  }
};

TEST(GatePass, TakesTheProductEitherWayRound) {
  for (const bool gate_first : {false, true}) {
    Squeezed s;
    const Value x = s.image(), gate = s.gate(x, 16);
    const Gates made =
        s.fused(s.conv(gate_first ? s.graph.multiply(gate, x) : s.graph.multiply(x, gate), 24));
    EXPECT_EQ(made.gates, 1);
    EXPECT_EQ(made.gated, 1);
    EXPECT_EQ(made.products + made.pools, 0);
    EXPECT_EQ(made.convs, 2);
  }
}

TEST(GatePass, WithResidualAndActivation) {
  Squeezed s;
  const Value x = s.image();
  const Value y = s.graph.add(s.conv(s.graph.multiply(x, s.gate(x, 16)), 16), x);
  s.graph.output(s.graph.activate(y, Activation::relu), "y");
  const Result<Graph> result = fused(s.graph, {});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(count(*result).gated, 1);
  const GraphNode& last = result->nodes().back();
  EXPECT_EQ(last.inputs.size(), 3u);
  EXPECT_EQ(std::get<op::Conv>(last.operation).activation, Activation::relu);
  // What fusion made, it leaves alone.
  const Result<Graph> again = fused(*result, {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->to_string(), result->to_string());
}

TEST(GatePass, NotWithoutFusionOrBlocks) {
  for (const NetworkOptions& options :
       {NetworkOptions{.fuse = false}, NetworkOptions{.blocks = false}}) {
    Squeezed s;
    const Value x = s.image();
    const Gates made = s.fused(s.conv(s.graph.multiply(x, s.gate(x, 16)), 24), options);
    EXPECT_EQ(made.gates + made.gated, 0);
    EXPECT_EQ(made.products, 1);
  }
}

TEST(GatePass, LeavesWhatDoesNotFit) {
  const auto stays = [](auto&& build, const char* why, int c = 16) {
    Squeezed s;
    s.c = c;
    const Gates made = s.fused(build(s));
    EXPECT_EQ(made.gates + made.gated, 0) << why;
    EXPECT_GE(made.products, 1) << why;
  };
  stays(
      [](Squeezed& s) {
        const Value x = s.image(), product = s.graph.multiply(x, s.gate(x, 16));
        s.graph.output(product, "product");
        return s.conv(product, 24);
      },
      "the product is read twice");
  stays(
      [](Squeezed& s) {
        const Value x = s.image(), gate = s.gate(x, 16);
        s.graph.output(gate, "gate");
        return s.conv(s.graph.multiply(x, gate), 24);
      },
      "the gates are an output");
  stays(
      [](Squeezed& s) {
        const Value x = s.image(), other = s.conv(x, 16);
        return s.conv(s.graph.multiply(other, s.gate(x, 16)), 24);
      },
      "gates of another tensor");
  stays(
      [](Squeezed& s) {
        const Value x = s.image();
        return s.conv(s.graph.multiply(x, s.gate(x, 1)), 24);
      },
      "one gate for all channels");
  stays(
      [](Squeezed& s) {
        const Value x = s.image();
        return s.conv(s.graph.multiply(x, s.gate(x, 16)), 24, {.weights = {}, .stride = {2, 2}});
      },
      "a stride");
  stays(
      [](Squeezed& s) {
        const Value x = s.image();
        return s.conv(s.graph.multiply(x, s.gate(x, 16)), 24, {.weights = {}, .groups = 2});
      },
      "groups");
  stays(
      [](Squeezed& s) {
        const Value x = s.image();
        const Value largest = s.graph.global_pool(x, PoolKind::max);
        return s.conv(s.graph.multiply(x, s.conv(s.conv(largest, 4), 16)), 24);
      },
      "the largest instead of the mean");
  stays(
      [](Squeezed& s) {
        const Value x = s.image();
        return s.conv(s.graph.multiply(x, s.gate(x, 12)), 24);
      },
      "channels that break 16-byte copies", 12);
  stays(
      [](Squeezed& s) {
        const Value x = s.image();
        return s.graph.activate(s.graph.multiply(x, s.gate(x, 16)), Activation::relu);
      },
      "no convolution behind it");
}

TEST(GatePass, F32TakesAnyChannels) {
  Squeezed s;
  s.c = 12;
  const Value x = s.image();
  const Gates made =
      s.fused(s.conv(s.graph.multiply(x, s.gate(x, 12)), 24), {.dtype = DataType::f32});
  EXPECT_EQ(made.gated, 1);
}

}  // namespace
}  // namespace foldconv::test
