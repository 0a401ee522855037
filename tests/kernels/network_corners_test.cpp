// SPDX-License-Identifier: MIT
// Forms of operations that few networks have, against the interpreter: in f32, fused and not.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/support/device_buffer.hpp"
#include "kernels/support/interpreted.hpp"
#include "kernels/support/test_networks.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using harness::Numbers;
using harness::run_network;

// Inputs of known extents are planned as they are; `check` looks at the plan of the fused network.
template <class Check>
void expect_as_interpreted(const Graph& graph, const NetworkPlanOptions& options,
                           const Check& check_plan) {
  check(graph.status());
  std::vector<Numbers> inputs;
  for (const bool fuse : {true, false}) {
    const Network network =
        value_of(Network::create(graph, {.dtype = DataType::f32, .fuse = fuse}));
    const NetworkPlan plan = value_of(network.plan(options));
    if (fuse) check_plan(plan);
    inputs.clear();
    for (std::size_t i = 0; i < plan.inputs(); ++i) {
      const std::vector<float> values =
          harness::floats(seeded_images(plan.input_bytes(i) / sizeof(float), i + 1));
      inputs.push_back({plan.input_extents(i), {values.begin(), values.end()}});
    }
    const std::vector<Bytes> outputs = run_network(plan, bytes_of(inputs)).outputs;
    EXPECT_TRUE(as_interpreted(graph, plan, outputs, harness::interpret(graph, inputs)))
        << "fuse " << fuse;

    NetworkPlanOptions keep = options;
    keep.keep_all = true;
    EXPECT_EQ(run_network(value_of(network.plan(keep)), bytes_of(inputs)).outputs, outputs);
  }
}
void expect_as_interpreted(const Graph& graph, const NetworkPlanOptions& options = {}) {
  expect_as_interpreted(graph, options, [](const NetworkPlan&) {});
}

TEST(NetworkCorners, SoftmaxOverTheFirstAxis) {
  for (const Extents& extents : {Extents{kOpen}, Extents{kOpen, 5}, Extents{kOpen, 3, 2, 5}}) {
    Graph graph;
    graph.output(graph.softmax(graph.input("x", extents), 0), "y");
    expect_as_interpreted(graph, {.n = 3});
  }
}

TEST(NetworkCorners, NormalisedByNeighbours) {
  for (const int size : {1, 2, 5, 40}) {
    NetworkBuilder b;
    const Value x = b.layer(b.graph.input("x", {2, 3, 5, 2}), {.k = 17});
    b.graph.output(b.graph.lrn(x, {.size = size, .alpha = 0.8f, .beta = 0.6f, .bias = 0.5f}), "y");
    expect_as_interpreted(b.graph);
  }
}

TEST(NetworkCorners, LinearLayersOfThreeExtents) {
  NetworkBuilder b;
  Value x = b.linear(b.graph.input("x", {3, 5, 11}), 7);
  x = b.graph.activate(b.norm(x), Activation::relu);  // over axis 1, which is not the layer's
  x = b.linear(b.graph.transpose(x, {0, 2, 1}), 9);
  const Constant factors({9}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  b.graph.output(b.graph.multiply(x, b.graph.constant(factors)), "y");
  expect_as_interpreted(b.graph);
}

// Rows and columns are innermost in a flattened map, channels in the memory of an image.
TEST(NetworkCorners, FlattenedMapsAreLaidOutAnew) {
  NetworkBuilder b;
  const Value x = b.layer(b.graph.input("x", {2, 3, 5, 2}), {.k = 7, .r = 3});
  b.graph.output(b.linear(b.graph.flatten(x), 5), "y");
  expect_as_interpreted(b.graph, {}, [](const NetworkPlan& plan) {
    const std::vector<NetworkStep>& steps = plan.explanation().steps;
    EXPECT_EQ(std::ranges::count(steps, "layout", &NetworkStep::operation), 1)
        << plan.explanation().to_string();
  });
}

// One pixel stays one, so that the shortcut fits without a projection.
TEST(NetworkCorners, StridesOfBlocksOnOnePixel) {
  for (const std::int64_t size : {std::int64_t{1}, kOpen}) {
    NetworkBuilder b;
    const Value x = b.graph.input("x", {2, 8, size, size});
    const Value t = b.layer(b.layer(x, {.k = 4}), {.k = 4, .r = 3, .stride = 2});
    b.graph.output(b.graph.activate(b.graph.add(b.norm(b.conv(t, {.k = 8})), x), Activation::relu),
                   "y");
    expect_as_interpreted(b.graph, {.h = 1, .w = 1});
  }
}

// A view of a constant has no place in the workspace.
TEST(NetworkCorners, TransposedConstants) {
  Graph graph;
  const Value table = graph.constant(Constant({3, 2}, {1, 2, 3, 4, 5, 6}));
  const Value turned = graph.transpose(table, {1, 0}, "turned");
  graph.output(graph.add(graph.input("x", {4, 2, 3}), turned), "y");
  graph.output(turned, "constant");
  expect_as_interpreted(graph);
}

// The product has the rank of its constants, as have those behind it.
TEST(NetworkCorners, ConstantsOfMoreExtents) {
  Graph graph;
  const Value x = graph.input("x", {2, 3});
  const auto number = [&](float value) {
    return graph.constant(Constant({1, 1, 1, 1, 1}, {value}));
  };
  const Value step = graph.activate(graph.add(x, number(3)), Activation::relu6);
  const Value y = graph.multiply(graph.multiply(x, step), number(1 / 6.f));
  graph.output(graph.softmax(y, 4), "y");
  expect_as_interpreted(graph);
}

TEST(NetworkCorners, PaddingBehindPadding) {
  NetworkBuilder b;
  Value x = b.graph.input("x", {2, 3, 5, 4});
  x = b.graph.pad(b.graph.pad(x, {0, 0, 1, 0}, {0, 0, 0, 2}), {0, 0, 0, 1}, {0, 0, 3, 0});
  b.graph.output(b.conv(x, {.k = 5, .r = 3}), "y");
  expect_as_interpreted(b.graph, {}, [](const NetworkPlan& plan) {
    EXPECT_EQ(plan.explanation().steps.size(), 3u) << plan.explanation().to_string();
  });
}

TEST(NetworkCorners, NumbersWithoutExtents) {
  Graph graph;
  const Value a = graph.input("a", {}), b = graph.constant(Constant({}, {3}));
  graph.output(graph.activate(graph.multiply(graph.add(a, b), a), Activation::tanh), "y");
  expect_as_interpreted(graph);
}

}  // namespace
}  // namespace foldconv::kernel_tests
