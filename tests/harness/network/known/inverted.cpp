// SPDX-License-Identifier: MIT
// Networks of inverted residual blocks. Sandler et al., "MobileNetV2", 2018, table 2; EfficientNet-Lite0: EfficientNet-B0 (Tan
// and Le, 2019) without squeeze-excite, with ReLU6, and its stem and head of fixed width.
#include <initializer_list>

#include "harness/network/known/families.hpp"
#include "harness/network/known/graph_maker.hpp"

namespace foldconv::harness::known {
namespace {

// `blocks` blocks, the first of which has the stride.
struct Run {
  int expansion, k, blocks, stride, r = 3;
};

// As frameworks pad: as much on both sides, or TensorFlow's "SAME", which for even images and stride 2 has one more behind.
enum class Pads { even, same };

Padding pads(Pads how, int r, int stride) {
  const int all = stride == 2 ? r - 2 : r - 1, before = all / 2;
  if (how == Pads::even) return Padding::same(r / 2);
  return {before, all - before, before, all - before};
}

Graph inverted_network(Pads how, std::initializer_list<Run> runs) {
  const Activation act = Activation::relu6;
  GraphMaker net;
  Value x = net.conv(net.image(), "stem",
                     {.k = 32, .r = 3, .stride = 2, .activation = act, .pad = pads(how, 3, 2)});
  int number = 0;
  for (const Run& run : runs) {
    for (int block = 0; block < run.blocks; ++block) {
      const std::string name = "block" + std::to_string(++number);
      const int c = net.channels(x), middle = c * run.expansion;
      const int stride = block == 0 ? run.stride : 1;
      Value y =
          run.expansion == 1 ? x : net.conv(x, name + ".expand", {.k = middle, .activation = act});
      y = net.conv(y, name + ".depthwise",
                   {.k = middle,
                    .r = run.r,
                    .stride = stride,
                    .groups = middle,
                    .activation = act,
                    .pad = pads(how, run.r, stride)});
      y = net.conv(y, name + ".project", {.k = run.k});
      x = stride == 1 && c == run.k ? net.graph.add(x, y, name) : y;
    }
  }
  net.classify(net.conv(x, "head", {.k = 1280, .activation = act}), 1000);
  return net.graph;
}

}  // namespace

Graph mobilenet_v2() {
  return inverted_network(Pads::even, {{1, 16, 1, 1},
                                       {6, 24, 2, 2},
                                       {6, 32, 3, 2},
                                       {6, 64, 4, 2},
                                       {6, 96, 3, 1},
                                       {6, 160, 3, 2},
                                       {6, 320, 1, 1}});
}

Graph efficientnet_lite0() {
  return inverted_network(Pads::same, {{1, 16, 1, 1},
                                       {6, 24, 2, 2},
                                       {6, 40, 2, 2, 5},
                                       {6, 80, 3, 2},
                                       {6, 112, 3, 1, 5},
                                       {6, 192, 4, 2, 5},
                                       {6, 320, 1, 1}});
}

}  // namespace foldconv::harness::known
