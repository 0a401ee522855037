// SPDX-License-Identifier: MIT
// inspect: does foldconv take an ONNX file?
#include <iostream>
#include <map>
#include <variant>

#include "commands/commands.hpp"
#include "commands/model.hpp"
#include "foldconv/graph_node.hpp"
#include "foldconv/onnx.hpp"
#include "harness/error.hpp"
#include "harness/network/model_file.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

void print_graph(const Graph& graph) {
  for (const harness::ModelInput& input : harness::inputs_of(graph)) {
    std::cout << "input   " << without_controls(input.name) << "  "
              << foldconv::to_string(input.extents) << '\n';
  }
  for (const GraphOutput& output : graph.outputs()) {
    std::cout << "output  " << without_controls(output.name) << "  "
              << foldconv::to_string(graph.extents({output.value})) << '\n';
  }
  std::map<std::string, std::size_t> counts;
  for (const GraphNode& node : graph.nodes()) {
    if (!std::holds_alternative<op::Input>(node.operation))
      ++counts[foldconv::to_string(node.operation)];
  }
  std::string text;
  for (const auto& [operation, count] : counts) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + operation;
  }
  std::cout << wrapped("nodes   " + text, 8) << '\n';
}

}  // namespace

int run_inspect(const Options& options) {
  const std::filesystem::path file = find_model(options.network, options.network.model);
  const std::vector<onnx::Problem> problems =
      harness::value_of(onnx::inspect(file, {.outputs = options.network.outputs}), file.string());
  for (const onnx::Problem& problem : problems)
    std::cout << without_controls(problem.to_string()) << '\n';
  if (!problems.empty()) {
    std::cout << file.string() << ": " << counted(problems.size(), "problem") << '\n';
    return kExitFailure;
  }
  print_graph(harness::read_model(file, options.network.outputs));
  return kExitSuccess;
}

}  // namespace foldconv::tool
