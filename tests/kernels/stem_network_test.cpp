// SPDX-License-Identifier: MIT
// Networks that begin with a stem: the bits of the same network without, whatever its pixels are; and where the pixels go
// through a tensor, or the stem through launches of its own.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "foldconv/graph_node.hpp"
#include "harness/network/judge.hpp"
#include "harness/network/run.hpp"
#include "kernels/support/device_buffer.hpp"
#include "kernels/support/test_networks.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using harness::run_network;

constexpr int kImageH = 39, kImageW = 46;

// The operations of a plan: "stem pool output".
std::string steps_of(const NetworkPlan& plan) {
  std::string names;
  for (const NetworkStep& step : plan.explanation().steps)
    names += (names.empty() ? "" : " ") + step.operation;
  return names;
}

Bytes pixels_of(PixelType type, std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i * 61 % 256));
  if (type == PixelType::f32) return harness::bytes_of(values);
  if (type == PixelType::f16) return oracle::encode(DataType::f16, values);
  Bytes bytes;
  for (const float value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

struct Begin {
  const char* steps;  // with pixels that the stem reads
  int k, r;
  bool pool;
  Activation activation = Activation::relu;
};

Graph network_of(const Begin& begin) {
  NetworkBuilder b(21);
  Value x = b.layer(b.image(), {.k = begin.k, .r = begin.r, .stride = 2}, begin.activation);
  if (begin.pool)
    x = b.graph.pool(x, {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)}, "pooled");
  b.graph.output(b.conv(x, {.k = 8}), "y");
  return b.graph;
}

constexpr Begin kBegins[] = {{"stem conv output", 64, 7, true},
                             {"stem conv output", 32, 3, false, Activation::relu6},
                             {"stem conv output", 24, 3, true, Activation::silu},
                             {"stem conv output", 96, 7, false}};

TEST(StemNetworks, PixelsOfEveryKindGiveTheChainsBits) {
  for (const Begin& begin : kBegins) {
    const Graph graph = network_of(begin);
    for (const DataType dtype : {DataType::f16, DataType::bf16}) {
      const Network fast = value_of(Network::create(graph, {.dtype = dtype})),
                    chain = value_of(Network::create(graph, {.dtype = dtype, .blocks = false}));
      for (const PixelType type : {PixelType::u8, PixelType::f16, PixelType::f32}) {
        for (const PixelLayout layout :
             {PixelLayout::nchw, PixelLayout::nhwc, PixelLayout::model}) {
          const NetworkPlanOptions options = {.n = 2,
                                              .h = kImageH,
                                              .w = kImageW,
                                              .input = {.layout = layout,
                                                        .type = type,
                                                        .mean = {120, 110, 100},
                                                        .scale = {0.02f, 0.018f, 0.0171f},
                                                        .swap_red_blue = type == PixelType::u8}};
          const NetworkPlan plan = value_of(fast.plan(options)),
                            expected = value_of(chain.plan(options));
          EXPECT_EQ(steps_of(plan), begin.steps);
          EXPECT_LT(plan.explanation().dram_bytes(), expected.explanation().dram_bytes());
          const std::vector<Bytes> inputs = {pixels_of(type, 2 * 3 * kImageH * kImageW)};
          const std::vector<Bytes> y = run_network(expected, inputs).outputs;
          EXPECT_EQ(run_network(plan, inputs).outputs, y);
          // One of two images.
          const Bytes one = run_network(plan, inputs, 1).outputs[0];
          EXPECT_TRUE(std::equal(one.begin(), one.begin() + std::ssize(one) / 2, y[0].begin()));
        }
      }
    }
  }
}

TEST(StemNetworks, OnlyWhereFusionMayMakeThem) {
  const Graph graph = network_of(kBegins[0]);
  const auto steps = [&](const NetworkOptions& how) {
    return steps_of(
        value_of(value_of(Network::create(graph, how)).plan({.h = kImageH, .w = kImageW})));
  };
  EXPECT_EQ(steps({}), "stem conv output");
  EXPECT_EQ(steps({.blocks = false}), "input conv pool conv output");
  EXPECT_EQ(steps({.dtype = DataType::f32}), "input conv pool conv output");
  EXPECT_EQ(steps({.fuse = false}).find("stem"), std::string::npos);
}

// The tensor of the pixels is there where something needs it.
TEST(StemNetworks, MakeATensorOfPixelsThatOthersReadToo) {
  const auto plan_of = [](const Graph& graph, const NetworkPlanOptions& options,
                          const NetworkOptions& how = {}) {
    return value_of(value_of(Network::create(graph, how)).plan(options));
  };
  const std::vector<Bytes> inputs = {seeded_images(3 * kImageH * kImageW, 4)};
  {
    const Graph graph = network_of(kBegins[0]);
    NetworkPlanOptions options = {.h = kImageH, .w = kImageW, .keep = {"image"}};
    const NetworkPlan kept = plan_of(graph, options);
    EXPECT_EQ(steps_of(kept), "input stem conv output");
    EXPECT_EQ(value_of(kept.tensor("image")).extents, (Extents{1, 3, kImageH, kImageW}));
    options.keep.clear();
    const NetworkPlan plan = plan_of(graph, options);
    EXPECT_EQ(run_network(kept, inputs).outputs, run_network(plan, inputs).outputs);
    options.keep_all = true;
    EXPECT_EQ(steps_of(plan_of(graph, options)), "input stem conv output");
    EXPECT_LT(plan.workspace_bytes(), kept.workspace_bytes());
  }
  {
    NetworkBuilder b(5);
    const Value image = b.image();
    b.graph.output(b.layer(image, {.k = 16, .r = 3, .stride = 2}), "y");
    b.graph.output(b.graph.global_pool(image, PoolKind::average), "mean");
    const NetworkPlan plan = plan_of(b.graph, {.h = kImageH, .w = kImageW});
    EXPECT_EQ(steps_of(plan), "input stem pool output output");
    EXPECT_EQ(run_network(plan, inputs).outputs,
              run_network(plan_of(b.graph, {.h = kImageH, .w = kImageW}, {.blocks = false}), inputs)
                  .outputs);
  }
  {
    NetworkBuilder b(6);  // two stems of one image
    const Value image = b.image();
    b.graph.output(b.layer(image, {.k = 16, .r = 3, .stride = 2}), "y");
    b.graph.output(b.layer(image, {.k = 8, .r = 7, .stride = 2}), "z");
    const NetworkPlan plan = plan_of(b.graph, {.h = kImageH, .w = kImageW});
    EXPECT_EQ(steps_of(plan), "input stem stem output output");
    EXPECT_EQ(run_network(plan, inputs).outputs,
              run_network(plan_of(b.graph, {.h = kImageH, .w = kImageW}, {.blocks = false}), inputs)
                  .outputs);
  }
  {
    NetworkBuilder b(7);  // of a tensor that is no input
    const Value image = b.graph.activate(b.image(), Activation::tanh);
    b.graph.output(b.layer(image, {.k = 16, .r = 3, .stride = 2}), "y");
    const NetworkPlan plan = plan_of(b.graph, {.h = kImageH, .w = kImageW});
    EXPECT_EQ(steps_of(plan), "input activate stem output");
    EXPECT_EQ(run_network(plan, inputs).outputs,
              run_network(plan_of(b.graph, {.h = kImageH, .w = kImageW}, {.blocks = false}), inputs)
                  .outputs);
  }
}

// As DenseNet begins: the stem writes the first channels of what is put together later.
TEST(StemNetworks, WriteIntoAConcatenation) {
  const std::vector<Bytes> inputs = {seeded_images(2 * 3 * kImageH * kImageW, 4)};
  for (const bool pool : {false, true}) {
    NetworkBuilder b(11);
    Value x = b.layer(b.image(), {.k = 24, .r = 3, .stride = 2});
    if (pool) x = b.graph.pool(x, {.window = {3, 3}, .stride = {2, 2}, .pad = {0, 1, 0, 1}});
    x = b.graph.concat({x, b.layer(x, {.k = 16, .r = 3})}, 1);
    b.graph.output(b.conv(x, {.k = 8}), "y");
    const NetworkPlanOptions options = {.n = 2, .h = kImageH, .w = kImageW};
    const NetworkPlan plan = value_of(value_of(Network::create(b.graph)).plan(options));
    EXPECT_EQ(steps_of(plan), "stem conv conv output");
    const Network chain = value_of(Network::create(b.graph, {.blocks = false}));
    EXPECT_EQ(run_network(plan, inputs).outputs,
              run_network(value_of(chain.plan(options)), inputs).outputs);
  }
}

// Convolutions and poolings that no stem takes, or that something reads between the two.
TEST(StemNetworks, LeaveWhatIsNoStem) {
  const auto steps = [](auto&& begin) {
    NetworkBuilder b(8);
    b.graph.output(begin(b), "y");
    check(b.graph.status());
    return steps_of(
        value_of(value_of(Network::create(b.graph)).plan({.h = kImageH, .w = kImageW})));
  };
  EXPECT_EQ(
      steps([](NetworkBuilder& b) { return b.layer(b.image(), {.k = 12, .r = 3, .stride = 2}); }),
      "input conv output");
  EXPECT_EQ(steps([](NetworkBuilder& b) { return b.layer(b.image(), {.k = 16, .r = 3}); }),
            "input conv output");
  EXPECT_EQ(
      steps([](NetworkBuilder& b) { return b.layer(b.image(4), {.k = 16, .r = 3, .stride = 2}); }),
      "input conv output");
  const auto pooled = [&](const PoolNode& pool) {
    return steps([&](NetworkBuilder& b) {
      return b.graph.pool(b.layer(b.image(), {.k = 16, .r = 3, .stride = 2}), pool);
    });
  };
  EXPECT_EQ(pooled({.window = {3, 3}, .stride = {2, 2}, .pad = {0, 1, 0, 1}}), "stem output");
  EXPECT_EQ(pooled({.window = {3, 3}, .stride = {2, 2}, .ceil_mode = true}), "stem output");
  EXPECT_EQ(pooled({.window = {2, 2}, .stride = {2, 2}}), "stem pool output");
  EXPECT_EQ(pooled({.window = {3, 3}, .stride = {1, 1}}), "stem pool output");
  EXPECT_EQ(pooled({.kind = PoolKind::average, .window = {3, 3}, .stride = {2, 2}}),
            "stem pool output");
  NetworkBuilder b(9);
  const Value map = b.layer(b.image(), {.k = 16, .r = 3, .stride = 2});
  b.graph.output(b.graph.pool(map, {.window = {3, 3}, .stride = {2, 2}}), "pooled");
  b.graph.output(map, "map");
  EXPECT_EQ(
      steps_of(value_of(value_of(Network::create(b.graph)).plan({.h = kImageH, .w = kImageW}))),
      "stem pool output output");
}

// Against fp64, from what the stem reads.
TEST(StemNetworks, AreWithinTheirBounds) {
  for (const Begin& begin : kBegins) {
    const Graph graph = network_of(begin);
    const NetworkPlanOptions options = {.n = 2, .h = kImageH, .w = kImageW, .keep_all = true};
    const harness::JudgedNetwork network = {
        DataType::f16, value_of(fused(graph)),
        value_of(value_of(Network::create(graph)).plan(options)), options.input};
    const std::vector<Bytes> inputs = {seeded_images(2 * 3 * kImageH * kImageW, 5)};
    int stems = 0;
    for (const harness::StepVerdict& step :
         harness::judge_steps(network, inputs, run_network(network.plan, inputs))) {
      EXPECT_TRUE(step.verdict.pass) << step.operation << ": " << step.verdict.reason;
      stems += step.operation == "stem";
    }
    EXPECT_EQ(stems, 1);
  }
}

// Of images that the stem's kernel refuses.
TEST(StemNetworks, RunAsAChainWhereTheKernelRefuses) {
  NetworkBuilder b(10);
  const Value map = b.layer(b.image(), {.k = 16, .r = 3, .stride = 2});
  b.graph.output(b.graph.pool(map, {.window = {3, 3}, .stride = {2, 2}}), "y");
  const Network network = value_of(Network::create(b.graph));
  EXPECT_FALSE(network.plan({.h = 4, .w = 4}).ok());  // a map of 2x2, nothing to pool
  EXPECT_EQ(steps_of(value_of(network.plan({.h = 5, .w = 5}))), "stem output");
  // 2^31 elements of an image: too many for the kernel's indices.
  const NetworkPlan large = value_of(network.plan({.h = 30000, .w = 30000}));
  EXPECT_EQ(steps_of(large), "input conv pool output");
}

}  // namespace
}  // namespace foldconv::kernel_tests
