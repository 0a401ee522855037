// SPDX-License-Identifier: MIT
#include "network_work.hpp"

#include <algorithm>
#include <utility>

#include "foldconv/graph_node.hpp"

namespace nb = nanobind;

namespace foldconv::python {
namespace {

// A model of n, h, w, c begins with a transposition, which a plan reads instead of running it.
bool is_channels_last(const foldconv::Graph& graph, int input) {
  static const std::vector<int> kToFront = {0, 3, 1, 2};
  bool found = false;
  for (const GraphNode& node : graph.nodes()) {
    if (std::ranges::count(node.inputs, input) == 0) continue;
    const auto* transpose = std::get_if<op::Transpose>(&node.operation);
    if (transpose == nullptr || transpose->order != kToFront) return false;
    found = true;
  }
  return found;
}

bool has_open_batch(const Extents& extents) {
  return !extents.empty() && extents[0] == kOpen;
}

class NetworkWork : public Work {
 public:
  explicit NetworkWork(NetworkPlan plan) : plan_(std::move(plan)) {}

  Status run(const NetworkBuffers& buffers, cudaStream_t stream) const override {
    return plan_.run(buffers, stream);
  }
  std::size_t workspace_bytes() const override { return plan_.workspace_bytes(); }
  Result<CudaGraph> capture(const NetworkBuffers& buffers) const override {
    return plan_.capture(buffers);
  }
  Result<KeptTensor> tensor(const std::string& name) const override { return plan_.tensor(name); }
  nb::object explain() const override {
    const NetworkPlanExplanation& explanation = plan_.explanation();
    nb::list steps;
    for (const NetworkStep& of : explanation.steps)
      steps.append(step(of.tensor, of.operation, of.launches));
    return plan_explanation(explanation.to_string(), steps, explanation.device,
                            explanation.workspace_bytes);
  }

 private:
  NetworkPlan plan_;
};

}  // namespace

ModelPorts ports_of(const foldconv::Graph& graph) {
  ModelPorts ports;
  for (const GraphNode& node : graph.nodes()) {
    if (!std::holds_alternative<op::Input>(node.operation)) continue;
    const Value value{node.output};
    const Extents extents = graph.extents(value);
    ports.inputs.push_back(
        {graph.name(value), has_open_batch(extents), is_channels_last(graph, node.output)});
  }
  for (const GraphOutput& output : graph.outputs())
    ports.outputs.push_back({output.name, has_open_batch(graph.extents(Value{output.value}))});
  return ports;
}

std::unique_ptr<const Work> network_work(const NetworkPlan& plan, const ModelPorts& model,
                                         const NetworkPlanOptions& options, DataType dtype,
                                         int device) {
  auto work = std::make_unique<NetworkWork>(plan);
  work->images = plan.images();
  work->device = device;
  for (std::size_t i = 0; i < plan.inputs(); ++i) {
    const ModelPorts::One& of = model.inputs[i];
    Port port{.name = of.name,
              .shape = plan.input_extents(i),
              .element = &element_of(options.input.type),
              .batched = of.batched};
    if (port.shape.size() == 4) {
      port.channels_last = options.input.layout == PixelLayout::model
                               ? of.channels_last
                               : options.input.layout == PixelLayout::nhwc;
      Extents& d = port.shape;
      if (port.channels_last && !of.channels_last) d = {d[0], d[2], d[3], d[1]};
      if (!port.channels_last && of.channels_last) d = {d[0], d[3], d[1], d[2]};
    }
    work->inputs.push_back(std::move(port));
  }
  const bool as_f32 = options.output == NetworkPlanOptions::Output::f32;
  for (std::size_t i = 0; i < plan.outputs(); ++i) {
    const Extents extents = plan.output_extents(i);
    work->outputs.push_back({.name = plan.output_name(i),
                             .shape = extents,
                             .element = &element_of(as_f32 ? DataType::f32 : dtype),
                             .batched = model.outputs[i].batched && extents[0] == plan.images()});
  }
  return work;
}

}  // namespace foldconv::python
