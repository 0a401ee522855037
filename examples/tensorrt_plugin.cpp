// SPDX-License-Identifier: MIT
// A network as a layer of a TensorRT engine: a plugin library, as trtexec --dynamicPlugins takes it. Its field "model"
// has the bytes of an ONNX file. What TensorRT asks of any plugin is in tensorrt/plugin_base.hpp.
#include <foldconv/foldconv.hpp>
#include <foldconv/onnx.hpp>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <span>

#include "tensorrt/plugin_base.hpp"

using namespace nvinfer1;
using Tensor = DynamicPluginTensorDesc;

struct NetworkPlugin final : PluginBase<NetworkPlugin> {
  static constexpr const char* kName = "foldconv";
  std::optional<foldconv::Network> network;
  std::optional<foldconv::NetworkPlan> planned;

  static int32_t code(const foldconv::Status& status) {
    if (!status) std::fprintf(stderr, "foldconv: %s\n", status.message().c_str());
    return status ? 0 : 1;
  }
  int32_t load() {
    const auto graph = foldconv::onnx::read(std::as_bytes(std::span(model)));
    if (!graph) return code(graph.status());
    out_extents = graph->extents({graph->outputs()[0].value});
    if (out_extents.empty() ||
        std::count(out_extents.begin() + 1, out_extents.end(), foldconv::kOpen) != 0) {
      return code({foldconv::ErrorCode::unsupported, "the output depends on the image's size"});
    }
    const auto made = foldconv::Network::create(*graph);
    if (made) network = *made;
    return code(made.status());
  }
  int32_t plan() {
    const auto made = network->plan({int(most.d[0]), int(most.d[2]), int(most.d[3])});  // n, h, w
    if (made) planned = *made;
    return code(made.status());
  }
  size_t getWorkspaceSize(const Tensor*, int32_t, const Tensor*, int32_t) const noexcept override {
    return planned->workspace_bytes();
  }
  // Fewer images than were planned for get the same bits.
  int32_t enqueue(const PluginTensorDesc* x, const PluginTensorDesc*, const void* const* inputs,
                  void* const* outputs, void* workspace, cudaStream_t stream) noexcept override {
    return code(planned->run(
        {{*inputs}, {*outputs}, workspace, planned->workspace_bytes(), int(x->dims.d[0])}, stream));
  }
};

extern "C" TENSORRTAPI IPluginCreatorInterface* const* getCreators(int32_t& count) {
  static PluginCreator<NetworkPlugin> creator;
  static IPluginCreatorInterface* const creators[] = {&creator};
  count = 1;
  return creators;
}
