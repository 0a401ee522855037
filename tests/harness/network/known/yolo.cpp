// SPDX-License-Identifier: MIT
// YOLOv8n's backbone and neck (depth 1/3, width 1/4), by its published configuration yolov8.yaml: the three
// maps that detection heads read. Images are multiples of 32.
#include <vector>

#include "harness/network/known/families.hpp"
#include "harness/network/known/graph_maker.hpp"

namespace foldconv::harness::known {
namespace {

class Yolo {
 public:
  Value conv(Value x, const std::string& name, int k, int r = 1, int stride = 1) {
    return net.conv(x, name, {.k = k, .r = r, .stride = stride, .activation = Activation::silu});
  }

  // Two halves of a 1x1; blocks of two 3x3s, each on what the one before it made; all of them together, and a 1x1.
  Value split_blocks(Value x, const std::string& name, int k, int blocks, bool shortcut) {
    const int half = k / 2;
    const Value both = conv(x, name + ".cv1", k);
    std::vector<Value> parts = {net.graph.slice(both, 1, 0, half, 1, name + ".first"),
                                net.graph.slice(both, 1, half, k, 1, name + ".second")};
    for (int block = 0; block < blocks; ++block) {
      const std::string own = name + ".m" + std::to_string(block);
      Value y = conv(parts.back(), own + ".cv1", half, 3);
      y = conv(y, own + ".cv2", half, 3);
      parts.push_back(shortcut ? net.graph.add(parts.back(), y, own) : y);
    }
    return conv(net.graph.concat(parts, 1, name + ".all"), name + ".cv2", k);
  }

  // Largest of 5x5, 9x9 and 13x13 windows, by three poolings one behind the other.
  Value pyramid_pool(Value x, const std::string& name) {
    const int k = net.channels(x);
    std::vector<Value> parts = {conv(x, name + ".cv1", k / 2)};
    for (int i = 0; i < 3; ++i) {
      parts.push_back(net.graph.pool(parts.back(), {.window = {5, 5}, .pad = Padding::same(2)},
                                     name + ".pool" + std::to_string(i)));
    }
    return conv(net.graph.concat(parts, 1, name + ".all"), name + ".cv2", k);
  }

  Value with(Value a, Value b, const std::string& name) {
    return net.graph.concat({a, b}, 1, name);
  }
  Value twice(Value x, const std::string& name) { return net.graph.resize_nearest(x, 2, 2, name); }

  GraphMaker net;
};

}  // namespace

Graph yolov8n() {
  Yolo yolo;
  Value x = yolo.conv(yolo.net.image(), "conv0", 16, 3, 2);
  x = yolo.conv(x, "conv1", 32, 3, 2);
  x = yolo.split_blocks(x, "c2f2", 32, 1, true);
  x = yolo.conv(x, "conv3", 64, 3, 2);
  const Value eighth = x = yolo.split_blocks(x, "c2f4", 64, 2, true);
  x = yolo.conv(x, "conv5", 128, 3, 2);
  const Value sixteenth = x = yolo.split_blocks(x, "c2f6", 128, 2, true);
  x = yolo.conv(x, "conv7", 256, 3, 2);
  x = yolo.split_blocks(x, "c2f8", 256, 1, true);
  const Value last = yolo.pyramid_pool(x, "sppf9");

  x = yolo.with(yolo.twice(last, "up10"), sixteenth, "concat11");
  const Value middle = yolo.split_blocks(x, "c2f12", 128, 1, false);
  x = yolo.with(yolo.twice(middle, "up13"), eighth, "concat14");
  const Value small = yolo.split_blocks(x, "c2f15", 64, 1, false);
  x = yolo.with(yolo.conv(small, "conv16", 64, 3, 2), middle, "concat17");
  const Value medium = yolo.split_blocks(x, "c2f18", 128, 1, false);
  x = yolo.with(yolo.conv(medium, "conv19", 128, 3, 2), last, "concat20");
  const Value large = yolo.split_blocks(x, "c2f21", 256, 1, false);
  yolo.net.graph.output(small, "small");
  yolo.net.graph.output(medium, "medium");
  yolo.net.graph.output(large, "large");
  return yolo.net.graph;
}

}  // namespace foldconv::harness::known
