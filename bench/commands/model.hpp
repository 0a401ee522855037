// SPDX-License-Identifier: MIT
// What the commands about networks have in common.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "commands/options.hpp"
#include "foldconv/network.hpp"
#include "harness/device/machine.hpp"
#include "harness/network/run.hpp"
#include "harness/time/timing.hpp"

namespace foldconv::tool {

// A file of this name; or else the one in the folder of trained networks, where there is one. Throws Error
// (invalid_argument): neither.
std::filesystem::path find_model(const NetworkSettings& network, const std::string& name);

// What is asked for by --network.
struct Model {
  std::string title;  // the file, or the name
  Graph graph;
  bool trained = true;  // out of a file
};
// A file, as find_model() finds it, cut at the outputs asked for; or else a known network. Throws Error.
Model load_model(const NetworkSettings& network);

// Of a network of images: what the command line says.
NetworkPlanOptions plan_options(const Options& options, const Graph& graph, int images);

// One run to its end, with a progress line.
harness::NetworkResult run_shown(const NetworkPlan& plan,
                                 const std::vector<harness::Bytes>& inputs);

// On a GPU: of one run, from the measured ones.
harness::Timings time_on_gpu(const NetworkPlan& plan, const std::vector<harness::Bytes>& inputs,
                             const harness::TimingOptions& options);

// "52 launches, workspace 3.1 MB".
std::string plan_text(const NetworkPlan& plan);

}  // namespace foldconv::tool
