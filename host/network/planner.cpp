// SPDX-License-Identifier: MIT
// From a network and extents to steps and places.
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "network/node_steps.hpp"
#include "network/plan_builder.hpp"

namespace foldconv::host {

Result<NetworkPlanData> plan_network(std::shared_ptr<const NetworkData> network,
                                     const NetworkPlanOptions& options) {
  const GraphData& graph = network->graph;  // which the plan keeps
  PlanBuilder plan(std::move(network), options);
  if (Status status = plan.evaluate(); !status.ok()) return status;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    plan.begin(i);
    const GraphNode& node = graph.nodes[i];
    const Status status =
        std::visit([&](const auto& op) { return add_steps(plan, op); }, node.operation);
    if (!status.ok()) return at(describe(graph, node), status);
  }
  for (const GraphOutput& output : graph.outputs) {
    if (Status status = add_output(plan, output); !status.ok())
      return at(text("output \"", output.name, '"'), status);
  }
  if (Status status = plan.keep_tensors(); !status.ok()) return status;
  return plan.finish();
}

}  // namespace foldconv::host
