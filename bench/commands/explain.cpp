// SPDX-License-Identifier: MIT
// explain: which kernels a problem gets, and why not others.
#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "commands/commands.hpp"
#include "commands/explained.hpp"
#include "harness/error.hpp"
#include "harness/problem/text.hpp"
#include "harness/ways/library.hpp"
#include "report/text.hpp"

namespace foldconv::tool {
namespace {

using harness::Problem;
using harness::value_of;

std::string floor_text(const CutFigures& figures) {
  return fixed(figures.floor_us, 2) + " us at least, by " + limits_of(figures) + ": " +
         counted(figures.launches.size(), "kernel") + ", " + fixed(figures.dram_bytes * 1e-6, 3) +
         " MB, " + fixed(figures.flops * 1e-9, 3) + " GFLOP";
}

// Names of tensor-core kernels hold the tile: ..._128x64x64_st3_sm80.
std::string tile_text(const std::string& kernel) {
  int groups = 0, channels = 0;
  if (std::sscanf(kernel.c_str(), "conv_grouped_%*[a-z0-9]_%dx%d_", &groups, &channels) == 2) {
    return "8x8 pixels x " + std::to_string(channels) + " channels of " +
           counted(static_cast<std::size_t>(groups), "group") + " a warp";
  }
  for (std::size_t at = kernel.find('_'); at != std::string::npos; at = kernel.find('_', at + 1)) {
    int m = 0, n = 0, k = 0, stages = 0;
    if (std::sscanf(kernel.c_str() + at, "_%dx%dx%d_st%d_", &m, &n, &k, &stages) == 4) {
      return std::to_string(m) + " pixels x " + std::to_string(n) + " channels, k by " +
             std::to_string(k) + ", " + std::to_string(stages) + " stages";
    }
  }
  if (kernel.starts_with("depthwise_"))
    return "8x8 pixels, several of these a CTA; 2 channels a thread";
  return "none: a thread for each output element";
}

std::string layer_text(const Problem& problem, const Explanation& chosen, const CutFigures& figures,
                       const DeviceSpeed& speed) {
  return "\n" + named(problem) + to_string(problem.lines.front().convs.front().problem) + "\n" +
         titled("kernel", chosen.kernel) + titled("why", chosen.reason) +
         titled("instructions",
                std::string(to_string(chosen.instructions)) + ": " + chosen.instructions_reason) +
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

void explain_layer(const Problem& problem, Writer& writer) {
  constexpr std::size_t kReasonColumn = 42;
  const ConvProblem& conv = problem.lines.front().convs.front().problem;
  const Explanation chosen =
      value_of(explain(conv, {.kernel = problem.kernel, .instructions = problem.instructions}));
  const DeviceSpeed speed = value_of(device_speed());
  const CutFigures figures = figures_of(chosen);
  writer.row(explained_fields(problem, "", chosen.kernel, true, chosen.reason, &chosen, &figures),
             layer_text(problem, chosen, figures, speed));
  for (const Refusal& refusal : chosen.refused) {
    std::string note = "    " + refusal.kernel;
    note.resize(std::max(kReasonColumn, note.size() + 2), ' ');
    writer.row(explained_fields(problem, "", refusal.kernel, false, refusal.reason),
               note + wrapped(refusal.reason, kReasonColumn));
  }
}

std::string cut_text(const CutFigures& cut) {
  if (!cut.refusal.empty()) return "not possible: " + cut.refusal;
  return floor_text(cut) +
         (cut.recomputed > 0 ? " (" + fixed(cut.recomputed * 100, 1) + " % of them twice)" : "") +
         ", workspace " + grouped(cut.workspace_bytes) +
         " bytes: " + folded_repeats(harness::kernels_of(cut));
}

std::string block_text(const Problem& problem, const BlockPlan& plan) {
  const BlockExplanation& explanation = plan.explanation();
  const auto size = [](const Shape& shape) {
    return std::to_string(shape.h) + "x" + std::to_string(shape.w) + "x" + std::to_string(shape.c);
  };
  std::string text =
      "\n" + named(problem) + descriptor_of(problem) + ": n" + std::to_string(plan.input().n) +
      " " + size(plan.input()) + " -> " + size(plan.output()) + " " + to_string(problem.dtype()) +
      "\n" + titled("cut", std::string(to_string(explanation.cut)) + ": " + explanation.reason) +
      titled("instructions", std::string(to_string(explanation.instructions)) + ": " +
                                 explanation.instructions_reason);
  const std::vector<CutFigures>& cuts = explanation.cuts;
  for (const CutFigures& cut : cuts) {
    // A mixture that is one of the others is that one.
    const auto twin = std::ranges::find_if(cuts, [&](const CutFigures& other) {
      return cut.cut == BlockCut::automatic && &other != &cut && other.refusal.empty() &&
             cut.refusal.empty() && harness::kernels_of(other) == harness::kernels_of(cut);
    });
    const std::string title =
        std::string(to_string(cut.cut)) + (cut.cut == explanation.cut ? " *" : "");
    text += titled(title,
                   twin != cuts.end() ? std::string("as ") + to_string(twin->cut) : cut_text(cut));
  }
  return text + titled("device", explanation.device);
}

void explain_blocks(Problem problem, Writer& writer) {
  fill(problem);
  const BlockPlan plan = value_of(plan_blocks(harness::create_blocks(problem), problem,
                                              {.instructions = problem.instructions}));
  const BlockExplanation& explanation = plan.explanation();
  // One text for all cuts.
  std::string text = block_text(problem, plan);
  text.pop_back();  // the last line's end
  for (const CutFigures& figures : explanation.cuts) {
    const bool chosen = figures.cut == explanation.cut;
    writer.row(explained_fields(problem, to_string(figures.cut), harness::kernels_of(figures),
                                chosen, chosen ? explanation.reason : figures.refusal, nullptr,
                                figures.refusal.empty() ? &figures : nullptr),
               std::exchange(text, ""));
  }
}

}  // namespace

int run_explain(const Options& options, const harness::Device& device, const Problems& problems,
                Writer& writer) {
  std::vector<std::string> lines;
  if (!options.kernels.empty()) {
    lines = {
        "*: what plan() takes; vs first: floor times over that of the first kernel that takes the "
        "problem",
        "units: of products, tensor cores or fp32; an SM: CTAs that it runs at a time; shared: "
        "microseconds, then bytes"};
  }
  writer.begin(heading_of(options, device, {}, lines));
  std::size_t failed = 0;
  for (const Problem& problem : problems) {
    try {
      if (!options.kernels.empty()) {
        if (!explain_kernels(problem, options.kernels, writer)) ++failed;
      } else if (problem.blocks) {
        explain_blocks(problem, writer);
      } else {
        explain_layer(problem, writer);
      }
    } catch (const harness::Error& error) {
      ++failed;
      writer.row(explained_fields(problem, "", problem.kernel, false, error.what()),
                 "\n" + problem.label + ": no kernel: " + error.what());
    }
  }
  writer.end({{"problems", problems.size()}, {"without_kernel", failed}}, {});
  return failed == 0 ? kExitSuccess : kExitFailure;
}

}  // namespace foldconv::tool
