// SPDX-License-Identifier: MIT
// A layer by each of several kernels, side by side.
#include <utility>

#include "harness/error.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::harness {
namespace {

// What a plan's error says, without the words around it: the row names the kernel, and others stand beside it.
std::string reason_in(std::string message, const std::string& kernel) {
  const std::string frame = "the pinned kernel " + kernel + " ",
                    rule = "does not take the problem: ", remedy = "; or pin none, ";
  if (message.starts_with(frame)) message.erase(0, frame.size());
  if (message.starts_with(rule)) message.erase(0, rule.size());
  return message.substr(0, message.rfind(remedy));
}

PlanOptions pinned(const std::string& kernel, const Problem& problem) {
  return {.kernel = kernel, .instructions = problem.instructions};
}

Way way_by(const std::string& kernel, const Problem& problem, Tensors& tensors) {
  if (std::string refusal = refusal_by(kernel, problem); !refusal.empty()) {
    return {.name = kernel, .refusal = std::move(refusal)};
  }
  return fused_way(
      kernel, problem, tensors,
      [&](const LineConv& conv, const Tensor& x, const Tensor* residual, const Tensor& y) {
        return planned_step(folded(conv), conv.problem, pinned(kernel, problem), x, residual, y,
                            tensors);
      });
}

}  // namespace

std::string refusal_by(const std::string& kernel, const Problem& problem) {
  if (problem.blocks) {
    return "is a kernel of single layers; the kernels of blocks follow from their cuts";
  }
  const auto explained =
      explain(problem.lines.front().convs.front().problem, pinned(kernel, problem));
  if (explained) return "";
  if (explained.status().code() != ErrorCode::unsupported) fail(explained.status());
  return reason_in(explained.status().message(), kernel);
}

std::string kernel_of_plan(const Problem& problem) {
  if (problem.blocks) return "";
  const auto explained =
      explain(problem.lines.front().convs.front().problem, {.instructions = problem.instructions});
  return explained ? explained->kernel : "";
}

WayMaker pinned_ways(const std::vector<std::string>& kernels) {
  const auto make = [kernels](const Problem& problem, Tensors& tensors, const Wanted& wanted) {
    std::vector<Way> ways;
    const std::string by_plan = kernel_of_plan(problem);
    for (const std::string& kernel : kernels) {
      if (!wanted(kernel)) continue;
      ways.push_back(way_by(kernel, problem, tensors));
      ways.back().planned = kernel == by_plan;
    }
    return ways;
  };
  return {.names = kernels, .help = "", .make = make};
}

}  // namespace foldconv::harness
