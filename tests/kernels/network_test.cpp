// SPDX-License-Identifier: MIT
// Whole networks: each step against fp64, and the promises: same bits for every cut, place in the batch, number of
// images, workspace and captured graph.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "harness/network/judge.hpp"
#include "host/expect_error.hpp"
#include "kernels/support/device_buffer.hpp"
#include "kernels/support/test_networks.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using harness::NetworkBuffersOfPlan;
using harness::run_network;

// Every operation once, on extents that no kernel likes.
Graph everything() {
  NetworkBuilder b;
  Graph& g = b.graph;
  Value x = b.layer(b.image(), {.k = 20, .r = 3, .stride = 2}, Activation::hardswish);
  x = g.pool(x, {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1), .ceil_mode = true},
             "pooled");
  const Value deep = b.layer(x, {.k = 20, .r = 3, .groups = 20}, Activation::relu6);  // depthwise
  const Value gate =
      g.activate(b.conv(g.global_pool(deep, PoolKind::average), {.k = 20, .bias = true}),
                 Activation::hard_sigmoid(1 / 6.f, 0.5f));
  const Value gated = g.multiply(deep, gate, "gated");
  Value y = g.add(b.conv(gated, {.k = 20, .bias = true}), x, "sum");
  y = g.concat({y, g.activate(b.norm(y), Activation::silu), x}, 1, "concat");
  y = g.lrn(y, {.size = 4, .alpha = 0.5f, .bias = 2}, "normalised");
  y = g.resize_nearest(g.slice(y, 1, 3, -5, 2), 2, 1, "resized");
  y = g.pad(y, {0, 0, 1, -1}, {0, 0, 0, 2}, 0.5f, "padded");
  y = g.pool(y, {.kind = PoolKind::average,
                 .window = {2, 3},
                 .stride = {2, 2},
                 .pad = {0, 1, 1, 1},
                 .count_include_pad = true});
  const Value flat = g.flatten(g.global_pool(y, PoolKind::max), 1, "flat");
  const Value logits = b.linear(flat, 7);
  g.output(g.softmax(logits, 1), "probabilities");
  g.output(g.transpose(y, {0, 2, 3, 1}), "map");
  g.output(g.softmax(y, 1), "over channels");
  return g;
}

Graph residual_network() {
  NetworkBuilder b(9);
  Value x = b.layer(b.image(), {.k = 24, .r = 7, .stride = 2});
  x = b.graph.pool(x, {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)});
  x = b.bottleneck(x, 16, 64);
  x = b.bottleneck(x, 16, 64);
  x = b.bottleneck(x, 32, 128, 2);
  x = b.bottleneck(x, 32, 128);
  x = b.graph.flatten(b.graph.global_pool(x, PoolKind::average));
  b.graph.output(b.linear(x, 13), "logits");
  return b.graph;
}

NetworkPlan plan_of(const Graph& graph, const NetworkPlanOptions& options,
                    const NetworkOptions& how = {}) {
  return value_of(value_of(Network::create(graph, how)).plan(options));
}

class NetworkTypes : public testing::TestWithParam<DataType> {};

TEST_P(NetworkTypes, EveryStepIsWithinItsBound) {
  for (const Graph& graph : {everything(), residual_network()}) {
    ASSERT_TRUE(graph.status().ok()) << graph.status().message();
    const harness::JudgedNetwork network =
        harness::judged_network(graph, GetParam(), {.n = 2, .h = 37, .w = 29});
    const std::vector<Bytes> inputs = {seeded_images(2 * 3 * 37 * 29, 5)};
    const auto verdicts = harness::judge_steps(network, inputs, run_network(network.plan, inputs));
    EXPECT_GT(verdicts.size(), 10u);
    for (const harness::StepVerdict& step : verdicts)
      EXPECT_TRUE(step.verdict.pass)
          << step.operation << " " << step.tensor << ": " << step.verdict.reason;
  }
}

INSTANTIATE_TEST_SUITE_P(All, NetworkTypes,
                         testing::Values(DataType::f16, DataType::bf16, DataType::f32),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

// A plan with no places shared gives what one with all of them shared does.
TEST(Networks, SharedPlacesChangeNoBit) {
  const std::vector<Bytes> inputs = {seeded_images(2 * 3 * 37 * 29, 6)};
  for (const Graph& graph : {everything(), residual_network()}) {
    const NetworkPlan shared = plan_of(graph, {.n = 2, .h = 37, .w = 29}, {.blocks = false});
    const NetworkPlan apart =
        plan_of(graph, {.n = 2, .h = 37, .w = 29, .keep_all = true}, {.blocks = false});
    EXPECT_LT(shared.workspace_bytes(), apart.workspace_bytes());
    EXPECT_EQ(run_network(shared, inputs).outputs, run_network(apart, inputs).outputs);
  }
}

// Blocks without a projection, which every cut takes; and as single convolutions.
TEST(Networks, CutsChangeNoBit) {
  NetworkBuilder b(3);
  Value x = b.layer(b.image(), {.k = 128, .r = 3, .stride = 2});
  x = b.bottleneck(b.bottleneck(x, 64, 128), 64, 128);
  b.graph.output(x, "y");
  const std::vector<Bytes> inputs = {seeded_images(2 * 3 * 24 * 22, 7)};
  const NetworkPlanOptions options = {.n = 2, .h = 24, .w = 22};
  const auto expected = run_network(plan_of(b.graph, options, {.blocks = false}), inputs).outputs;
  for (const BlockCut cut :
       {BlockCut::automatic, BlockCut::chain, BlockCut::tails, BlockCut::whole}) {
    NetworkPlanOptions cut_options = options;
    cut_options.cut = cut;
    const NetworkPlan plan = plan_of(b.graph, cut_options);
    EXPECT_EQ(plan.explanation().steps[1].operation, "stage");
    EXPECT_EQ(run_network(plan, inputs).outputs, expected) << to_string(cut);
  }
}

// Images of a batch of three: alone, at another place, and as the first ones of a larger plan.
TEST(Networks, TheBatchChangesNoBit) {
  for (const Graph& graph : {everything(), residual_network()}) {
    const Network network = value_of(Network::create(graph));
    const std::size_t image = 3 * 33 * 41;
    const Bytes three = seeded_images(3 * image, 8);
    const auto part = [&](std::size_t begin, std::size_t count) {
      const auto from = three.begin() + static_cast<std::ptrdiff_t>(begin * image * sizeof(float));
      return Bytes(from, from + static_cast<std::ptrdiff_t>(count * image * sizeof(float)));
    };
    const NetworkPlan plan = value_of(network.plan({.n = 3, .h = 33, .w = 41}));
    const NetworkPlan one = value_of(network.plan({.n = 1, .h = 33, .w = 41}));
    const std::vector<Bytes> all = run_network(plan, {three}).outputs;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::vector<Bytes> alone = run_network(one, {part(i, 1)}).outputs;
      for (std::size_t o = 0; o < all.size(); ++o)
        EXPECT_EQ(
            std::memcmp(all[o].data() + i * alone[o].size(), alone[o].data(), alone[o].size()), 0)
            << i;
    }
    for (const int images : {1, 2}) {
      const std::vector<Bytes> some = run_network(plan, {three}, images).outputs;
      for (std::size_t o = 0; o < all.size(); ++o) {
        const std::size_t bytes = all[o].size() / 3 * static_cast<std::size_t>(images);
        EXPECT_EQ(std::memcmp(some[o].data(), all[o].data(), bytes), 0);
        for (std::size_t i = bytes; i < some[o].size(); ++i)
          ASSERT_EQ(std::to_integer<int>(some[o][i]), harness::DeviceBuffer::kPoison)
              << "what lies behind the images was written";
      }
    }
  }
}

TEST(Networks, ACapturedGraphGivesTheSameBits) {
  const std::vector<Bytes> inputs = {seeded_images(3 * 33 * 41, 9)};
  const NetworkPlan plan = plan_of(everything(), {.h = 33, .w = 41});
  const NetworkBuffersOfPlan memory(plan, inputs);
  const CudaGraph graph = value_of(plan.capture(memory.buffers()));
  for (int round = 0; round < 2; ++round) {
    memory.poison();
    check(graph.launch());
    check(cudaDeviceSynchronize(), "a captured network");
    EXPECT_EQ(memory.outputs(), run_network(plan, inputs).outputs);
  }
}

TEST(Networks, ThreadsShareAPlan) {
  const std::vector<Bytes> inputs = {seeded_images(3 * 33 * 41, 10)};
  const NetworkPlan plan = plan_of(residual_network(), {.h = 33, .w = 41});
  const std::vector<Bytes> expected = run_network(plan, inputs).outputs;
  std::vector<std::vector<Bytes>> got(2);
  std::vector<std::thread> threads;
  for (auto& outputs : got) {
    threads.emplace_back([&] { outputs = run_network(plan, inputs).outputs; });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& outputs : got) EXPECT_EQ(outputs, expected);
}

TEST(Networks, TensorsCanBeKept) {
  const Network network = value_of(Network::create(everything()));
  const NetworkPlan plan = value_of(network.plan({.h = 33, .w = 41, .keep = {"pooled"}}));
  const KeptTensor kept = value_of(plan.tensor("pooled"));
  EXPECT_EQ(kept.extents, (foldconv::Extents{1, 20, 9, 11}));
  EXPECT_EQ(kept.order, (std::vector{0, 2, 3, 1}));
  EXPECT_TRUE(test::fails_with(plan.tensor("sum"), test::kInvalid, {"\"sum\""}));
  EXPECT_TRUE(test::fails_with(network.plan({.h = 33, .w = 41, .keep = {"nothing"}}),
                               test::kInvalid, {"\"nothing\""}));
}

// The same pixels as u8, fp16 and fp32, in planes and not.
TEST(Networks, TakePixelsOfEveryKind) {
  NetworkBuilder b;
  b.graph.output(b.layer(b.image(), {.k = 16, .r = 3}), "y");
  const Network network = value_of(Network::create(b.graph));
  constexpr int kH = 9, kW = 7;
  std::vector<float> planes(3 * kH * kW), pixels(planes.size());
  Bytes u8(planes.size());
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < kH * kW; ++i) {
      const auto value = (i * 37 + c * 101) % 256;
      planes[c * kH * kW + i] = pixels[i * 3 + c] = static_cast<float>(value);
      u8[i * 3 + c] = static_cast<std::byte>(value);
    }
  }
  PixelFormat format = {.mean = {100, 110, 120}, .scale = {0.01f, 0.02f, 0.03f}};
  const auto run = [&](PixelLayout layout, PixelType type, const Bytes& bytes) {
    format.layout = layout;
    format.type = type;
    return run_network(value_of(network.plan({.h = kH, .w = kW, .input = format})), {bytes})
        .outputs;
  };
  const auto expected = run(PixelLayout::nchw, PixelType::f32, harness::bytes_of(planes));
  EXPECT_EQ(run(PixelLayout::model, PixelType::f32, harness::bytes_of(planes)), expected);
  EXPECT_EQ(run(PixelLayout::nhwc, PixelType::f32, harness::bytes_of(pixels)), expected);
  EXPECT_EQ(run(PixelLayout::nhwc, PixelType::u8, u8), expected);
  EXPECT_EQ(run(PixelLayout::nhwc, PixelType::f16, oracle::encode(DataType::f16, pixels)),
            expected);
}

struct NetworkErrors : testing::Test {
  Network network = value_of(Network::create(residual_network()));
  NetworkPlan plan = value_of(network.plan({.n = 2, .h = 32, .w = 32}));
  NetworkBuffersOfPlan memory{plan, {seeded_images(2 * 3 * 32 * 32, 1)}};
  NetworkBuffers buffers = memory.buffers();

  testing::AssertionResult fails(ErrorCode code,
                                 std::initializer_list<std::string_view> parts) const {
    return test::fails_with(plan.run(buffers), code, parts);
  }
};

TEST_F(NetworkErrors, OfBuffers) {
  buffers.inputs.clear();
  EXPECT_TRUE(fails(test::kInvalid, {"inputs", "give 1"}));
  buffers = memory.buffers();
  buffers.inputs[0] = nullptr;
  EXPECT_TRUE(fails(test::kInvalid, {"image"}));
  buffers = memory.buffers();
  buffers.outputs[0] = static_cast<std::byte*>(buffers.outputs[0]) + 4;
  EXPECT_TRUE(fails(ErrorCode::misaligned, {"logits"}));
  buffers = memory.buffers();
  --buffers.workspace_bytes;
  EXPECT_TRUE(fails(ErrorCode::workspace_too_small, {"workspace_bytes()"}));
  buffers = memory.buffers();
  buffers.outputs[0] = static_cast<std::byte*>(buffers.workspace) + 256;
  EXPECT_TRUE(fails(ErrorCode::aliasing, {"workspace"}));
  buffers = memory.buffers(3);
  EXPECT_TRUE(fails(test::kInvalid, {"images = 3, n = 2"}));
}

TEST_F(NetworkErrors, OfExtents) {
  EXPECT_TRUE(test::fails_with(network.plan({}), test::kInvalid,
                               {"leaves an extent open", "?x3x?x?", "h and w"}));
  EXPECT_TRUE(test::fails_with(network.plan({.inputs = {{1, 4, 32, 32}}}), test::kInvalid,
                               {"another extent", "give 3"}));
  EXPECT_TRUE(
      test::fails_with(network.plan({.inputs = {{1, 3, 32}}}), test::kInvalid, {"give 4 extents"}));
  EXPECT_TRUE(
      test::fails_with(network.plan({.inputs = {}, .keep = {"?"}}), test::kInvalid, {"open"}));
  EXPECT_TRUE(test::fails_with(network.plan({.n = 1 << 30, .h = 1 << 12, .w = 1 << 12}),
                               test::kInvalid, {"smaller"}));
}

TEST(Networks, WithoutOutputsAreRefused) {
  NetworkBuilder b;
  b.layer(b.image(), {.k = 8});
  EXPECT_TRUE(test::fails_with(Network::create(b.graph), test::kInvalid, {"0 outputs"}));
}

TEST(Networks, OfAGraphThatFailedSayWhy) {
  NetworkBuilder b;
  b.graph.output(b.graph.softmax(b.image(), 9), "y");
  EXPECT_TRUE(test::fails_with(Network::create(b.graph), test::kInvalid, {"axis 9"}));
}

// A model with a fixed batch runs all of its images or none.
TEST(Networks, WithAFixedBatchSaySo) {
  NetworkBuilder b;
  b.graph.output(b.layer(b.graph.input("x", {2, 3, 8, 8}), {.k = 8}), "y");
  const NetworkPlan plan = plan_of(b.graph, {});
  const std::vector<Bytes> inputs = {seeded_images(2 * 3 * 64, 1)};
  const NetworkBuffersOfPlan memory(plan, inputs);
  EXPECT_TRUE(
      test::fails_with(plan.run(memory.buffers(1)), ErrorCode::unsupported, {"fixes the batch"}));
}

}  // namespace
}  // namespace foldconv::kernel_tests
