// SPDX-License-Identifier: MIT
#include "harness/network/known/graph_maker.hpp"

#include <cmath>
#include <utility>
#include <vector>

namespace foldconv::harness::known {

Constant GraphMaker::uniform(Extents extents, float low, float high) {
  std::size_t count = 1;
  for (const std::int64_t d : extents) count *= static_cast<std::size_t>(d);
  std::vector<float> values(count);
  for (float& value : values) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;  // Knuth, MMIX
    constexpr float kSteps = 1 << 24;
    value = low + (high - low) * (static_cast<float>(state_ >> 40) / kSteps);
  }
  return Constant(std::move(extents), std::move(values));
}

Constant GraphMaker::weights(Extents extents, std::size_t fan_in) {
  const float most = std::sqrt(3.0f / static_cast<float>(fan_in));
  return uniform(std::move(extents), -most, most);
}

Value GraphMaker::plain_conv(Value x, const std::string& name, const ConvLayer& layer) {
  const int c = channels(x) / layer.groups;
  const auto fan_in = static_cast<std::size_t>(c) * static_cast<std::size_t>(layer.r) *
                      static_cast<std::size_t>(layer.r);
  const Value y = graph.conv(x,
                             {.weights = weights({layer.k, c, layer.r, layer.r}, fan_in),
                              .stride = {layer.stride, layer.stride},
                              .pad = layer.pad,
                              .groups = layer.groups},
                             name);
  return layer.activation == Activation::none ? y
                                              : graph.activate(y, layer.activation, name + ".act");
}

Value GraphMaker::batch_norm(Value x, const std::string& name) {
  const Extents c = {channels(x)};
  return graph.batch_norm(x,
                          {.gamma = uniform(c, 0.8f, 1.2f),
                           .beta = uniform(c, -0.1f, 0.1f),
                           .mean = uniform(c, -0.1f, 0.1f),
                           .variance = uniform(c, 0.8f, 1.2f),
                           .eps = Epsilon(1e-5)},
                          name);
}

Value GraphMaker::conv(Value x, const std::string& name, const ConvLayer& layer) {
  ConvLayer alone = layer;
  alone.activation = Activation::none;
  const Value y = batch_norm(plain_conv(x, name, alone), name + ".bn");
  return layer.activation == Activation::none ? y
                                              : graph.activate(y, layer.activation, name + ".act");
}

Value GraphMaker::linear(Value x, const std::string& name, int k) {
  const std::int64_t c = graph.extents(x).back();
  return graph.linear(
      x,
      {.weights = weights({k, c}, static_cast<std::size_t>(c)), .bias = uniform({k}, -0.1f, 0.1f)},
      name);
}

void GraphMaker::classify(Value x, int classes) {
  const Value mean = graph.flatten(graph.global_pool(x, PoolKind::average, "mean"));
  graph.output(linear(mean, "fc", classes), "logits");
}

}  // namespace foldconv::harness::known
