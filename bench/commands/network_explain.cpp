// SPDX-License-Identifier: MIT
// explain --network: what became of a network's graph, and which launches a plan has.
#include <sstream>
#include <utility>

#include "commands/commands.hpp"
#include "commands/model.hpp"
#include "harness/error.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::value_of;

// A text's lines, each broken between words.
std::vector<std::string> lines_of(const std::string& text) {
  constexpr std::size_t kIndent = 12;
  std::vector<std::string> lines = {""};
  std::istringstream rest(text);
  for (std::string line; std::getline(rest, line);)
    lines.push_back(wrapped(without_controls(line), kIndent));
  return lines;
}

std::string text_of(const NetworkPlanExplanation& explanation) {
  std::string text;
  for (const std::string& line : lines_of(explanation.to_string())) {
    text += (text.empty() ? "" : "\n") + line;
  }
  return "\n" + text;
}

Fields fields_of(int images, const std::string& tensor, const std::string& operation,
                 const LaunchFigures& launch) {
  return {{"images", images},
          {"tensor", tensor},
          {"operation", operation},
          {"kernel", launch.kernel},
          {"dram_bytes", static_cast<std::int64_t>(launch.dram_bytes)},
          {"flops", static_cast<std::int64_t>(launch.flops)},
          {"floor_us", launch.floor_us},
          {"limit", to_string(launch.limit)}};
}

}  // namespace

int run_network_explain(const Options& options, const harness::Device& device, Writer& writer) {
  const Model model = load_model(options.network);
  const Graph& graph = model.graph;
  const Network network =
      value_of(Network::create(graph, {.dtype = options.settings.dtype}), model.title);
  writer.begin(heading_of(options, device, {}, lines_of(network.explanation().to_string())));
  for (const int images : batch_sizes_of(options)) {
    const NetworkPlan plan =
        value_of(network.plan(plan_options(options, graph, images)), model.title);
    const NetworkPlanExplanation& explanation = plan.explanation();
    std::string text = text_of(explanation);
    for (const NetworkStep& step : explanation.steps) {
      for (const LaunchFigures& launch : step.launches) {
        writer.row(fields_of(images, step.tensor, step.operation, launch), std::exchange(text, ""));
      }
    }
  }
  writer.end({{"remarks", network.explanation().remarks.size()}}, {});
  return kExitSuccess;
}

}  // namespace foldconv::tool
