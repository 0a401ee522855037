// SPDX-License-Identifier: MIT
// Network: a graph fused, its weights on the device.
#include "foldconv/network.hpp"

#include <utility>

#include "base/enum_checks.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/supported_device.hpp"
#include "network/passes.hpp"
#include "network/plan_data.hpp"
#include "network/prepared.hpp"

namespace foldconv {

using host::guarded;
using host::Internals;
using host::invalid;
using host::NetworkData;
using host::NetworkPlanData;
using host::text;

namespace {

Status check_graph(const Graph& graph, const NetworkOptions& options) {
  if (!graph.status().ok()) return graph.status();
  if (Status status = host::check_data_type(options.dtype); !status.ok()) return status;
  if (!graph.outputs().empty()) return {};
  return invalid("a network without outputs", "0 outputs", "call Graph::output()");
}

}  // namespace

Result<Network> Network::create(const Graph& graph, const NetworkOptions& options) {
  return guarded([&]() -> Result<Network> {
    if (Status status = check_graph(graph, options); !status.ok()) return status;
    const Result<host::SupportedDevice> device = host::current_supported_device();
    if (!device.ok()) return device.status();

    auto data = std::make_shared<NetworkData>(NetworkData{options.dtype,
                                                          device->index,
                                                          device->figures,
                                                          device->speed,
                                                          Internals::data(graph),
                                                          {},
                                                          {},
                                                          options.fuse});
    if (Status status = host::run_passes(data->graph, options, data->explanation.remarks);
        !status.ok()) {
      return status;
    }
    for (GraphNode& node : data->graph.nodes) {
      Result<host::Prepared> prepared = host::prepare(node, options.dtype);
      if (!prepared.ok()) return host::at(host::describe(data->graph, node), prepared.status());
      data->prepared.push_back(std::move(*prepared));
    }
    return Internals::make<Network>(std::move(data));
  });
}

Result<Graph> fused(const Graph& graph, const NetworkOptions& options) {
  return guarded([&]() -> Result<Graph> {
    if (Status status = check_graph(graph, options); !status.ok()) return status;
    host::Remarks remarks;
    Graph result = graph;
    host::GraphData& data = Internals::own_data(result);
    if (!data.status.ok()) return data.status;
    if (Status status = host::run_passes(data, options, remarks); !status.ok()) return status;
    return result;
  });
}

Result<NetworkPlan> Network::plan(const NetworkPlanOptions& options) const {
  return guarded([&]() -> Result<NetworkPlan> {
    if (Status status = host::check_current_device(data_->device, "the network"); !status.ok())
      return status;
    Result<NetworkPlanData> plan = host::plan_network(data_, options);
    if (!plan.ok()) return plan.status();
    return Internals::make<NetworkPlan>(std::make_shared<const NetworkPlanData>(std::move(*plan)));
  });
}

const NetworkExplanation& Network::explanation() const noexcept {
  return data_->explanation;
}

}  // namespace foldconv
