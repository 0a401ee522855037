// SPDX-License-Identifier: MIT
#include "c/small_network.hpp"

#include <cmath>
#include <random>
#include <vector>

#include "foldconv/models.hpp"
#include "harness/error.hpp"
#include "harness/files.hpp"
#include "harness/network/run.hpp"
#include "harness/test_folder.hpp"
#include "host/models/small_resnets.hpp"

namespace foldconv::c_tests {
namespace {

// Values that keep activations of order 1.
std::vector<float> random_values(const std::string& name, const std::vector<int>& shape,
                                 std::mt19937& engine) {
  std::size_t elements = 1;
  for (const int extent : shape) elements *= static_cast<std::size_t>(extent);
  const bool variance = name.ends_with("running_var"), matrix = shape.size() > 1;
  const float fan_in = static_cast<float>(elements) / static_cast<float>(shape[0]);
  const float reach = matrix ? std::sqrt(6 / fan_in) : 0.5f;
  std::vector<float> values(elements);
  for (float& value : values) {
    const float unit = static_cast<float>(engine() % 2001) / 1000 - 1;
    value = reach * unit + (variance || (!matrix && name.ends_with(".weight")) ? 1.0f : 0.0f);
  }
  return values;
}

std::string small_resnet() {
  const test::ResNetDict dict(
      {.stem = 8, .classes = 5, .middle = {8, 8, 16, 8}, .out = {16, 24, 16, 32}});
  std::mt19937 engine(7);
  test::SafetensorsWriter writer;
  for (const auto& [name, shape] : dict.shapes) {
    if (shape.empty()) continue;  // counters
    std::string extents;
    for (const int extent : shape) extents += (extents.empty() ? "" : ",") + std::to_string(extent);
    writer.add(name, "F32", "[" + extents + "]",
               test::bytes_of(random_values(name, shape, engine)));
  }
  return writer.text();
}

}  // namespace

const std::filesystem::path& small_resnet_file() {
  static const test::TestFolder folder;
  static const std::filesystem::path file = folder.write("small.safetensors", small_resnet());
  return file;
}

harness::Bytes random_images() {
  std::mt19937 engine(11);
  std::vector<float> values(kImages * 3 * kHeight * kWidth);
  for (float& value : values) value = static_cast<float>(engine() % 2001) / 1000 - 1;
  return harness::bytes_of(values);
}

Network small_network_by_cpp(DataType dtype) {
  const auto weights = harness::value_of(safetensors::StateDict::read(small_resnet_file()));
  const Graph graph = harness::value_of(models::resnet(weights));
  return harness::value_of(Network::create(graph, {.dtype = dtype}));
}

OwnedNetwork small_network(fc_type type) {
  const auto graph = made<OwnedGraph>([](fc_graph** object, fc_error* error) {
    return fc_resnet_read_file(small_resnet_file().c_str(), nullptr, object, error);
  });
  const fc_network_options options = {.size = sizeof options, .type = type, .flags = 0};
  return made<OwnedNetwork>([&](fc_network** object, fc_error* error) {
    return fc_network_create(graph.get(), &options, object, error);
  });
}

fc_plan_options small_shape() {
  fc_plan_options options = {};
  options.size = sizeof options;
  options.n = kImages;
  options.h = kHeight;
  options.w = kWidth;
  return options;
}

std::string tiny_onnx() {
  return harness::read_file(FOLDCONV_TINY_ONNX);
}

}  // namespace foldconv::c_tests
