// SPDX-License-Identifier: MIT
// State dicts of small ResNets, by the names of several frameworks. Knows nothing of the builder.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "foldconv/safetensors.hpp"
#include "host/weights/safetensors_writer.hpp"

namespace foldconv::test {

struct SmallResNet {
  std::array<int, 4> blocks = {1, 2, 1, 1};
  bool bottleneck = true;
  int groups = 1;
  int image = 3, stem = 5, classes = 3;
  std::array<int, 4> middle = {4, 6, 4, 6};
  std::array<int, 4> out = {7, 9, 9, 11};  // of basic blocks: middle, too
};

// Tensors by torchvision's names. Each has values of its own, so that none can be taken for another.
class ResNetDict {
 public:
  explicit ResNetDict(const SmallResNet& net = {}) {
    add_layer("conv1", "bn1", {net.stem, net.image, 7, 7});
    int c = net.stem;
    for (std::size_t stage = 0; stage < 4; ++stage) {
      const int k = net.out[stage], middle = net.bottleneck ? net.middle[stage] : k;
      for (int block = 0; block < net.blocks[stage]; ++block) {
        const std::string name =
            "layer" + std::to_string(stage + 1) + "." + std::to_string(block) + ".";
        if (net.bottleneck) {
          add_layer(name + "conv1", name + "bn1", {middle, c, 1, 1});
          add_layer(name + "conv2", name + "bn2", {middle, middle / net.groups, 3, 3});
          add_layer(name + "conv3", name + "bn3", {k, middle, 1, 1});
        } else {
          add_layer(name + "conv1", name + "bn1", {k, c, 3, 3});
          add_layer(name + "conv2", name + "bn2", {k, k, 3, 3});
        }
        if (block == 0 && (stage > 0 || c != k)) {
          add_layer(name + "downsample.0", name + "downsample.1", {k, c, 1, 1});
        }
        c = k;
      }
    }
    shapes["fc.weight"] = {net.classes, c};
    shapes["fc.bias"] = {net.classes};
  }

  // The file, its names changed. A name made "" is left out.
  safetensors::StateDict file(const std::function<std::string(const std::string&)>& rename = {},
                              const std::string& dtype = "F32") const {
    SafetensorsWriter writer;
    for (const auto& [name, shape] : shapes) {
      const std::string renamed = rename ? rename(name) : name;
      if (renamed.empty()) continue;
      std::string text;
      for (const int size : shape) text += (text.empty() ? "" : ",") + std::to_string(size);
      const bool counter = name.ends_with("num_batches_tracked");
      writer.add(renamed, counter ? "I64" : dtype, "[" + text + "]", bytes(name, dtype));
    }
    const auto all = std::make_shared<const std::string>(writer.text());
    return safetensors::StateDict::read(std::as_bytes(std::span(*all)), all, "net.safetensors")
        .value();
  }

  // Small integers and quarters of them: exact in every type.
  std::vector<float> values(const std::string& name) const {
    std::size_t elements = 1;
    for (const int size : shapes.at(name)) elements *= static_cast<std::size_t>(size);
    const auto seed = static_cast<std::size_t>(std::distance(shapes.begin(), shapes.find(name)));
    std::vector<float> values(elements);
    for (std::size_t i = 0; i < elements; ++i) {
      values[i] = static_cast<float>((i * 7 + seed * 11) % 251) / 4;
    }
    if (name == not_a_number) values[0] = std::nanf("");
    return values;
  }

  std::map<std::string, std::vector<int>> shapes;
  std::string not_a_number = {};  // a tensor that begins with a NaN

 private:
  void add_layer(const std::string& conv, const std::string& norm, const std::vector<int>& shape) {
    shapes[conv + ".weight"] = shape;
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
      shapes[norm + part] = {shape[0]};
    }
    shapes[norm + ".num_batches_tracked"] = {};
  }

  std::string bytes(const std::string& name, const std::string& dtype) const {
    if (name.ends_with("num_batches_tracked")) return bytes_of<std::int64_t>({1});
    const std::vector<float> values = this->values(name);
    if (dtype == "F64") return bytes_of(std::vector<double>(values.begin(), values.end()));
    if (dtype == "F32" || dtype == "I32") return bytes_of(values);
    std::vector<std::uint16_t> upper_halves;  // BF16
    for (const float value : values) {
      upper_halves.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
    }
    return bytes_of(upper_halves);
  }
};

// How transformers' ResNetForImageClassification calls what torchvision calls `name`.
inline std::string hugging_face_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  const std::string module = name.substr(0, dot), tensor = name.substr(dot);
  if (module == "fc") return "classifier.1" + tensor;
  if (module == "conv1") return "resnet.embedder.embedder.convolution" + tensor;
  if (module == "bn1") return "resnet.embedder.embedder.normalization" + tensor;
  // layerS.B.REST, of one digit each
  const std::string rest = module.substr(9);
  const std::string block = "resnet.encoder.stages." + std::string(1, char(module[5] - 1)) +
                            ".layers." + std::string(1, module[7]) + ".";
  if (rest == "downsample.0") return block + "shortcut.convolution" + tensor;
  if (rest == "downsample.1") return block + "shortcut.normalization" + tensor;
  const std::string layer = "layer." + std::string(1, char(rest.back() - 1));
  return block + layer + (rest.starts_with("conv") ? ".convolution" : ".normalization") + tensor;
}

}  // namespace foldconv::test
