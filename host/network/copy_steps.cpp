// SPDX-License-Identifier: MIT
// Steps that copy: parts of tensors, and tensors into larger ones.
#include <optional>
#include <utility>
#include <vector>

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
                        x, -1, y);
}

// Channels of images into a part of y, which the node makes.
Status add_channels(PlanBuilder& plan, const PlanBuilder::MissingPart& part, const Placed& y) {
  const Placed& x = plan.place_of(part.from.value);
  std::vector<CopyAxis> axes = copy_axes(x, y);
  axes.back().extent = axes.back().x_extent = part.from.count;
  const Result<Layer> layer = plan_copy({.from = plan.dtype(),
                                         .to = plan.dtype(),
                                         .axes = std::move(axes),
                                         .x_offset = part.from.begin * x.strides()[1],
                                         .y_offset = part.offset,
                                         .batched = plan.batched(plan.node().output)});
  if (!layer.ok()) return layer.status();
  plan.add_step(*layer, plan.node().output, "concat", x, -1, y, first_extent(y));
  return {};
}

Status check_parts(const PlanBuilder& plan, std::size_t axis) {
  const Extents y = plan.extents_of(plan.node().output);
  for (const int part : plan.node().inputs) {
    const Extents& x = plan.place_of(part).extents;
    for (std::size_t along = 0; along < y.size(); ++along) {
      if (along == axis || x[along] == y[along]) continue;
      return invalid("tensors that are put together differ along another axis",
                     text(to_string(x), " in ", to_string(y)), "use inputs of other extents");
    }
  }
  return {};
}

// All parts copied, side by side along any axis.
Status add_parts(PlanBuilder& plan, std::size_t axis, const Placed& y) {
  std::int64_t begin = 0;
  for (const int part : plan.node().inputs) {
    const Placed x = plan.place_of(part);
    std::vector<CopyAxis> axes = copy_axes(x, y);
    for (std::size_t i = 0; i < axes.size(); ++i)
      axes[i].extent = x.extents[static_cast<std::size_t>(y.order[i])];
    const Result<Layer> layer =
        plan_copy({.from = plan.dtype(),
                   .to = plan.dtype(),
                   .axes = std::move(axes),
                   .y_offset = begin * y.strides()[axis],
                   .batched = axis != 0 && plan.batched(plan.node().output)});
    if (!layer.ok()) return layer.status();
    plan.add_step(*layer, plan.node().output, "concat", x, -1, y, first_extent(y));
    begin += x.extents[axis];
  }
  return {};
}

}  // namespace

Status add_steps(PlanBuilder& plan, const op::ResizeNearest& op) {
  const Placed x = plan.place_of(plan.input());
  const Result<Placed> y = plan.make_part(x.order);
  if (!y.ok()) return y.status();
  std::vector<CopyAxis> axes = copy_axes(x, *y);
  for (std::size_t i = 0; i < axes.size(); ++i)
    axes[i].divide = y->order[i] == 2 ? op.h : y->order[i] == 3 ? op.w : 1;
  return add_copied(plan, x, *y, std::move(axes), 0);
}

Status add_steps(PlanBuilder& plan, const op::Concat& op) {
  const auto axis = static_cast<std::size_t>(op.axis);
  if (Status status = check_parts(plan, axis); !status.ok()) return status;
  std::vector<PlanBuilder::MissingPart> missing;
  if (const std::optional<Result<Placed>> y = plan.make_concat(missing)) {
    if (!y->ok()) return y->status();
    plan.set(**y);
    for (const PlanBuilder::MissingPart& part : missing) {
      if (Status status = add_channels(plan, part, **y); !status.ok()) return status;
    }
    return {};
  }
  AxisOrder order = plan.place_of(plan.input()).order;
  for (const int part : plan.node().inputs) {
    if (plan.place_of(part).order != order) order = plain_order(order.size());
  }
  const Result<Placed> y = plan.make(order);
  if (!y.ok()) return y.status();
  plan.set(*y);
  return add_parts(plan, axis, *y);
}

Status add_steps(PlanBuilder& plan, const op::Slice& op) {
  const Placed x = plan.place_of(plan.input());
  const auto axis = static_cast<std::size_t>(op.axis);
  const SliceRange range = slice_range(x.extents[axis], op.begin, op.end, op.step);
  if (axis == 1 && op.step == 1) {
    if (const auto part = plan.channels_of(x, range.begin, range.count)) {
      plan.set(*part);
      return {};
    }
  }
  const Result<Placed> y = plan.make_part(x.order);
  if (!y.ok()) return y.status();
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
  const Result<Placed> y = plan.make_part(x.order);
  if (!y.ok()) return y.status();
  std::vector<CopyAxis> axes = copy_axes(x, *y);
  for (std::size_t i = 0; i < axes.size(); ++i)
    axes[i].x_begin = -op.before[static_cast<std::size_t>(y->order[i])];
  return add_copied(plan, x, *y, std::move(axes), 0, op.fill);
}

}  // namespace foldconv::host
