// SPDX-License-Identifier: MIT
// Networks with squeeze and excite: the bits of their chain, and what they move.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "cuemu.h"
#include "harness/network/run.hpp"
#include "kernels/support/device_buffer.hpp"
#include "kernels/support/test_networks.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using harness::run_network;

const Activation kGateEnd = Activation::hard_sigmoid(1 / 6.0f, 0.5f);

// The gates of x, c channels, and their product with it.
Value squeezed(NetworkBuilder& b, Value x, int hidden, const Activation& inner,
               const Activation& outer) {
  const int c = static_cast<int>(b.graph.extents(x)[1]);
  Value gate = b.graph.global_pool(x, PoolKind::average);
  gate = b.graph.activate(b.conv(gate, {.k = hidden, .bias = true}), inner);
  gate = b.graph.activate(b.conv(gate, {.k = c, .bias = true}), outer);
  return b.graph.multiply(x, gate);
}

// As MobileNetV3 and EfficientNet have it.
Value inverted(NetworkBuilder& b, Value x, int middle, int k, int filter, int stride,
               const Activation& act, const Activation& outer) {
  const bool same = stride == 1 && b.graph.extents(x)[1] == k;
  Value t = b.layer(x, {.k = middle}, act);
  t = b.layer(t, {.k = middle, .r = filter, .stride = stride, .groups = middle}, act);
  t = squeezed(b, t, std::max(middle / 4, 8), act, outer);
  t = b.norm(b.conv(t, {.k = k}));
  return same ? b.graph.add(t, x) : t;
}

Graph mobilenet_v3_like(unsigned seed) {
  NetworkBuilder b(seed);
  Value x = b.layer(b.image(), {.k = 16, .r = 3, .stride = 2}, Activation::hardswish);
  x = inverted(b, x, 16, 16, 3, 1, Activation::relu, kGateEnd);
  x = inverted(b, x, 72, 24, 3, 2, Activation::relu, kGateEnd);
  x = inverted(b, x, 88, 24, 5, 1, Activation::hardswish, kGateEnd);
  b.graph.output(b.linear(b.graph.flatten(b.graph.global_pool(x, PoolKind::average)), 9), "logits");
  return b.graph;
}
Graph efficientnet_like(unsigned seed) {
  NetworkBuilder b(seed);
  Value x = b.layer(b.image(), {.k = 32, .r = 3, .stride = 2}, Activation::silu);
  x = inverted(b, x, 32, 16, 3, 1, Activation::silu, Activation::sigmoid);
  x = inverted(b, x, 96, 24, 5, 2, Activation::silu, Activation::sigmoid);
  x = inverted(b, x, 144, 24, 3, 1, Activation::silu, Activation::sigmoid);
  b.graph.output(b.linear(b.graph.flatten(b.graph.global_pool(x, PoolKind::average)), 9), "logits");
  return b.graph;
}

NetworkPlan gated_plan_of(const Graph& graph, const NetworkPlanOptions& options,
                          const NetworkOptions& how = {}) {
  return value_of(value_of(Network::create(graph, how)).plan(options));
}

class GateNetworks : public testing::TestWithParam<DataType> {};

TEST_P(GateNetworks, BitsOfTheChain) {
  for (const Graph& graph : {mobilenet_v3_like(3), efficientnet_like(4)}) {
    for (const auto& [n, h, w] : {std::array{3, 29, 37}, std::array{1, 64, 47}}) {
      const NetworkPlanOptions options = {.n = n, .h = h, .w = w};
      const std::vector<Bytes> images = {seeded_images(static_cast<std::size_t>(n * 3 * h * w), 5)};
      const NetworkPlan fused = gated_plan_of(graph, options, {.dtype = GetParam()});
      const NetworkPlan chain =
          gated_plan_of(graph, options, {.dtype = GetParam(), .blocks = false});
      EXPECT_LT(fused.explanation().launches(), chain.explanation().launches());
      const std::vector<Bytes> outputs = run_network(fused, images).outputs;
      EXPECT_TRUE(outputs == run_network(chain, images).outputs) << "other bits";
      if (n == 1) continue;
      const Bytes two = run_network(fused, images, 2).outputs[0];
      EXPECT_TRUE(std::equal(two.begin(), two.begin() + 2 * 9 * 4, outputs[0].begin()));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, GateNetworks,
                         testing::Values(DataType::f16, DataType::bf16, DataType::f32),
                         [](const auto& test) { return std::string(to_string(test.param)); });

// Depthwise, squeeze and excite, 1x1: the depthwise writes the widest tensor, the 1x1 reads it, and nothing else does.
TEST(GateNetwork, TheWidestTensorIsWrittenOnceAndReadOnce) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  NetworkBuilder b(7);
  const int n = 2, c = 96, k = 24, h = 21, w = 19;
  const Value image = b.graph.input("image", {kOpen, c, kOpen, kOpen});
  const Value wide = b.layer(image, {.k = c, .r = 3, .groups = c});
  b.graph.output(b.norm(b.conv(squeezed(b, wide, 24, Activation::relu, kGateEnd), {.k = k})), "y");
  NetworkPlanOptions options = {.n = n, .h = h, .w = w};
  options.input = {.layout = PixelLayout::nhwc, .type = PixelType::f16};
  options.output = NetworkPlanOptions::Output::storage;
  const NetworkPlan plan = gated_plan_of(b.graph, options);
  std::string operations;
  for (const NetworkStep& step : plan.explanation().steps) operations += step.operation + ' ';
  EXPECT_EQ(operations, "input conv gate conv output ") << plan.explanation().to_string();
  const harness::NetworkBuffersOfPlan buffers(plan, {Bytes(std::size_t{n} * h * w * c * 2)},
                                              Guards::none);
  cuemu_counters counters{};
  cuemu_reset_counters();
  check(plan.run(buffers.buffers()));
  check(cudaDeviceSynchronize(), "run");
  cuemu_read_counters(&counters);
  const auto moved =
      static_cast<double>(counters.global_load.unique_bytes + counters.global_store.unique_bytes);
  EXPECT_NEAR(moved, plan.explanation().dram_bytes(), 0.02 * moved);
  // Image copied; read; the wide tensor written, read; y written, and copied.
  const double pixels = n * h * w * 2.0;
  EXPECT_LT(moved, 1.1 * pixels * (2 * c + c + c + c + 3 * k));
}

}  // namespace
}  // namespace foldconv::kernel_tests
