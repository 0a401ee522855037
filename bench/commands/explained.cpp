// SPDX-License-Identifier: MIT
#include "commands/explained.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "report/text.hpp"

namespace foldconv::tool {

// What the launches wait for: "DRAM", or "2 DRAM, 3 L2".
std::string limits_of(const CutFigures& figures) {
  std::vector<std::pair<CostTerm, std::size_t>> counts;
  for (const LaunchFigures& launch : figures.launches) {
    const auto seen =
        std::ranges::find(counts, launch.limit, &std::pair<CostTerm, std::size_t>::first);
    if (seen == counts.end()) {
      counts.emplace_back(launch.limit, 1);
    } else {
      ++seen->second;
    }
  }
  std::string limits;
  for (const auto& [limit, count] : counts) {
    limits += limits.empty() ? "" : ", ";
    limits += (counts.size() > 1 ? std::to_string(count) + " " : "") + to_string(limit);
  }
  return limits;
}

CutFigures figures_of(const Explanation& chosen) {
  return {.launches = {{chosen.cost, chosen.kernel, chosen.floor_us, chosen.limit}},
          .dram_bytes = chosen.cost.dram_bytes,
          .flops = chosen.cost.flops,
          .workspace_bytes = chosen.workspace_bytes,
          .floor_us = chosen.floor_us,
          .refusal = {}};
}

Fields explained_fields(const harness::Problem& problem, const std::string& cut,
                        const std::string& kernel, bool chosen, const std::string& reason,
                        const Explanation* layer, const CutFigures* figures) {
  const bool is_layer = layer != nullptr, possible = figures != nullptr;
  const Explanation of_layer = is_layer ? *layer : Explanation();
  const CutFigures of_cut = possible ? *figures : CutFigures();
  const auto whole = [](double value) { return static_cast<std::int64_t>(value); };
  return problem_fields(problem, true, 0,
                        {{"cut", text_or_none(cut)},
                         {"kernel", text_or_none(kernel)},
                         {"chosen", chosen},
                         {"reason", text_or_none(reason)},
                         {"grid", value_if(is_layer, of_layer.grid)},
                         {"threads", value_if(is_layer, of_layer.threads)},
                         {"shared_bytes", value_if(is_layer, of_layer.shared_bytes)},
                         {"registers", value_if(is_layer, of_layer.registers)},
                         {"ctas_per_sm", value_if(is_layer, of_layer.ctas_per_sm)},
                         {"waves", value_if(is_layer, of_layer.waves)},
                         {"launches", value_if(possible, of_cut.launches.size())},
                         {"dram_bytes", value_if(possible, whole(of_cut.dram_bytes))},
                         {"flops", value_if(possible, whole(of_cut.flops))},
                         {"recomputed", value_if(possible, of_cut.recomputed)},
                         {"floor_us", value_if(possible, of_cut.floor_us)},
                         {"limit", value_if(possible, limits_of(of_cut))},
                         {"workspace_bytes", value_if(possible, of_cut.workspace_bytes)}});
}

std::string named(const harness::Problem& problem) {
  return problem.name.empty() ? "" : problem.name + ": ";
}

std::string titled(const std::string& title, const std::string& text) {
  constexpr std::size_t kTitleWidth = 17;
  std::string start = "  " + title;
  start.resize(std::max(kTitleWidth, start.size() + 1), ' ');
  return start + wrapped(text, kTitleWidth) + "\n";
}

}  // namespace foldconv::tool
