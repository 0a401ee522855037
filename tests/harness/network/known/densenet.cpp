// SPDX-License-Identifier: MIT
// Huang et al., "Densely Connected Convolutional Networks", 2016: DenseNet-BC, growth 32. Every layer reads what all before it in
// its block made, and a BatchNorm and a ReLU come before each convolution.
#include <vector>

#include "harness/network/known/families.hpp"
#include "harness/network/known/graph_maker.hpp"

namespace foldconv::harness::known {
namespace {

Value norm_relu(GraphMaker& net, Value x, const std::string& name) {
  return net.graph.activate(net.batch_norm(x, name), Activation::relu, name + ".act");
}

}  // namespace

Graph densenet121() {
  constexpr int kGrowth = 32;
  constexpr int kLayers[] = {6, 12, 24, 16};
  GraphMaker net;
  Value x = net.conv(net.image(), "conv0",
                     {.k = 2 * kGrowth, .r = 7, .stride = 2, .activation = Activation::relu});
  x = net.graph.pool(x, {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)}, "pool0");
  for (int block = 0; block < 4; ++block) {
    std::vector<Value> parts = {x};
    for (int layer = 0; layer < kLayers[block]; ++layer) {
      const std::string name =
          "dense" + std::to_string(block + 1) + "." + std::to_string(layer + 1);
      Value y = norm_relu(net, x, name + ".norm1");
      y = net.plain_conv(y, name + ".conv1", {.k = 4 * kGrowth});
      y = norm_relu(net, y, name + ".norm2");
      parts.push_back(net.plain_conv(y, name + ".conv2", {.k = kGrowth, .r = 3}));
      x = net.graph.concat(parts, 1, name);
    }
    const std::string name = "transition" + std::to_string(block + 1);
    x = norm_relu(net, x, name + ".norm");
    if (block == 3) break;
    x = net.plain_conv(x, name + ".conv", {.k = net.channels(x) / 2});
    x = net.graph.pool(x, {.kind = PoolKind::average, .window = {2, 2}, .stride = {2, 2}}, name);
  }
  net.classify(x, 1000);
  return net.graph;
}

}  // namespace foldconv::harness::known
