#include <sstream>

#include "commands/explanations.hpp"

namespace foldconv::tool {
namespace {

// The explanation's own lines, none of them too long.
std::string text_of(const BlockExplanation& explanation) {
  constexpr std::size_t kBehindTitle = 11;
  std::istringstream lines(explanation.to_string());
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    text += "\n  " + wrapped(line, kBehindTitle);
  }
  return text;
}

// "name: mb1_ih56_ic64mid64oc256: n1 56x56x64 -> 56x56x256 f16"
std::string title_of(const BlockDescriptor& descriptor, const BlockWorkload& workload,
                     const BlockPlan& plan) {
  const auto size = [](const Shape& shape) {
    return std::to_string(shape.h) + "x" + std::to_string(shape.w) + "x" + std::to_string(shape.c);
  };
  return (descriptor.name.empty() ? "" : descriptor.name + ": ") +
         to_descriptor(workload.problem, descriptor.blocks) + ": n" +
         std::to_string(plan.input().n) + " " + size(plan.input()) + " -> " + size(plan.output()) +
         " " + to_string(workload.dtype);
}

std::string joined(const std::vector<std::string>& kernels) {
  std::string text;
  for (const std::string& kernel : kernels) text += (text.empty() ? "" : " ") + kernel;
  return text;
}

}  // namespace

Result<std::vector<Row>> explain_blocks(const BlockDescriptor& descriptor, const Options& options) {
  const Result<BlockWorkload> made = make_block_workload(descriptor, options);
  if (!made) return made.status();
  const BlockWorkload& workload = *made;
  const Result<std::vector<Block>> blocks = create_blocks(workload);
  if (!blocks) return blocks.status();
  const Result<BlockPlan> plan = plan_blocks(*blocks, workload.problem, BlockCut::automatic);
  if (!plan) return plan.status();
  const BlockExplanation& explanation = plan->explanation();

  std::vector<Row> rows;
  for (const CutFigures& figures : explanation.cuts) {
    const bool chosen = figures.cut == explanation.cut;
    const bool possible = figures.refusal.empty();
    const auto number = [possible](auto value) {
      return value_if(possible, static_cast<std::int64_t>(value));
    };
    ExplainedKernel kernel{.name = descriptor.name,
                           .descriptor = to_descriptor(workload.problem, descriptor.blocks),
                           .cut = to_string(figures.cut),
                           .kernel = joined(figures.kernels),
                           .chosen = chosen,
                           .reason = chosen ? explanation.reason : figures.refusal};
    kernel.launches = number(figures.kernels.size());
    kernel.dram_bytes = number(figures.dram_bytes);
    kernel.flops = number(figures.flops);
    kernel.recomputed = value_if(possible, figures.recomputed);
    kernel.floor_us = value_if(possible, figures.floor_us);
    kernel.workspace_bytes = number(figures.workspace_bytes);
    rows.push_back({.fields = to_fields(kernel), .cells = {}, .note = ""});
  }
  // One text for all cuts.
  if (!rows.empty()) {
    rows.front().note = "\n" + title_of(descriptor, workload, *plan) + text_of(explanation);
  }
  return rows;
}

}  // namespace foldconv::tool
