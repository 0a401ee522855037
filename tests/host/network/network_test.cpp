// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstring>

#include "foldconv/network.hpp"
#include "harness/device/buffer.hpp"
#include "harness/error.hpp"
#include "host/expect_error.hpp"

namespace foldconv::test {
namespace {

using harness::check;
using harness::value_of;

TEST(NetworkFirst, Runs) {
  Graph g;
  Value x = g.input("x", {kOpen, 3, kOpen, kOpen});
  std::vector<float> w(16 * 3 * 9);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = 0.01f * static_cast<float>(i % 17) - 0.08f;
  x = g.conv(x, {.weights = Constant({16, 3, 3, 3}, w), .pad = Padding::same(1)}, "conv");
  x = g.activate(x, Activation::relu);
  x = g.pool(x, {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)});
  x = g.global_pool(x, PoolKind::average);
  std::vector<float> fc(10 * 16);
  for (std::size_t i = 0; i < fc.size(); ++i) fc[i] = 0.1f * static_cast<float>(i % 7) - 0.3f;
  x = g.linear(g.flatten(x), {.weights = Constant({10, 16}, fc)});
  g.output(g.softmax(x, 1), "p");
  const Network network = value_of(Network::create(g));
  std::fputs(network.explanation().to_string().c_str(), stderr);
  const NetworkPlan plan = value_of(network.plan({.n = 2, .h = 15, .w = 17}));
  std::fputs(plan.explanation().to_string().c_str(), stderr);
  std::vector<float> image(2 * 3 * 15 * 17);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 23) / 23;
  const harness::DeviceBuffer in(std::as_bytes(std::span(image)), harness::Guards::shifted);
  const harness::DeviceBuffer out(plan.output_bytes(0), harness::Guards::shifted), ws(plan.workspace_bytes(), harness::Guards::shifted);
  check(plan.run({.inputs = {in.data()}, .outputs = {out.data()}, .workspace = ws.data(), .workspace_bytes = plan.workspace_bytes()}));
  const auto bytes = out.download();
  std::vector<float> p(20);
  std::memcpy(p.data(), bytes.data(), bytes.size());
  float sum = 0;
  for (float v : p) { std::fprintf(stderr, "%g ", static_cast<double>(v)); sum += v; }
  EXPECT_NEAR(sum, 2, 0.01);
}

}  // namespace
}  // namespace foldconv::test
