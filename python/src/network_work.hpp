// SPDX-License-Identifier: MIT
// A network's plan, as what a plan in Python runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "foldconv/network.hpp"
#include "work.hpp"

namespace foldconv::python {

// What a network no longer tells of its graph.
struct ModelPorts {
  struct One {
    std::string name;
    bool batched = false;        // its first extent is open
    bool channels_last = false;  // the model's order is n, h, w, c
  };
  std::vector<One> inputs, outputs;
};
ModelPorts ports_of(const foldconv::Graph& graph);

std::unique_ptr<const Work> network_work(const NetworkPlan& plan, const ModelPorts& model,
                                         const NetworkPlanOptions& options, DataType dtype,
                                         int device);

}  // namespace foldconv::python
