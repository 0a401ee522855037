// SPDX-License-Identifier: MIT
// Operations that look at the same memory in another way.
#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "network/node_steps.hpp"

namespace foldconv::host {
namespace {

// Axes that a reshape makes of others: as many elements, in the same order.
struct ReshapedAxes {
  std::vector<int> from, to;  // of x, without those of one element; of y
};

// Of extents of as many elements. The first group is of y's axes of one element that come before all others.
std::vector<ReshapedAxes> reshaped_axes(const Extents& x, const Extents& y) {
  std::vector<ReshapedAxes> groups(1);
  std::int64_t taken = 1, made = 1;  // elements of the last group
  std::size_t next = 0;              // axis of x
  for (std::size_t axis = 0; axis < y.size(); ++axis) {
    if (y[axis] != 1 && taken == made) {
      groups.emplace_back();
      taken = made = 1;
    }
    groups.back().to.push_back(static_cast<int>(axis));
    for (made *= y[axis]; taken < made && next < x.size(); ++next) {
      if (x[next] == 1) continue;
      taken *= x[next];
      groups.back().from.push_back(static_cast<int>(next));
    }
  }
  return groups;
}

// Of a reshape without a copy, or with one that leaves as much as it can where it was.
struct ReshapeOrders {
  AxisOrder x, y;
};

ReshapeOrders reshape_orders(const Placed& x, const Extents& y) {
  std::vector<ReshapedAxes> groups = reshaped_axes(x.extents, y);
  const auto place = [&](const ReshapedAxes& group) {
    std::ptrdiff_t first = group.from.empty() ? -1 : std::ssize(x.order);
    for (const int axis : group.from)
      first = std::min(first, std::ranges::find(x.order, axis) - x.order.begin());
    return first;
  };
  std::ranges::stable_sort(groups, {}, place);
  ReshapeOrders orders;
  if (!x.extents.empty() && x.extents[0] == 1) orders.x.push_back(0);  // images come first
  for (const ReshapedAxes& group : groups) {
    orders.x.insert(orders.x.end(), group.from.begin(), group.from.end());
    orders.y.insert(orders.y.end(), group.to.begin(), group.to.end());
  }
  for (std::size_t axis = 1; axis < x.extents.size(); ++axis) {
    if (x.extents[axis] == 1) orders.x.push_back(static_cast<int>(axis));
  }
  return orders;
}

}  // namespace

Status add_steps(PlanBuilder& plan, const op::Reshape&) {
  const Placed& as_it_is = plan.place_of(plan.input());
  Placed y = {-1, plan.extents_of(plan.node().output), {}};
  if (y.elements() != as_it_is.elements()) {
    return invalid("the extents of a reshape hold another number of elements",
                   text(to_string(as_it_is.extents), " -> ", to_string(y.extents)),
                   "use inputs of other extents");
  }
  ReshapeOrders orders = reshape_orders(as_it_is, y.extents);
  const Result<Placed> x = plan.in_order(plan.input(), orders.x);
  if (!x.ok()) return x.status();
  y.place = x->place;
  y.order = std::move(orders.y);
  plan.set(std::move(y));
  return {};
}

// Another view of the same memory.
Status add_steps(PlanBuilder& plan, const op::Transpose& op) {
  const Placed& x = plan.place_of(plan.input());
  Placed y = x;
  y.extents = plan.extents_of(plan.node().output);
  y.order.clear();
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
