// SPDX-License-Identifier: MIT
// explain: which kernels a problem gets, and why not others.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <sstream>

#include "commands/commands.hpp"
#include "harness/error.hpp"
#include "harness/ways/library.hpp"

namespace foldconv::tool {
namespace {

using harness::Problem;
using harness::value_of;

// A kernel of a layer, or a cut of blocks.
struct Explained {
  const Problem& problem;
  std::string cut = {};     // "" of a layer
  std::string kernel = {};  // several: separated by spaces; "": none
  bool chosen = false;
  std::string reason = {};  // why chosen, or why not; "": it would have been possible
  const Explanation* layer = nullptr;
  const CutFigures* figures = nullptr;  // of a layer's one launch, or a cut that is possible
};

// Of what a row has.
template <class From, class Get>
auto of(const From* Explained::*from, Get get) {
  return [from, get](const Explained& row) {
    return row.*from == nullptr ? Value() : to_value(std::invoke(get, *(row.*from)));
  };
}

std::vector<Column<Explained>> columns() {
  const auto whole = [](double CutFigures::*figure) {
    return [figure](const CutFigures& cut) { return static_cast<std::int64_t>(cut.*figure); };
  };
  const auto launches = [](const CutFigures& cut) { return cut.launches.size(); };
  return {{"name", [](const Explained& row) { return row.problem.name; }},
          {"descriptor", [](const Explained& row) { return descriptor_of(row.problem); }},
          {"cut", [](const Explained& row) { return text_or_none(row.cut); }},
          {"kernel", [](const Explained& row) { return text_or_none(row.kernel); }},
          {"chosen", &Explained::chosen},
          {"reason", [](const Explained& row) { return text_or_none(row.reason); }},
          {"grid", of(&Explained::layer, &Explanation::grid)},
          {"threads", of(&Explained::layer, &Explanation::threads)},
          {"shared_bytes", of(&Explained::layer, &Explanation::shared_bytes)},
          {"registers", of(&Explained::layer, &Explanation::registers)},
          {"ctas_per_sm", of(&Explained::layer, &Explanation::ctas_per_sm)},
          {"waves", of(&Explained::layer, &Explanation::waves)},
          {"launches", of(&Explained::figures, launches)},
          {"dram_bytes", of(&Explained::figures, whole(&CutFigures::dram_bytes))},
          {"flops", of(&Explained::figures, whole(&CutFigures::flops))},
          {"recomputed", of(&Explained::figures, &CutFigures::recomputed)},
          {"floor_us", of(&Explained::figures, &CutFigures::floor_us)},
          {"workspace_bytes", of(&Explained::figures, &CutFigures::workspace_bytes)}};
}

// "  title      text", broken between words.
std::string titled(const std::string& title, const std::string& text) {
  constexpr std::size_t kTitleWidth = 17;
  std::string start = "  " + title;
  start.resize(std::max(kTitleWidth, start.size() + 1), ' ');
  return start + wrapped(text, kTitleWidth) + "\n";
}

std::string named(const Problem& problem) {
  return problem.name.empty() ? "" : problem.name + ": ";
}

std::string floor_text(const CutFigures& figures) {
  return fixed(figures.floor_us, 2) +
         " us at least: " + counted(figures.launches.size(), "kernel") + ", " +
         fixed(figures.dram_bytes * 1e-6, 3) + " MB, " + fixed(figures.flops * 1e-9, 3) + " GFLOP";
}

// --- Layers -------------------------------------------------------------------------------------

// Names of tensor-core kernels hold the tile: ..._128x64x64_st3_sm80.
std::string tile_text(const std::string& kernel) {
  for (std::size_t at = kernel.find('_'); at != std::string::npos; at = kernel.find('_', at + 1)) {
    int m = 0, n = 0, k = 0, stages = 0;
    if (std::sscanf(kernel.c_str() + at, "_%dx%dx%d_st%d_", &m, &n, &k, &stages) == 4) {
      return std::to_string(m) + " pixels x " + std::to_string(n) + " channels, k by " +
             std::to_string(k) + ", " + std::to_string(stages) + " stages";
    }
  }
  return "none: a thread for each output element";
}

std::string layer_text(const Problem& problem, const Explanation& chosen, const CutFigures& figures,
                       const DeviceSpeed& speed) {
  return "\n" + named(problem) + to_string(problem.lines.front().convs.front().problem) + "\n" +
         titled("kernel", chosen.kernel) + titled("why", chosen.reason) +
         titled("tile", tile_text(chosen.kernel)) +
         titled("grid", grouped(chosen.grid) + " CTAs of " + std::to_string(chosen.threads) +
                            " threads; " + fixed(chosen.waves, 2) + " waves at " +
                            std::to_string(chosen.ctas_per_sm) + " CTAs an SM") +
         titled("shared memory", grouped(chosen.shared_bytes) + " bytes a CTA") +
         titled("registers", std::to_string(chosen.registers) + " a thread") +
         titled("workspace", grouped(chosen.workspace_bytes) + " bytes") +
         titled("floor", floor_text(figures)) + titled("device", speed.to_string()) +
         (chosen.refused.empty() ? "  no other kernel" : "  refused");
}

void explain_layer(const Problem& problem, Report<Explained>& report) {
  constexpr std::size_t kReasonColumn = 42;
  const ConvProblem& conv = problem.lines.front().convs.front().problem;
  const Explanation chosen = value_of(explain(conv, {.kernel = problem.kernel}));
  const DeviceSpeed speed = value_of(device_speed());
  const LaunchCost cost = cost_of(conv, chosen);
  const double floor_us = floor_seconds(cost, speed) * 1e6;
  const CutFigures figures{.launches = {{cost, chosen.kernel, floor_us}},
                           .dram_bytes = cost.dram_bytes,
                           .flops = cost.flops,
                           .workspace_bytes = chosen.workspace_bytes,
                           .floor_us = floor_us,
                           .refusal = {}};
  report.row({.problem = problem,
              .kernel = chosen.kernel,
              .chosen = true,
              .reason = chosen.reason,
              .layer = &chosen,
              .figures = &figures},
             layer_text(problem, chosen, figures, speed));
  for (const Refusal& refusal : chosen.refused) {
    std::string note = "    " + refusal.kernel;
    note.resize(std::max(kReasonColumn, note.size() + 2), ' ');
    report.row({.problem = problem, .kernel = refusal.kernel, .reason = refusal.reason},
               note + wrapped(refusal.reason, kReasonColumn));
  }
}

// --- Blocks -------------------------------------------------------------------------------------

std::string cut_text(const CutFigures& cut) {
  if (!cut.refusal.empty()) return "not possible: " + cut.refusal;
  return floor_text(cut) +
         (cut.recomputed > 0 ? " (" + fixed(cut.recomputed * 100, 1) + " % of them twice)" : "") +
         ", workspace " + grouped(cut.workspace_bytes) +
         " bytes: " + folded_repeats(harness::kernels_of(cut));
}

bool same_figures(const CutFigures& a, const CutFigures& b) {
  return harness::kernels_of(a) == harness::kernels_of(b) && a.refusal.empty() && b.refusal.empty();
}

std::string block_text(const Problem& problem, const BlockPlan& plan) {
  const BlockExplanation& explanation = plan.explanation();
  const auto size = [](const Shape& shape) {
    return std::to_string(shape.h) + "x" + std::to_string(shape.w) + "x" + std::to_string(shape.c);
  };
  std::string text =
      "\n" + named(problem) + descriptor_of(problem) + ": n" + std::to_string(plan.input().n) +
      " " + size(plan.input()) + " -> " + size(plan.output()) + " " + to_string(problem.dtype()) +
      "\n" + titled("cut", std::string(to_string(explanation.cut)) + ": " + explanation.reason);
  const std::vector<CutFigures>& cuts = explanation.cuts;
  for (const CutFigures& cut : cuts) {
    // A mixture that is one of the others is that one.
    const auto twin = std::ranges::find_if(cuts, [&](const CutFigures& other) {
      return &other != &cut && same_figures(other, cut) && cut.cut == BlockCut::automatic;
    });
    const std::string title =
        std::string(to_string(cut.cut)) + (cut.cut == explanation.cut ? " *" : "");
    text += titled(title,
                   twin != cuts.end() ? std::string("as ") + to_string(twin->cut) : cut_text(cut));
  }
  return text + titled("device", explanation.device);
}

void explain_blocks(Problem problem, Report<Explained>& report) {
  fill(problem);
  const BlockPlan plan = value_of(plan_blocks(harness::create_blocks(problem), problem));
  const BlockExplanation& explanation = plan.explanation();
  // One text for all cuts.
  std::string text = block_text(problem, plan);
  text.pop_back();  // the last line's end
  for (const CutFigures& figures : explanation.cuts) {
    const bool chosen = figures.cut == explanation.cut;
    report.row({.problem = problem,
                .cut = to_string(figures.cut),
                .kernel = harness::kernels_of(figures),
                .chosen = chosen,
                .reason = chosen ? explanation.reason : figures.refusal,
                .figures = figures.refusal.empty() ? &figures : nullptr},
               std::exchange(text, ""));
  }
}

}  // namespace

int run_explain(const Options& options, const harness::Device& device, const Problems& problems,
                Writer& writer) {
  Report<Explained> report(writer, heading_of(options, device), columns());
  std::size_t failed = 0;
  for (const Problem& problem : problems) {
    try {
      if (problem.blocks) {
        explain_blocks(problem, report);
      } else {
        explain_layer(problem, report);
      }
    } catch (const harness::Error& error) {
      ++failed;
      report.row({.problem = problem, .kernel = problem.kernel, .reason = error.what()},
                 "\n" + problem.label + ": no kernel: " + error.what());
    }
  }
  report.end({{"problems", to_value(problems.size())}, {"without_kernel", to_value(failed)}}, {});
  return failed == 0 ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
