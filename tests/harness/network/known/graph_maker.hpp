// SPDX-License-Identifier: MIT
// A graph with seeded weights: every tensor is a function of how many were made before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "foldconv/graph.hpp"

namespace foldconv::harness::known {

// A convolution as networks have it: a BatchNorm behind it, then an activation.
struct ConvLayer {
  int k;
  int r = 1;
  int stride = 1;
  int groups = 1;
  Activation activation = Activation::none;
  Padding pad = Padding::same(r / 2);
};

class GraphMaker {
 public:
  Graph graph;

  Value image() { return graph.input("image", {kOpen, 3, kOpen, kOpen}); }
  // "NAME", its BatchNorm "NAME.bn", its activation "NAME.act".
  Value conv(Value x, const std::string& name, const ConvLayer& layer);
  // Without a BatchNorm.
  Value plain_conv(Value x, const std::string& name, const ConvLayer& layer);
  Value batch_norm(Value x, const std::string& name);
  Value linear(Value x, const std::string& name, int k);
  // Mean of each channel, then `classes` numbers: the output "logits".
  void classify(Value x, int classes);
  int channels(Value x) const { return static_cast<int>(graph.extents(x)[1]); }

 private:
  // Uniform in [low, high].
  Constant uniform(Extents extents, float low, float high);
  // So that a layer of `fan_in` inputs of order 1 has outputs of order 1.
  Constant weights(Extents extents, std::size_t fan_in);

  std::uint64_t state_ = 1;
};

}  // namespace foldconv::harness::known
