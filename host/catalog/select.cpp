// SPDX-License-Identifier: MIT
#include "catalog/select.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/grouped.hpp"
#include "catalog/launch.hpp"
#include "catalog/supports.hpp"
#include "cost/best.hpp"
#include "cost/conv_cost.hpp"
#include "cost/depthwise_cost.hpp"
#include "cost/grouped_cost.hpp"

namespace foldconv::host {
namespace {

using Kernels = std::vector<const ConvKernel*>;

Status unknown_kernel(std::string_view name, DataType dtype, const Kernels& kernels) {
  std::string known;
  const auto add = [&](const auto& family) {
    for (const auto* kernel : family) known += text(known.empty() ? "" : ", ", kernel->name);
  };
  add(kernels);
  add(in_order(sm90_kernels(), dtype));
  return invalid("there is no kernel of the pinned name", text('"', name, '"'),
                 text("kernels for ", to_string(dtype), ": ", known));
}

// Kernels are compared by cost inside a rank; the lowest rank that takes the problem is chosen from.
enum class Rank { depthwise, copies_16_bytes, element_by_element, direct };
Rank rank_of(const ConvKernel& kernel) {
  if (kernel.depthwise != nullptr) return Rank::depthwise;
  if (kernel.direct()) return Rank::direct;
  return kernel.loader == ConvLoader::load_element ? Rank::element_by_element
                                                   : Rank::copies_16_bytes;
}
// The direct kernel last, of whatever architecture it is.
bool comes_before(const ConvKernel& a, const ConvKernel& b) {
  if (a.direct() != b.direct()) return b.direct();
  if (a.arch.capability != b.arch.capability) return a.arch.capability > b.arch.capability;
  return rank_of(a) < rank_of(b);
}

// A kernel that takes the problem.
struct Candidate {
  const ConvKernel* kernel;
  LaunchShape shape;
  LaunchCost cost;
  bool asked = false;  // how many of its CTAs an SM runs at a time
};

Status ask_residence(Candidate& one, const Target& target) {
  if (one.asked) return {};
  const Result<int> resident = target.resident(*one.kernel, one.shape);
  if (!resident.ok()) return resident.status();
  one.cost.resident = std::max(*resident, 1);
  one.asked = true;
  return {};
}

Result<Candidate> candidate(const ConvKernel& kernel, const ConvProblem& problem,
                            const Target& target) {
  const LaunchShape shape = conv_launch_shape(kernel, problem, target.figures);
  Candidate one = {&kernel, shape, cost_of(kernel, problem, shape, 1)};
  if (!depends_on_residence(one.cost, target.speed)) return one;
  if (Status status = ask_residence(one, target); !status.ok()) return status;
  return one;
}

// The row's own words, and what explains a choice that costs much.
std::string reason_of(const Candidate& chosen, const Kernels& kernels, const ConvProblem& problem,
                      const Target& target) {
  std::string reason = text(chosen.kernel->reason, "; ", time_of(chosen.cost, target.speed));
  for (const ConvKernel* kernel : kernels) {
    if (rank_of(*kernel) >= rank_of(*chosen.kernel)) continue;
    const std::string too_large = size_refusal(*kernel, problem, target.figures);
    if (too_large.empty()) continue;
    return text("the tensors are too large for ",
                kernel->depthwise != nullptr ? "the depthwise kernel. "
                : chosen.kernel->direct()
                    ? "tensor-core kernels; this one, without tensor cores, is many "
                      "times slower. "
                    : "loaders that copy 16 bytes at a time; this one reads x element "
                      "by element. ",
                kernel->name, " ", too_large);
  }
  return reason;
}

// Why a kernel that takes the problem is not the chosen one.
Refusal passed_over(const Candidate& other, const Candidate& chosen, bool pinned,
                    const DeviceSpeed& speed) {
  if (!pinned && comes_before(*chosen.kernel, *other.kernel)) {
    const char* before = chosen.kernel->depthwise != nullptr ? "reads each pixel once a tile"
                         : other.kernel->direct()            ? "uses tensor cores"
                         : chosen.kernel->arch.capability > other.kernel->arch.capability
                             ? "is of a later architecture"
                             : "copies 16 bytes at a time";
    return {other.kernel->name, text("takes the problem, but ", chosen.kernel->name, " ", before)};
  }
  return taken_too(other.kernel->name, other.cost, chosen.cost, pinned, speed);
}

}  // namespace

std::string time_of(const LaunchCost& cost, const DeviceSpeed& speed) {
  return text(fixed(floor_seconds(cost, speed) * 1e6, 2), " us by the model (",
              to_string(limit_of(cost, speed)), ")");
}

Refusal taken_too(const char* kernel, const LaunchCost& cost, const LaunchCost& chosen, bool pinned,
                  const DeviceSpeed& speed) {
  return {kernel,
          text("takes the problem: ", time_of(cost, speed), ", the ", pinned ? "pinned" : "chosen",
               " one ", fixed(floor_seconds(chosen, speed) * 1e6, 2)),
          floor_seconds(cost, speed) * 1e6};
}

LaunchCost cost_of(const ConvKernel& kernel, const ConvProblem& problem, const LaunchShape& shape,
                   int resident) {
  if (kernel.depthwise != nullptr) return depthwise_cost(*kernel.depthwise, problem, resident);
  if (kernel.grouped != nullptr)
    return grouped_cost(*kernel.grouped, problem, grouped_params(*kernel.grouped, problem),
                        shape.grid, resident);
  return kernel.direct() ? direct_cost(problem, shape.grid, resident)
                         : conv_cost(*kernel.tile, kernel.loader, problem, resident);
}

Result<Choice> select(const ConvProblem& problem, const PlanOptions& options, const Target& target,
                      std::span<const ConvKernel> catalog) {
  if (Status status = check_capability(target.figures); !status.ok()) return status;
  const Kernels kernels = in_order(catalog, problem.dtype);
  const bool pinned = !options.kernel.empty();
  const ConvKernel* pin = nullptr;
  if (pinned) {
    const auto found = std::ranges::find(catalog, options.kernel, &ConvKernel::name);
    if (found == catalog.end()) return unknown_kernel(options.kernel, problem.dtype, kernels);
    pin = &*found;
    if (const std::string reason = refusal(*pin, problem, target.figures); !reason.empty()) {
      return error(ErrorCode::unsupported,
                   text("the pinned kernel ", pin->name, " does not take the problem"), reason,
                   "or pin none, and the least time by the model decides");
    }
  }

  // Of each kernel why it refuses, or what it costs.
  std::vector<std::string> refusals;
  std::vector<Candidate> candidates;
  for (const ConvKernel* kernel : kernels) {
    refusals.push_back(refusal(*kernel, problem, target.figures));
    if (!refusals.back().empty()) continue;
    Result<Candidate> one = candidate(*kernel, problem, target);
    if (!one.ok()) return one.status();
    candidates.push_back(*one);
  }

  std::vector<LaunchCost> costs;  // of those to choose from
  std::vector<Candidate*> choices;
  for (Candidate& one : candidates) {
    const bool preceded = std::ranges::any_of(candidates, [&](const Candidate& other) {
      return comes_before(*other.kernel, *one.kernel);
    });
    if (pinned ? one.kernel != pin : preceded) continue;
    choices.push_back(&one);
    costs.push_back(one.cost);
  }
  const std::vector<std::size_t> near = least_of(costs, target.speed);
  for (const std::size_t i : near) {
    if (near.size() == 1) break;
    if (Status status = ask_residence(*choices[i], target); !status.ok()) return status;
    costs[i] = choices[i]->cost;
  }
  const Candidate& chosen = *choices[best_of(costs, target.speed)];

  Choice choice = {
      chosen.kernel,
      pinned ? "pinned by PlanOptions::kernel" : reason_of(chosen, kernels, problem, target),
      {}};
  auto next = candidates.begin();
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    if (!refusals[i].empty()) {
      choice.refused.push_back({kernels[i]->name, std::move(refusals[i])});
      continue;
    }
    if (&*next != &chosen)
      choice.refused.push_back(passed_over(*next, chosen, pinned, target.speed));
    ++next;
  }
  return choice;
}

}  // namespace foldconv::host
