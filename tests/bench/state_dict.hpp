// SPDX-License-Identifier: MIT
// State dicts of small residual blocks.
#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foldconv/safetensors.hpp"
#include "harness/error.hpp"
#include "host/weights/safetensors_writer.hpp"

namespace foldconv::test {

using Shape4 = std::vector<int>;

// A state dict: each tensor holds values of its own, so that none can be taken for another.
class StateDict {
 public:
  void set(const std::string& name, const Shape4& shape, const std::string& dtype = "F32") {
    tensors_[name] = {shape, dtype};
  }
  void erase(const std::string& name) { tensors_.erase(name); }

  void add_conv(const std::string& name, int k, int c, int filter) {
    set(name + ".weight", {k, c, filter, filter});
  }
  void add_batch_norm(const std::string& name, int k) {
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
      set(name + part, {k});
    }
    set(name + ".num_batches_tracked", {}, "I64");
  }
  void add_layer(const std::string& conv, const std::string& batch_norm, int k, int c, int filter) {
    add_conv(conv, k, c, filter);
    add_batch_norm(batch_norm, k);
  }

  std::vector<float> values(const std::string& name) const {
    const auto place = tensors_.find(name);
    std::size_t elements = 1;
    for (const int size : place->second.first) elements *= static_cast<std::size_t>(size);
    const auto number = static_cast<float>(std::distance(tensors_.begin(), place) + 1);
    std::vector<float> values(elements);
    for (std::size_t i = 0; i < elements; ++i) values[i] = number + static_cast<float>(i) / 4096;
    return values;
  }

  safetensors::StateDict file() const {
    SafetensorsWriter writer;
    for (const auto& [name, tensor] : tensors_) {
      std::string shape;
      for (const int size : tensor.first) {
        shape += (shape.empty() ? "" : ",") + std::to_string(size);
      }
      writer.add(name, tensor.second, "[" + shape + "]",
                 tensor.second == "I64" ? bytes_of<std::int64_t>({1}) : bytes_of(values(name)));
    }
    const auto bytes = std::make_shared<const std::string>(writer.text());
    return harness::value_of(safetensors::StateDict::read(std::as_bytes(std::span(*bytes)), bytes));
  }

 private:
  std::map<std::string, std::pair<Shape4, std::string>> tensors_;
};

// 8 channels -> 4 -> 4 -> 8.
inline StateDict bottleneck(const std::string& prefix) {
  StateDict dict;
  dict.add_layer(prefix + "conv1", prefix + "bn1", 4, 8, 1);
  dict.add_layer(prefix + "conv2", prefix + "bn2", 4, 4, 3);
  dict.add_layer(prefix + "conv3", prefix + "bn3", 8, 4, 1);
  return dict;
}

// 4 channels -> 4 -> 4.
inline StateDict basic_block(const std::string& prefix) {
  StateDict dict;
  dict.add_layer(prefix + "conv1", prefix + "bn1", 4, 4, 3);
  dict.add_layer(prefix + "conv2", prefix + "bn2", 4, 4, 3);
  return dict;
}

}  // namespace foldconv::test
