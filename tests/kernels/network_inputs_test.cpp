// SPDX-License-Identifier: MIT
// What networks read: several inputs, extents that are fixed or open, pixels in the model's order; and which of them run
// fewer images than they are planned for.
#include <gtest/gtest.h>

#include <string>

#include "foldconv/graph_node.hpp"
#include "host/expect_error.hpp"
#include "kernels/support/device_buffer.hpp"
#include "kernels/support/interpreted.hpp"
#include "kernels/support/test_networks.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using harness::Numbers;
using harness::run_network;

Numbers seeded_numbers(const Extents& extents, std::uint64_t seed) {
  std::size_t elements = 1;
  for (const std::int64_t d : extents) elements *= static_cast<std::size_t>(d);
  const std::vector<float> values = harness::floats(seeded_images(elements, seed));
  return {extents, {values.begin(), values.end()}};
}

Network f32_network(const Graph& graph) {
  check(graph.status());
  return value_of(Network::create(graph, {.dtype = DataType::f32}));
}

// Runs a plan of two images, and the first of them alone: by a plan of its own and by this one.
void expect_images(const Graph& graph, const NetworkPlanOptions& one,
                   const std::vector<Numbers>& inputs) {
  const Network network = f32_network(graph);
  NetworkPlanOptions two = one;
  two.n = 2;
  const NetworkPlan plan = value_of(network.plan(two));
  EXPECT_EQ(plan.images(), 2);
  const std::vector<Bytes> bytes = bytes_of(inputs);
  const std::vector<Bytes> all = run_network(plan, bytes).outputs;
  EXPECT_TRUE(as_interpreted(graph, plan, all, harness::interpret(graph, inputs)));

  const NetworkPlan alone = value_of(network.plan(one));
  std::vector<Bytes> first = bytes;
  for (std::size_t i = 0; i < first.size(); ++i) first[i].resize(alone.input_bytes(i));
  const std::vector<Bytes> expected = run_network(alone, first).outputs;
  const std::vector<Bytes> got = run_network(plan, bytes, 1).outputs;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto end = got[i].begin() + std::ssize(expected[i]);
    EXPECT_EQ(Bytes(got[i].begin(), end), expected[i]);
    EXPECT_EQ(Bytes(all[i].begin(), all[i].begin() + std::ssize(expected[i])), expected[i]);
  }
}

TEST(NetworkInputs, TwoOfABatch) {
  NetworkBuilder b;
  const Value image = b.image(), gate = b.graph.input("gate", {kOpen, 5, 1, 1});
  b.graph.output(b.graph.multiply(b.layer(image, {.k = 5, .r = 3}), gate), "y");
  expect_images(b.graph, {.h = 7, .w = 4},
                {seeded_numbers({2, 3, 7, 4}, 1), seeded_numbers({2, 5, 1, 1}, 2)});
}

// A table that no batch is of, in front of the images: n is theirs.
TEST(NetworkInputs, OneOfThemFixed) {
  for (const Extents& table : {Extents{5, 1, 1}, Extents{1, 5}}) {
    NetworkBuilder b;
    const Value added = b.graph.input("table", table);
    b.graph.output(b.graph.add(b.layer(b.image(), {.k = 5, .r = 3}), added), "y");
    expect_images(b.graph, {.h = 3, .w = 5},
                  {seeded_numbers(table, 1), seeded_numbers({2, 3, 3, 5}, 2)});
  }
}

// As many rows as images: with one image there would be two results.
TEST(NetworkInputs, AFixedOneMayHoldImagesTogether) {
  NetworkBuilder b;
  const Value x = b.graph.input("x", {kOpen, 5});
  b.graph.output(b.graph.add(x, b.graph.input("rows", {2, 5})), "y");
  const NetworkPlan plan = value_of(f32_network(b.graph).plan({.n = 2}));
  const harness::NetworkBuffersOfPlan memory(
      plan, bytes_of({seeded_numbers({2, 5}, 1), seeded_numbers({2, 5}, 2)}));
  EXPECT_TRUE(
      test::fails_with(plan.run(memory.buffers(1)), ErrorCode::unsupported, {"images = 1, n = 2"}));
}

// Two open batches that differ: the second one's row is for every image.
TEST(NetworkInputs, OpenBatchesMayDiffer) {
  NetworkBuilder b;
  const Value x = b.graph.input("x", {kOpen, 5}), row = b.graph.input("row", {kOpen, 5});
  b.graph.output(b.graph.add(b.linear(x, 5), b.graph.activate(row, Activation::relu)), "y");
  const std::vector<Numbers> inputs = {seeded_numbers({3, 5}, 1), seeded_numbers({1, 5}, 2)};
  const NetworkPlan plan = value_of(f32_network(b.graph).plan({.inputs = {{3, 5}, {1, 5}}}));
  EXPECT_TRUE(as_interpreted(b.graph, plan, run_network(plan, bytes_of(inputs)).outputs,
                             harness::interpret(b.graph, inputs)));
}

// Along the batch: all images or none.
TEST(NetworkInputs, OperationsAlongTheBatch) {
  struct Case {
    const char* name;
    Value (*make)(Graph& g, Value x);
  };
  const Case cases[] = {
      {"softmax", [](Graph& g, Value x) { return g.softmax(x, 0); }},
      {"pad",
       [](Graph& g, Value x) {
         return g.pad(x, {1, 0, 0, 0}, {0, 0, 0, 0}, 0.5f);
       }},
      {"slice", [](Graph& g, Value x) { return g.slice(x, 0, 1, 9); }},
      {"concat",
       [](Graph& g, Value x) {
         return g.concat({x, x}, 0);
       }},
      {"transpose",
       [](Graph& g, Value x) {
         return g.transpose(x, {1, 0, 2, 3});
       }},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    NetworkBuilder b;
    b.graph.output(each.make(b.graph, b.layer(b.image(), {.k = 4, .r = 3})), "y");
    const std::vector<Numbers> inputs = {seeded_numbers({3, 3, 5, 2}, 1)};
    const NetworkPlan plan = value_of(f32_network(b.graph).plan({.n = 3, .h = 5, .w = 2}));
    EXPECT_TRUE(as_interpreted(b.graph, plan, run_network(plan, bytes_of(inputs)).outputs,
                               harness::interpret(b.graph, inputs)));
    const harness::NetworkBuffersOfPlan memory(plan, bytes_of(inputs));
    EXPECT_TRUE(test::fails_with(plan.run(memory.buffers(2)), ErrorCode::unsupported,
                                 {"images = 2, n = 3"}));
  }
}

// What does not depend on the images is there for any number of them.
TEST(NetworkInputs, SomeOutputsAreOfNoImage) {
  NetworkBuilder b;
  Graph& g = b.graph;
  const Value table = g.input("table", {3, 4});
  g.output(b.conv(b.image(), {.k = 5}), "y");
  g.output(g.softmax(g.activate(table, Activation::tanh), 0), "of no image");
  expect_images(g, {.h = 3, .w = 6}, {seeded_numbers({3, 4}, 1), seeded_numbers({2, 3, 3, 6}, 2)});
}

// The transpose of an input n, h, w, c is read, not run; the name stays with what the caller gives.
TEST(NetworkInputs, ChannelsLast) {
  NetworkBuilder b;
  const Value pixels = b.graph.input("pixels", {kOpen, kOpen, kOpen, 3});
  const Value image = b.graph.transpose(pixels, {0, 3, 1, 2}, "planes");
  b.graph.output(b.layer(image, {.k = 5, .r = 3}), "y");
  const std::vector<Numbers> inputs = {seeded_numbers({2, 4, 7, 3}, 1)};
  expect_images(b.graph, {.h = 4, .w = 7}, inputs);

  const Graph made = value_of(fused(b.graph));
  EXPECT_TRUE(std::holds_alternative<op::Input>(made.nodes()[0].operation));
  EXPECT_EQ(made.name({made.nodes()[0].output}), "pixels");
  EXPECT_EQ(made.find("pixels"), Value{made.nodes()[0].output});

  const NetworkPlan plan =
      value_of(f32_network(b.graph).plan({.n = 2, .h = 4, .w = 7, .keep = {"pixels"}}));
  EXPECT_EQ(plan.input_extents(0), (Extents{2, 4, 7, 3}));
  const harness::NetworkBuffersOfPlan memory(plan, bytes_of(inputs));
  NetworkBuffers buffers = memory.buffers();
  buffers.inputs[0] = nullptr;
  EXPECT_TRUE(test::fails_with(plan.run(buffers), test::kInvalid, {"pixels"}));
}

// Extents that the weights fix, whatever the graph knows of them.
TEST(NetworkInputs, OpenChannelsAreThoseOfTheWeights) {
  struct Case {
    const char* name;
    Value (*make)(NetworkBuilder& b, Value x);
    std::string_view message;
  };
  const auto filled = [](Extents extents, std::size_t count) {
    return Constant(std::move(extents), std::vector<float>(count, 0.5f));
  };
  static const Constant weights = filled({2, 3, 1, 1}, 6), matrix = filled({2, 3}, 6),
                        three = filled({3}, 3);
  const Case cases[] = {
      {"conv", [](NetworkBuilder& b, Value x) { return b.graph.conv(x, {.weights = weights}); },
       "channels that a convolution reads"},
      {"linear",
       [](NetworkBuilder& b, Value x) {
         return b.graph.linear(b.graph.transpose(x, {0, 2, 3, 1}), {.weights = matrix});
       },
       "linear layer"},
      {"batch_norm",
       [](NetworkBuilder& b, Value x) {
         return b.graph.batch_norm(x, {.mean = three, .variance = three, .eps = Epsilon(0)});
       },
       "channels of a BatchNorm"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    NetworkBuilder b;
    b.graph.output(each.make(b, b.graph.input("x", {1, kOpen, 2, 2})), "y");
    const Network network = f32_network(b.graph);
    for (const std::int64_t c : {1, 2, 4}) {
      EXPECT_TRUE(test::fails_with(network.plan({.inputs = {{1, c, 2, 2}}}), test::kInvalid,
                                   {each.message, std::to_string(c), "3"}));
    }
    EXPECT_TRUE(network.plan({.inputs = {{1, 3, 2, 2}}}).ok());
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
