// SPDX-License-Identifier: MIT
// Steps that copy: parts of tensors, and tensors into larger ones.
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "layer/copy.hpp"
#include "network/node_steps.hpp"

namespace foldconv::host {
namespace {

// A part of x into y, or into a part of y.
Status add_copied(PlanBuilder& plan, const Placed& x, const Placed& y, std::vector<CopyAxis> axes,
                  std::int64_t x_offset, float fill = 0) {
  plan.set(y);
  return plan.add_layer(plan_copy({.from = plan.dtype(),
                                   .to = plan.dtype(),
                                   .axes = std::move(axes),
                                   .x_offset = x_offset,
                                   .fill = fill,
                                   .batched = plan.batched(plan.node().output)}),
                        x.place, -1, y);
}

}  // namespace

Status add_steps(PlanBuilder& plan, const op::ResizeNearest& op) {
  const Placed x = plan.place_of(plan.input());
  Result<Placed> y = plan.make(x.order);
  if (!y.ok()) return y.status();
  std::vector<CopyAxis> axes = copy_axes(x, *y);
  for (std::size_t i = 0; i < axes.size(); ++i)
    axes[i].divide = y->order[i] == 2 ? op.h : y->order[i] == 3 ? op.w : 1;
  return add_copied(plan, x, *y, std::move(axes), 0);
}

Status add_steps(PlanBuilder& plan, const op::Concat& op) {
  AxisOrder order = plan.place_of(plan.input()).order;
  for (const int part : plan.node().inputs) {
    if (plan.place_of(part).order != order) order = plain_order(order.size());
  }
  Result<Placed> y = plan.make(order);
  if (!y.ok()) return y.status();
  plan.set(*y);
  const std::size_t axis = static_cast<std::size_t>(op.axis);
  std::int64_t begin = 0;
  for (const int part : plan.node().inputs) {
    const Placed x = plan.place_of(part);
    std::vector<CopyAxis> axes = copy_axes(x, *y);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const auto along = static_cast<std::size_t>(y->order[i]);
      if (along != axis && x.extents[along] != y->extents[along]) {
        return invalid("tensors that are put together differ along another axis",
                       text(to_string(x.extents), " in ", to_string(y->extents)),
                       "use inputs of other extents");
      }
      axes[i].extent = x.extents[along];
    }
    const Result<Layer> layer =
        plan_copy({.from = plan.dtype(),
                   .to = plan.dtype(),
                   .axes = std::move(axes),
                   .y_offset = begin * y->strides()[axis],
                   .batched = axis != 0 && plan.batched(plan.node().output)});
    if (!layer.ok()) return layer.status();
    plan.add_step(*layer, plan.node().output, "concat", x.place, -1, y->place, first_extent(*y));
    begin += x.extents[axis];
  }
  return {};
}

Status add_steps(PlanBuilder& plan, const op::Slice& op) {
  const Placed x = plan.place_of(plan.input());
  Result<Placed> y = plan.make(x.order);
  if (!y.ok()) return y.status();
  const auto axis = static_cast<std::size_t>(op.axis);
  const SliceRange range = slice_range(x.extents[axis], op.begin, op.end, op.step);
  std::vector<CopyAxis> axes = copy_axes(x, *y);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (y->order[i] != op.axis) continue;
    axes[i].x_stride = range.count == 1 ? 0 : axes[i].x_stride * op.step;
    axes[i].x_extent = range.count;
  }
  return add_copied(plan, x, *y, std::move(axes), range.begin * x.strides()[axis]);
}

Status add_steps(PlanBuilder& plan, const op::Pad& op) {
  const Placed x = plan.place_of(plan.input());
  Result<Placed> y = plan.make(x.order);
  if (!y.ok()) return y.status();
  std::vector<CopyAxis> axes = copy_axes(x, *y);
  for (std::size_t i = 0; i < axes.size(); ++i)
    axes[i].x_begin = -op.before[static_cast<std::size_t>(y->order[i])];
  return add_copied(plan, x, *y, std::move(axes), 0, op.fill);
}

}  // namespace foldconv::host
