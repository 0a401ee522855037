// SPDX-License-Identifier: MIT
#include "harness/network/known/known.hpp"

#include <algorithm>
#include <iterator>

#include "harness/network/known/families.hpp"

namespace foldconv::harness {

const std::vector<KnownNetwork>& known_networks() {
  static const std::vector<KnownNetwork> networks = {
      {"resnet50", "ResNet-50 v1.5", known::resnet50},
      {"resnext50_32x4d", "ResNeXt-50 32x4d", known::resnext50_32x4d},
      {"mobilenet_v2", "MobileNetV2 1.0", known::mobilenet_v2},
      {"efficientnet_lite0", "EfficientNet-Lite0", known::efficientnet_lite0},
      {"densenet121", "DenseNet-121", known::densenet121},
      {"yolov8n", "YOLOv8n, backbone and neck", known::yolov8n},
  };
  return networks;
}

std::vector<std::string> names_of_known_networks() {
  std::vector<std::string> names;
  std::ranges::transform(known_networks(), std::back_inserter(names), &KnownNetwork::name);
  return names;
}

const KnownNetwork* find_known_network(const std::string& name) {
  const auto& networks = known_networks();
  const auto found = std::ranges::find(networks, name, &KnownNetwork::name);
  return found == networks.end() ? nullptr : &*found;
}

}  // namespace foldconv::harness
