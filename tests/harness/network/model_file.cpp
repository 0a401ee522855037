// SPDX-License-Identifier: MIT
#include "harness/network/model_file.hpp"

#include <variant>

#include "foldconv/graph_node.hpp"
#include "foldconv/models.hpp"
#include "foldconv/onnx.hpp"
#include "foldconv/safetensors.hpp"

namespace foldconv::harness {

Graph read_model(const std::filesystem::path& file, const std::vector<std::string>& outputs) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) {
    throw Error(ErrorCode::invalid_argument, file.string() + ": no such file");
  }
  if (file.extension() == ".onnx") {
    return value_of(onnx::read(file, {.outputs = outputs}), file.string());
  }
  if (file.extension() == ".safetensors") {
    return value_of(models::resnet(value_of(safetensors::StateDict::read(file))));
  }
  throw Error(ErrorCode::invalid_argument,
              file.string() +
                  ": neither .onnx nor .safetensors; export the network as ONNX, or a ResNet's "
                  "state dict as safetensors");
}

std::vector<ModelInput> inputs_of(const Graph& graph) {
  std::vector<ModelInput> inputs;
  for (const GraphNode& node : graph.nodes()) {
    if (const auto* input = std::get_if<op::Input>(&node.operation)) {
      const Value value{node.output};
      inputs.push_back({graph.name(value), graph.extents(value), input->channels_last});
    }
  }
  return inputs;
}

NetworkPlanOptions image_options(const Graph& graph, int n, Extent open, bool rgb) {
  const std::vector<ModelInput> inputs = inputs_of(graph);
  if (inputs.size() != 1 || inputs.front().extents.size() != 4) {
    std::string shown;
    for (const ModelInput& input : inputs) {
      shown += (shown.empty() ? "" : ", ") + input.name + " " + to_string(input.extents);
    }
    throw Error(ErrorCode::unsupported,
                "the network takes more than images: " + shown + "; give inputs by foldconv run");
  }
  const Extents& extents = inputs.front().extents;
  if (rgb && extents[1] != 3) {
    throw Error(ErrorCode::unsupported, "the network takes no pictures of three channels: " +
                                            inputs.front().name + " " + to_string(extents) +
                                            "; give its input by foldconv run");
  }
  return {.n = n,
          .h = extents[2] == kOpen ? open.h : 0,
          .w = extents[3] == kOpen ? open.w : 0};
}

}  // namespace foldconv::harness
