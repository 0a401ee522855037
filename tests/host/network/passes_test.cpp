// SPDX-License-Identifier: MIT
// What fusion makes of a graph: which operations are left, and which are not touched.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "foldconv/graph_node.hpp"
#include "foldconv/network.hpp"
#include "host/expect_error.hpp"
#include "host/network/graph_builder.hpp"

namespace foldconv::test {
namespace {

TEST(Fusion, FoldsAndEndsInTheActivation) {
  Builder b;
  const Graph graph = b.fused(b.layer(b.image(), 16, 3));
  const auto& conv = only<op::Conv>(graph);
  EXPECT_EQ(operations(graph), 1);
  EXPECT_TRUE(conv.batch_norm.has_value());
  EXPECT_EQ(conv.activation, Activation::relu);
}

TEST(Fusion, LeavesWhatIsReadTwice) {
  Builder b;
  const Value x = b.conv(b.image(), 16);
  const Graph graph = b.fused(b.graph.add(b.norm(x), b.graph.activate(x, Activation::sigmoid)));
  EXPECT_EQ(operations(graph), 4) << graph.to_string();
  EXPECT_FALSE(only<op::Conv>(graph).batch_norm.has_value());
}

TEST(Fusion, LeavesWhatIsAnOutput) {
  Builder b;
  const Value x = b.conv(b.image(), 16);
  b.graph.output(x, "inner");
  const Graph graph = b.fused(b.relu(x));
  EXPECT_EQ(operations(graph), 2);
}

// gamma 2, beta 1, mean 0.5, variance 4, eps 0: y = x + 0.5. Then times 3, plus 4: 3x + 5.5.
TEST(Fusion, ComposesConstantsOfChannels) {
  Builder b;
  Value x = b.norm(b.conv(b.image(), 16));
  x = b.graph.multiply(b.graph.constant(filled({16, 1, 1}, 3)), x);
  x = b.graph.add(x, b.number(4));
  const Graph graph = b.fused(x);
  EXPECT_EQ(operations(graph), 1) << graph.to_string();
  const BatchNormNode& norm = *only<op::Conv>(graph).batch_norm;
  EXPECT_EQ(norm.gamma.values()[15], 3.0f);
  EXPECT_EQ(norm.beta.values()[15], 5.5f);
  EXPECT_EQ(norm.mean.values()[15], 0.0f);
  EXPECT_EQ(norm.variance.values()[15], 1.0f);
}

// A constant that differs along the width is no constant of channels.
TEST(Fusion, LeavesOtherConstants) {
  Builder b;
  const Value x = b.conv(b.graph.input("x", {1, 8, 4, 16}), 16);
  const Graph graph = b.fused(b.graph.add(x, b.graph.constant(filled({16}, 1))));
  EXPECT_EQ(only<op::Binary>(graph).kind, op::Binary::Kind::add);
  EXPECT_FALSE(only<op::Conv>(graph).batch_norm.has_value());
}

TEST(Fusion, TakesZerosAroundTheImageIn) {
  Builder b;
  const Value padded = b.graph.pad(b.image(), {0, 0, 1, 2}, {0, 0, 3, 4});
  const Graph graph = b.fused(b.conv(padded, 16, 3));
  EXPECT_EQ(operations(graph), 1);
  EXPECT_EQ(only<op::Conv>(graph).conv.pad, (Padding{2, 4, 3, 5}));
}

TEST(Fusion, LeavesOtherPadding) {
  Builder b;
  const Graph graph =
      b.fused(b.conv(b.graph.pad(b.image(), {0, 0, 1, 1}, {0, 0, 1, 1}, 1.0f), 16, 3));
  EXPECT_EQ(operations(graph), 2);
}

TEST(Fusion, ScalesALinearLayer) {
  Builder b;
  Value x = b.graph.input("x", {kOpen, 8});
  x = b.graph.linear(x, {.weights = filled({4, 8}, 1), .bias = filled({4}, 1)});
  x = b.graph.add(b.graph.multiply(x, b.number(2)), b.graph.constant(filled({4}, 3)));
  const Graph graph = b.fused(b.relu(x));
  const auto& linear = only<op::Linear>(graph);
  EXPECT_EQ(operations(graph), 1) << graph.to_string();
  EXPECT_EQ(linear.batch_norm->gamma.values()[3], 2.0f);
  EXPECT_EQ(linear.batch_norm->beta.values()[3], 3.0f);
  EXPECT_EQ(linear.activation, Activation::relu);
}

// Each product form of silu and hardswish, the operands either way round.
TEST(Fusion, SeesActivationsInProducts) {
  struct Case {
    const char* name;
    Value (*make)(Builder& b, Value x);
    Activation activation;
  };
  const Case cases[] = {
      {"x * sigmoid(x)",
       [](Builder& b, Value x) {
         return b.graph.multiply(x, b.graph.activate(x, Activation::sigmoid));
       },
       Activation::silu},
      {"sigmoid(x) * x",
       [](Builder& b, Value x) {
         return b.graph.multiply(b.graph.activate(x, Activation::sigmoid), x);
       },
       Activation::silu},
      {"x * hard_sigmoid(x)",
       [](Builder& b, Value x) {
         return b.graph.multiply(
             x, b.graph.activate(x, Activation::hard_sigmoid(0.16666670143604279f, 0.5f)));
       },
       Activation::hardswish},
      {"x * clip(x + 3, 0, 6) / 6",
       [](Builder& b, Value x) {
         const Value step = b.graph.activate(b.graph.add(x, b.number(3)), Activation::relu6);
         return b.graph.multiply(b.graph.multiply(x, step), b.number(1 / 6.f));
       },
       Activation::hardswish},
      {"(clip(3 + x, 0, 6) / 6) * x",
       [](Builder& b, Value x) {
         const Value step = b.graph.activate(b.graph.add(b.number(3), x), Activation::clip(0, 6));
         return b.graph.multiply(b.graph.multiply(step, b.number(1 / 6.f)), x);
       },
       Activation::hardswish},
  };
  for (const Case& each : cases) {
    Builder b;
    const Graph graph = b.fused(each.make(b, b.conv(b.image(), 16)));
    EXPECT_EQ(operations(graph), 1) << each.name << "\n" << graph.to_string();
    EXPECT_EQ(only<op::Conv>(graph).activation, each.activation) << each.name;
  }
}

// The factor is PyTorch's, not ONNX's default.
TEST(Fusion, LeavesAnotherHardSigmoid) {
  Builder b;
  const Value x = b.conv(b.image(), 16);
  const Graph graph =
      b.fused(b.graph.multiply(x, b.graph.activate(x, Activation::hard_sigmoid(0.2f, 0.5f))));
  EXPECT_EQ(only<op::Binary>(graph).kind, op::Binary::Kind::multiply);
}

TEST(Fusion, AddsIntoTheLaterConvolution) {
  Builder b;
  const Value x = b.image();
  const Value deep = b.conv(b.layer(x, 16), 16, 3), shallow = b.conv(x, 16);
  const Graph graph = b.fused(b.relu(b.graph.add(shallow, deep)), {.blocks = false});
  ASSERT_EQ(operations(graph), 3) << graph.to_string();
  const GraphNode& last = graph.nodes().back();
  EXPECT_EQ(last.inputs.size(), 2u);
  const auto& conv = std::get<op::Conv>(last.operation);
  EXPECT_EQ(conv.conv.weights.extents()[2], 3);
  EXPECT_EQ(conv.activation, Activation::relu);
}

// The residual is added before the activation: a convolution that ends in one cannot take it.
TEST(Fusion, LeavesASumBehindAnActivation) {
  Builder b;
  const Value x = b.image();
  const Graph graph = b.fused(b.graph.add(b.layer(x, 8), x));
  EXPECT_EQ(operations(graph), 2);
}

// A gate of one pixel is not a residual.
TEST(Fusion, LeavesABroadcastSum) {
  Builder b;
  const Value x = b.image();
  const Graph graph = b.fused(b.graph.add(b.conv(x, 8), b.graph.global_pool(x, PoolKind::average)));
  EXPECT_EQ(only<op::Binary>(graph).kind, op::Binary::Kind::add);
}

TEST(Fusion, DropsWhatComputesNothing) {
  Builder b;
  Value x = b.graph.identity(b.image(), "same");
  x = b.graph.transpose(b.graph.transpose(x, {0, 2, 3, 1}), {0, 3, 1, 2});
  x = b.graph.activate(x, Activation::none);
  b.conv(x, 4, 3);  // nothing reads it
  const Graph graph = b.fused(b.conv(x, 16));
  EXPECT_EQ(operations(graph), 1) << graph.to_string();
}

TEST(Fusion, ReadsATransposeBehindAnInputAsItsLayout) {
  Builder b;
  const Value x = b.graph.transpose(b.graph.input("x", {kOpen, kOpen, kOpen, 3}), {0, 3, 1, 2});
  const Graph graph = b.fused(b.conv(x, 16));
  EXPECT_EQ(operations(graph), 1) << graph.to_string();
  EXPECT_TRUE(only<op::Input>(graph).channels_last);
}

// What a convolution took in is no tensor any more, and its name is free.
TEST(Fusion, NamesWhatIsLeft) {
  Builder b;
  const Value conv = b.graph.conv(b.image(), {.weights = filled({16, 8, 1, 1}, 1)}, "conv");
  const Value norm = b.graph.add(conv, b.number(1), "norm");
  Graph graph = b.fused(b.graph.activate(norm, Activation::relu, "last")), other = graph;
  for (const char* gone : {"conv", "norm"}) EXPECT_EQ(graph.find(gone), Value{}) << gone;
  EXPECT_EQ(graph.name(conv), "");
  EXPECT_TRUE(graph.extents(conv).empty());
  const Value last = graph.find("last");
  EXPECT_EQ(to_string(graph.extents(last)), "?x16x?x?");
  EXPECT_EQ(graph.activate(conv, Activation::relu), Value{});
  EXPECT_TRUE(fails_with(graph.status(), kInvalid, {"no tensor of this graph"}));
  EXPECT_NE(other.activate(other.find("last"), Activation::relu, "conv"), Value{});
}

// A second fusion leaves what ends in an activation.
TEST(Fusion, OfAFusedBatchNormIsTheSame) {
  Builder b;
  const Value norm = b.norm(b.relu(b.image()));
  const Graph once = b.fused(b.norm(b.relu(norm)));
  const Graph twice = fused(once).value();
  EXPECT_EQ(twice.to_string(), once.to_string());
  for (const Graph& graph : {once, twice}) {
    std::vector<Activation> ends;
    for (const GraphNode& node : graph.nodes())
      if (const auto* op = std::get_if<op::BatchNorm>(&node.operation))
        ends.push_back(op->activation);
    EXPECT_EQ(ends, (std::vector{Activation::relu, Activation::none})) << graph.to_string();
  }
}

TEST(Fusion, CanBeLeftOut) {
  Builder b;
  const Graph graph = b.fused(bottleneck(b, b.image(), 8, 32), {.fuse = false});
  // Four convolutions with their BatchNorms, three activations, one sum.
  EXPECT_EQ(operations(graph), 8) << graph.to_string();
}

TEST(Fusion, OfAFusedGraphIsTheSame) {
  Builder b;
  const Graph once = b.fused(bottleneck(b, b.image(), 8, 32));
  const Result<Graph> twice = fused(once);
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(twice->to_string(), once.to_string());
}

TEST(Fusion, RefusesStatisticsThatAreNone) {
  Builder b;
  const Value x = b.relu(b.image());
  const Value y = b.graph.batch_norm(
      x, {.mean = filled({8}, 0), .variance = filled({8}, -1), .eps = Epsilon(1e-3)}, "norm");
  b.graph.output(y, "y");
  EXPECT_TRUE(fails_with(fused(b.graph), kInvalid, {"batch_norm \"norm\"", "variance"}));
}

}  // namespace
}  // namespace foldconv::test
