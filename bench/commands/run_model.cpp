// SPDX-License-Identifier: MIT
// run: a network on NumPy files, so that anyone can compare it with anything.
#include <filesystem>
#include <iostream>

#include "commands/commands.hpp"
#include "commands/model.hpp"
#include "harness/error.hpp"
#include "harness/network/model_file.hpp"
#include "harness/network/npy.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::value_of;

// y.npy; of several outputs y.0.npy, y.1.npy.
std::filesystem::path output_file(const std::filesystem::path& given, std::size_t index,
                                  std::size_t outputs) {
  if (outputs == 1) return given;
  std::filesystem::path file = given;
  return file.replace_extension(std::to_string(index) + given.extension().string());
}

// The files as they are given, f32; and their extents into the plan's options.
std::vector<harness::Bytes> read_inputs(const Graph& graph, const std::vector<std::string>& files,
                                        NetworkPlanOptions& plan) {
  const std::vector<harness::ModelInput> wanted = harness::inputs_of(graph);
  if (wanted.size() != files.size()) {
    std::string names;
    for (const harness::ModelInput& input : wanted) {
      names += (names.empty() ? "" : ", ") + input.name;
    }
    throw harness::Error(ErrorCode::invalid_argument,
                         "the network has " + counted(wanted.size(), "input") + " (" + names +
                             "), given are " + std::to_string(files.size()) +
                             "; give --input once for each");
  }
  std::vector<harness::Bytes> inputs;
  for (const std::string& file : files) {
    const harness::Npy array = harness::read_npy(file);
    plan.inputs.push_back(array.extents);
    inputs.push_back(harness::bytes_of(harness::floats_of(array)));
  }
  return inputs;
}

}  // namespace

int run_model(const Options& options, const harness::Device&) {
  const Model model = load_model(options.network);
  const Graph& graph = model.graph;
  NetworkPlanOptions wanted;
  wanted.instructions = options.settings.instructions;
  const std::vector<harness::Bytes> inputs = read_inputs(graph, options.network.inputs, wanted);
  const Network network =
      value_of(Network::create(graph, {.dtype = options.settings.dtype}), model.title);
  const NetworkPlan plan = value_of(network.plan(wanted), model.title);
  const harness::NetworkResult result = run_shown(plan, inputs);
  for (std::size_t i = 0; i < plan.outputs(); ++i) {
    harness::write_npy(
        output_file(options.network.output, i, plan.outputs()),
        harness::make_npy(plan.output_extents(i), harness::floats(result.outputs[i])));
  }
  std::cout << model.title << ", " << to_string(options.settings.dtype) << ": " << plan_text(plan)
            << '\n';
  return kExitSuccess;
}

}  // namespace foldconv::tool
