// SPDX-License-Identifier: MIT
// fc_network: its making.
#include "c/error.hpp"
#include "c/objects.hpp"
#include "c/options.hpp"
#include "c/text.hpp"

namespace c = foldconv::c;
using foldconv::Network;
using foldconv::Result;
using foldconv::Status;

fc_code fc_network_create(const fc_graph* graph, const fc_network_options* options,
                          fc_network** network, fc_error* error) {
  return c::made(network, "network", error, [&]() -> Result<fc_network*> {
    if (Status status = c::check_given(graph, "graph"); !status.ok()) return status;
    const auto read = c::network_options(options);
    if (!read.ok()) return read.status();
    const Result<Network> made = Network::create(graph->graph, *read);
    if (!made.ok()) return made.status();
    return new fc_network{*made, read->dtype};
  });
}

fc_code fc_network_explain(const fc_network* network, char* text, size_t capacity, size_t* length,
                           fc_error* error) {
  return c::reported(error, [&]() -> Status {
    if (Status status = c::check_given(network, "network"); !status.ok()) return status;
    const auto& explanation = network->network.explanation();
    const std::string all = explanation.to_string();
    if (all.empty() && !explanation.remarks.empty()) return foldconv::host::out_of_host_memory();
    return c::write_text(all, text, capacity, length);
  });
}

void fc_network_free(fc_network* network) {
  delete network;
}
