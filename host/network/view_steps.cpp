// SPDX-License-Identifier: MIT
// Operations that look at the same memory in another way.
#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "network/node_steps.hpp"

namespace foldconv::host {
Status add_steps(PlanBuilder& plan, const op::Reshape&) {
  const Result<Placed> x =
      plan.in_order(plan.input(), plain_order(plan.place_of(plan.input()).extents.size()));
  if (!x.ok()) return x.status();
  Extents extents = plan.extents_of(plan.node().output);
  const std::size_t rank = extents.size();
  Placed y = {x->place, std::move(extents), plain_order(rank)};
  if (y.elements() != x->elements()) {
    return invalid("the extents of a reshape hold another number of elements",
                   text(to_string(x->extents), " -> ", to_string(y.extents)),
                   "use inputs of other extents");
  }
  plan.set(std::move(y));
  return {};
}

// Another view of the same memory.
Status add_steps(PlanBuilder& plan, const op::Transpose& op) {
  const Placed& x = plan.place_of(plan.input());
  Placed y = {x.place, plan.extents_of(plan.node().output), {}};
  for (const int axis : x.order) {
    const auto found = std::ranges::find(op.order, axis);
    y.order.push_back(static_cast<int>(found - op.order.begin()));
  }
  plan.set(std::move(y));
  return {};
}

Status add_steps(PlanBuilder& plan, const op::Identity&) {
  plan.set(plan.place_of(plan.input()));
  return {};
}

}  // namespace foldconv::host
