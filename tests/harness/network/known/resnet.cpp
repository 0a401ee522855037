// SPDX-License-Identifier: MIT
// He et al., "Deep Residual Learning for Image Recognition", 2015, with the stride on the 3x3 (v1.5); Xie et al.,
// "Aggregated Residual Transformations for Deep Neural Networks", 2016.
#include "harness/network/known/families.hpp"
#include "harness/network/known/graph_maker.hpp"

namespace foldconv::harness::known {
namespace {

// Four stages of bottlenecks, whose 3x3s have `groups` groups of `width` channels in the first stage.
Graph bottleneck_network(int groups, int width) {
  constexpr int kBlocks[] = {3, 4, 6, 3};
  const Activation relu = Activation::relu;
  GraphMaker net;
  Value x = net.conv(net.image(), "conv1", {.k = 64, .r = 7, .stride = 2, .activation = relu});
  x = net.graph.pool(x, {.window = {3, 3}, .stride = {2, 2}, .pad = Padding::same(1)}, "maxpool");
  for (int stage = 0; stage < 4; ++stage) {
    const int middle = groups * width << stage, k = 256 << stage;
    for (int block = 0; block < kBlocks[stage]; ++block) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(block);
      const int stride = block == 0 && stage > 0 ? 2 : 1;
      const Value shortcut =
          block == 0 ? net.conv(x, name + ".downsample", {.k = k, .stride = stride}) : x;
      Value y = net.conv(x, name + ".conv1", {.k = middle, .activation = relu});
      y = net.conv(y, name + ".conv2",
                   {.k = middle, .r = 3, .stride = stride, .groups = groups, .activation = relu});
      y = net.conv(y, name + ".conv3", {.k = k});
      x = net.graph.activate(net.graph.add(y, shortcut, name + ".sum"), relu, name);
    }
  }
  net.classify(x, 1000);
  return net.graph;
}

}  // namespace

Graph resnet50() {
  return bottleneck_network(1, 64);
}
Graph resnext50_32x4d() {
  return bottleneck_network(32, 4);
}

}  // namespace foldconv::harness::known
