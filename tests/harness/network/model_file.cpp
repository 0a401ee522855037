// SPDX-License-Identifier: MIT
#include "harness/network/model_file.hpp"

#include <algorithm>
#include <tuple>
#include <variant>

#include "foldconv/graph_node.hpp"
#include "foldconv/model_file.hpp"
#include "foldconv/models.hpp"
#include "foldconv/onnx.hpp"
#include "foldconv/safetensors.hpp"

namespace foldconv::harness {
namespace {

bool is_channels_last(const Graph& graph, Value input) {
  static const std::vector<int> kToFront = {0, 3, 1, 2};
  bool found = false;
  for (const GraphNode& node : graph.nodes()) {
    if (std::ranges::count(node.inputs, input.id) == 0) continue;
    const auto* transpose = std::get_if<op::Transpose>(&node.operation);
    if (transpose == nullptr || transpose->order != kToFront) return false;
    found = true;
  }
  return found;
}

struct ImageAxes {
  explicit ImageAxes(const ModelInput& input) {
    const Extents& d = input.extents;
    std::tie(c, h, w) =
        input.channels_last ? std::tie(d[3], d[1], d[2]) : std::tie(d[1], d[2], d[3]);
  }
  std::int64_t c, h, w;
};

}  // namespace

Graph read_model(const std::filesystem::path& file, const std::vector<std::string>& outputs) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw Error(ErrorCode::invalid_argument, file.string() + ": no such file");
  }
  if (file.extension() == ".onnx") {
    return value_of(onnx::read(file, {.outputs = outputs}), file.string());
  }
  if (file.extension() == ".safetensors") {
    return value_of(models::resnet(value_of(safetensors::StateDict::read(file))));
  }
  check(why_no_model(file), file.string());
  throw Error(ErrorCode::invalid_argument,
              file.string() +
                  ": neither .onnx nor .safetensors; export the network as ONNX, or a "
                  "ResNet's state dict as safetensors");
}

std::vector<ModelInput> inputs_of(const Graph& graph) {
  std::vector<ModelInput> inputs;
  for (const GraphNode& node : graph.nodes()) {
    if (std::holds_alternative<op::Input>(node.operation)) {
      const Value value{node.output};
      inputs.push_back({graph.name(value), graph.extents(value), is_channels_last(graph, value)});
    }
  }
  return inputs;
}

NetworkPlanOptions image_options(const Graph& graph, int n, Extent open) {
  const std::vector<ModelInput> inputs = inputs_of(graph);
  if (inputs.size() != 1 || inputs.front().extents.size() != 4) {
    std::string shown;
    for (const ModelInput& input : inputs) {
      shown += (shown.empty() ? "" : ", ") + input.name + " " + to_string(input.extents);
    }
    throw Error(ErrorCode::unsupported,
                "the network takes more than images: " + shown + "; give inputs by foldconv run");
  }
  const ImageAxes axes(inputs.front());
  return {.n = n, .h = axes.h == kOpen ? open.h : 0, .w = axes.w == kOpen ? open.w : 0};
}

Extent picture_size(const Graph& graph, const NetworkPlanOptions& options) {
  const ModelInput input = inputs_of(graph).front();
  const ImageAxes axes(input);
  if (axes.c != 3) {
    throw Error(ErrorCode::unsupported,
                "the network takes no pictures of three channels: " + input.name + " " +
                    to_string(input.extents) + "; give its input by foldconv run");
  }
  return {options.h > 0 ? options.h : static_cast<int>(axes.h),
          options.w > 0 ? options.w : static_cast<int>(axes.w)};
}

}  // namespace foldconv::harness
