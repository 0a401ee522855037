// SPDX-License-Identifier: MIT
#include "catalog/sm90_select.hpp"

#include <algorithm>

#include "base/problem_sizes.hpp"
#include "base/text.hpp"
#include "catalog/select.hpp"
#include "cost/best.hpp"
#include "cost/sm90_cost.hpp"

namespace foldconv::host {
namespace {

struct Sm90Offer {
  Sm90Variant variant;
  LaunchCost cost;
};

// Of one tile the best way to share: of equal ones none.
Sm90Offer best_way(const Sm90Kernel& kernel, const ConvProblem& problem, const DeviceSpeed& speed) {
  std::vector<Sm90Offer> offers;
  std::vector<LaunchCost> costs;
  for (const auto multicast : {Multicast::none, Multicast::weights, Multicast::pixels}) {
    if (multicast != Multicast::none && !kernel.tile->may_multicast()) continue;
    costs.push_back(sm90_cost(*kernel.tile, multicast, problem));
    offers.push_back({{&kernel, multicast}, costs.back()});
  }
  return offers[best_of(costs, speed)];
}

const char* words_of(Multicast multicast) {
  return multicast == Multicast::none      ? ""
         : multicast == Multicast::weights ? "; two CTAs share the weights"
                                           : "; two CTAs share the pixels";
}

// A narrower tile has all channels, too, and the model does not see what idle products cost.
bool is_mostly_padding(const Sm90Tile& tile, const ConvProblem& problem) {
  return tile.block_n >= 2 * k_per_group(problem);
}

}  // namespace

Sm90Choice select_sm90(const ConvProblem& problem, const Sm90Kernel* pinned,
                       const DeviceSpeed& speed) {
  const auto kernels = in_order(sm90_kernels(), problem.dtype);
  std::vector<Sm90Offer> offers;  // of each kernel
  std::vector<LaunchCost> costs;  // of those to choose from
  std::vector<std::size_t> choices;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    offers.push_back(best_way(*kernels[i], problem, speed));
    if (pinned != nullptr ? kernels[i] != pinned : is_mostly_padding(*kernels[i]->tile, problem))
      continue;
    costs.push_back(offers.back().cost);
    choices.push_back(i);
  }
  const std::size_t best = choices[best_of(costs, speed)];
  const Sm90Offer& chosen = offers[best];
  Sm90Choice choice = {chosen.variant, chosen.cost, {}, {}};
  choice.reason = pinned != nullptr
                      ? std::string("pinned by PlanOptions::kernel")
                      : text(chosen.variant.kernel->reason, words_of(chosen.variant.multicast),
                             "; ", time_of(chosen.cost, speed));
  for (std::size_t i = 0; i < offers.size(); ++i) {
    if (i == best) continue;
    const Sm90Kernel& kernel = *kernels[i];
    if (pinned == nullptr && is_mostly_padding(*kernel.tile, problem)) {
      choice.refused.push_back(
          {kernel.name, text("half of its channels or more would be padding: ",
                             kernel.tile->block_n, " for k / groups = ", k_per_group(problem))});
      continue;
    }
    choice.refused.push_back(
        taken_too(kernel.name, offers[i].cost, chosen.cost, pinned != nullptr, speed));
  }
  return choice;
}

}  // namespace foldconv::host
