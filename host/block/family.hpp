// SPDX-License-Identifier: MIT
// The kernels that compute more than one convolution, family by family: what each offers for a part of
// a block.
//
// An offer is a launch; or ErrorCode::unsupported, whose message is the reason alone: which rule,
// which value (rules.hpp). A family is its rules, the catalog's kernels, and a function that makes a
// kernel's launch with its parameters and cost.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "block/planned.hpp"
#include "catalog/registry.hpp"
#include "cost/best.hpp"

namespace foldconv::host {

// A whole block as one launch.
Result<BlockLaunch> offer_whole(const PlannedBlock& block, const PlanContext& context);

// A whole inverted block as one launch.
Result<BlockLaunch> offer_inverted(const PlannedBlock& block, const PlanContext& context);

// conv2 and conv3 as one launch, and conv1 of `next` with them unless it is null.
Result<BlockLaunch> offer_tail(const PlannedBlock& block, const PlannedBlock* next,
                               const PlanContext& context);

// conv3 and the downsample of a block that has them joined as one launch.
Result<BlockLaunch> offer_joined(const PlannedBlock& block, const PlanContext& context);

// A kernel's launch for a part of a block, and its cost.
struct KernelOffer {
  const char* kernel;
  KernelLaunch launch;
  LaunchCost cost;
};

template <class Kernel>
bool has_kernel(std::span<const Kernel> family, std::string_view name) {
  return std::ranges::any_of(family, [&](const Kernel& kernel) { return kernel.name == name; });
}

// Of the family's kernels for the type and the device, or of the pinned one alone, those that are
// made for such a block: rule(kernel) is "". Else the last rule that was broken.
template <class Kernel, class Rule>
Result<std::vector<const Kernel*>> candidates(std::span<const Kernel> family, DataType dtype,
                                              const PlanContext& context, Rule&& rule) {
  const bool pinned = has_kernel(family, context.kernel);
  std::vector<const Kernel*> kernels;
  std::string broken = "there is no such kernel for the data type and the device";
  for (const Kernel* kernel : kernels_for(family, dtype, context.device)) {
    if (pinned && kernel->name != context.kernel) continue;
    std::string why = rule(*kernel);
    if (why.empty()) {
      kernels.push_back(kernel);
    } else {
      broken = std::move(why);
    }
  }
  if (kernels.empty()) return not_offered(std::move(broken));
  return kernels;
}

// Of one or more kernels those for which make(kernel) is no refusal: the best by cost/best.hpp. None: the last refusal.
template <class Kernel, class Make>
Result<KernelOffer> choose(const std::vector<const Kernel*>& kernels, const PlanContext& context,
                           Make&& make) {
  Status refusal;
  std::vector<KernelOffer> offers;
  std::vector<LaunchCost> costs;
  for (const Kernel* kernel : kernels) {
    Result<KernelOffer> offer = make(*kernel);
    if (!offer.ok()) {
      if (offer.status().code() != ErrorCode::unsupported) return offer.status();
      refusal = offer.status();
      continue;
    }
    costs.push_back(offer->cost);
    offers.push_back(std::move(*offer));
  }
  if (offers.empty()) return refusal;
  return std::move(offers[best_of(costs, context.speed)]);
}

}  // namespace foldconv::host
