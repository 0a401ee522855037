// SPDX-License-Identifier: MIT
// Networks with seeded weights, small enough for the emulator.
#pragma once

#include <cstdint>
#include <vector>

#include "foldconv/graph.hpp"
#include "harness/device/buffer.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::kernel_tests {

// Adds layers with seeded weights, of which a He-scaled sum keeps values of order 1.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(std::uint64_t seed = 1) : seed_(seed) {}

  Graph graph;

  Value image(int c = 3) { return graph.input("image", {kOpen, c, kOpen, kOpen}); }

  struct ConvOf {
    int k, r = 1, stride = 1, groups = 1;
    bool bias = false;
    int s = 0;  // 0: r
  };
  Value conv(Value x, const ConvOf& of, std::string_view name = {}) {
    const int c = static_cast<int>(graph.extents(x)[1]) / of.groups, s = of.s > 0 ? of.s : of.r;
    const oracle::RawConv raw = raw_conv(c, of.k, of.r, s);
    const auto k = std::int64_t{of.k};
    return graph.conv(x,
                      {.weights = Constant({k, c, of.r, s}, raw.weights),
                       .bias = of.bias ? Constant({k}, raw.conv_bias) : Constant(),
                       .stride = {of.stride, of.stride},
                       .pad = Padding::symmetric(of.r / 2, s / 2),
                       .groups = of.groups},
                      name);
  }
  Value norm(Value x) {
    const auto c = graph.extents(x)[1];
    const oracle::RawConv raw = raw_conv(1, static_cast<int>(c), 1, 1);
    const auto constant = [&](const std::vector<float>& values) { return Constant({c}, values); };
    return graph.batch_norm(x, {.gamma = constant(raw.gamma),
                                .beta = constant(raw.beta),
                                .mean = constant(raw.mean),
                                .variance = constant(raw.variance),
                                .eps = Epsilon(raw.eps)});
  }
  Value layer(Value x, const ConvOf& of, const Activation& activation = Activation::relu) {
    return graph.activate(norm(conv(x, of)), activation);
  }
  Value linear(Value x, int k) {
    const auto c = graph.extents(x).back();
    const oracle::RawConv raw = raw_conv(static_cast<int>(c), k, 1, 1);
    return graph.linear(
        x, {.weights = Constant({k, c}, raw.weights), .bias = Constant({k}, raw.conv_bias)});
  }
  Value bottleneck(Value x, int middle, int k, int stride = 1) {
    const bool projected = stride != 1 || graph.extents(x)[1] != k;
    const Value t = layer(layer(x, {.k = middle}), {.k = middle, .r = 3, .stride = stride});
    const Value y = norm(conv(t, {.k = k}));
    return graph.activate(graph.add(y, projected ? norm(conv(x, {.k = k, .stride = stride})) : x),
                          Activation::relu);
  }

 private:
  oracle::RawConv raw_conv(int c, int k, int r, int s) {
    const ConvProblem problem = {.h = r, .w = s, .c = c, .k = k, .r = r, .s = s};
    return oracle::make_raw(problem, {.conv_bias = true, .seed = ++seed_});
  }

  std::uint64_t seed_;
};

// Bytes of fp32 images between -1 and 1.
harness::Bytes seeded_images(std::size_t elements, std::uint64_t seed);

}  // namespace foldconv::kernel_tests
