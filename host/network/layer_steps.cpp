// SPDX-License-Identifier: MIT
// Steps of layers that are no convolution.
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "layer/affine.hpp"
#include "layer/binary.hpp"
#include "layer/lrn.hpp"
#include "layer/pool.hpp"
#include "layer/softmax.hpp"
#include "network/node_steps.hpp"

namespace foldconv::host {
namespace {

// Strides of an operand along y's axes, in the order of y's memory; 0 where it is broadcast.
std::vector<std::int64_t> broadcast_strides(const Placed& operand, const Placed& y) {
  const std::vector<std::int64_t> own = operand.strides();
  const std::size_t missing = y.extents.size() - operand.extents.size();
  std::vector<std::int64_t> strides;
  for (const int index : y.order) {
    const auto axis = static_cast<std::size_t>(index);
    const bool has = axis >= missing && operand.extents[axis - missing] != 1;
    strides.push_back(has ? own[axis - missing] : 0);
  }
  return strides;
}

std::vector<std::int64_t> strides_in_memory(const Placed& tensor) {
  const std::vector<std::int64_t> by_axis = tensor.strides();
  std::vector<std::int64_t> strides;
  for (const int axis : tensor.order) strides.push_back(by_axis[static_cast<std::size_t>(axis)]);
  return strides;
}

Status check_broadcast(const Placed& operand, const Extents& extents) {
  const std::size_t missing = extents.size() - operand.extents.size();
  for (std::size_t axis = 0; axis < operand.extents.size(); ++axis) {
    const std::int64_t d = operand.extents[axis];
    if (d == 1 || d == extents[axis + missing]) continue;
    return invalid("the operands' extents do not broadcast",
                   text(to_string(operand.extents), " to ", to_string(extents)),
                   "use inputs of other extents");
  }
  return {};
}

Status add_pool(PlanBuilder& plan, const Placed& x, const PoolNode& pool) {
  const Result<Placed> y = plan.make_part(channels_last_order(4));
  if (!y.ok()) return y.status();
  const Images size = images_of(x);
  return plan.add_layer(plan_pool({.dtype = plan.dtype(),
                                   .n = size.n,
                                   .h = size.h,
                                   .w = size.w,
                                   .c = static_cast<int>(x.extents[1]),
                                   .kind = pool.kind == PoolKind::max ? PoolProblem::Kind::max
                                                                      : PoolProblem::Kind::average,
                                   .window = pool.window,
                                   .stride = pool.stride,
                                   .dilation = pool.dilation,
                                   .pad = pool.pad,
                                   .ceil_mode = pool.ceil_mode,
                                   .count_include_pad = pool.count_include_pad,
                                   .pitch = {x.pitch, y->pitch}}),
                        x, -1, *y);
}

}  // namespace

Status add_steps(PlanBuilder& plan, const op::BatchNorm& op) {
  const auto& arrays = std::get<AffineArrays>(plan.prepared());
  const std::size_t rank = plan.place_of(plan.input()).extents.size();
  const Result<Placed> x = plan.part_in_order(plan.input(), channels_last_order(rank));
  if (!x.ok()) return x.status();
  const Result<Placed> y = plan.make_part(x->order);
  if (!y.ok()) return y.status();
  const std::int64_t n = x->extents[0], c = x->extents[1];
  return plan.add_layer(plan_affine({.dtype = plan.dtype(),
                                     .n = static_cast<int>(n),
                                     .pixels_per_image = x->elements() / n / c,
                                     .c = static_cast<int>(c),
                                     .scale = arrays.scale(),
                                     .shift = arrays.shift(),
                                     .activation = op.activation,
                                     .pitch = {x->pitch, y->pitch}}),
                        *x, -1, *y);
}

Status add_steps(PlanBuilder& plan, const op::Activate& op) {
  const Placed x = plan.place_of(plan.input());
  const Result<Placed> y = plan.make_part(x.order);
  if (!y.ok()) return y.status();
  ActivateProblem problem = {.dtype = plan.dtype(),
                             .n = first_extent(x),
                             .elements_per_image = x.elements() / first_extent(x),
                             .activation = op.activation,
                             .pitch = {x.pitch, y->pitch}};
  if (x.pitch != 0 || y->pitch != 0)
    problem.c = static_cast<int>(x.extents[static_cast<std::size_t>(x.order.back())]);
  return plan.add_layer(plan_activate(problem), x, -1, *y);
}

Status add_steps(PlanBuilder& plan, const op::Binary& op) {
  const Placed a = plan.place_of(plan.input(0)), b = plan.place_of(plan.input(1));
  const Extents extents = plan.extents_of(plan.node().output);
  if (Status status = check_broadcast(a, extents); !status.ok()) return status;
  if (Status status = check_broadcast(b, extents); !status.ok()) return status;
  // As the operand lies that is as large as y.
  const Placed& like = a.extents == extents ? a : b;
  const Result<Placed> y =
      plan.make_part(like.extents == extents ? like.order : plain_order(extents.size()));
  if (!y.ok()) return y.status();
  Extents memory = y->memory_extents();
  std::vector<std::int64_t> x_strides = broadcast_strides(a, *y),
                            z_strides = broadcast_strides(b, *y), y_strides;
  if (y->pitch != 0) y_strides = strides_in_memory(*y);
  if (memory.empty()) {
    memory = {1};
    x_strides = z_strides = {0};
  }
  plan.set(*y);
  return plan.add_layer(
      plan_binary({.dtype = plan.dtype(),
                   .op = op.kind == op::Binary::Kind::add ? BinaryProblem::Op::add
                                                          : BinaryProblem::Op::multiply,
                   .extents = memory,
                   .x_strides = x_strides,
                   .z_strides = z_strides,
                   .y_strides = y_strides,
                   .activation = op.activation,
                   .batched = plan.batched(plan.node().output)}),
      a, b, *y);
}

Status add_steps(PlanBuilder& plan, const op::Pool& op) {
  const Result<Placed> x = plan.part_images(plan.input());
  return x.ok() ? add_pool(plan, *x, op.pool) : x.status();
}
Status add_steps(PlanBuilder& plan, const op::GlobalPool& op) {
  const Result<Placed> x = plan.part_images(plan.input());
  if (!x.ok()) return x.status();
  const Images size = images_of(*x);
  return add_pool(plan, *x, {.kind = op.kind, .window = {size.h, size.w}});
}

Status add_steps(PlanBuilder& plan, const op::Lrn& op) {
  const Result<Placed> x = plan.part_images(plan.input());
  if (!x.ok()) return x.status();
  const Result<Placed> y = plan.make_part(x->order);
  if (!y.ok()) return y.status();
  const Images size = images_of(*x);
  return plan.add_layer(plan_lrn({.dtype = plan.dtype(),
                                  .n = size.n,
                                  .pixels_per_image = std::int64_t{size.h} * size.w,
                                  .c = static_cast<int>(x->extents[1]),
                                  .size = op.lrn.size,
                                  .alpha = op.lrn.alpha,
                                  .beta = op.lrn.beta,
                                  .bias = op.lrn.bias,
                                  .pitch = {x->pitch, y->pitch}}),
                        *x, -1, *y);
}

Status add_steps(PlanBuilder& plan, const op::Softmax& op) {
  const Result<Placed> x = plan.in_order(plan.input(), plan.place_of(plan.input()).order);
  if (!x.ok()) return x.status();
  Result<Placed> y = plan.make(x->order);
  if (!y.ok()) return y.status();
  const Extents memory = x->memory_extents();
  SoftmaxProblem problem = {.dtype = plan.dtype()};
  std::size_t at_axis = 0;
  while (x->order[at_axis] != op.axis) ++at_axis;
  for (std::size_t i = 0; i < memory.size(); ++i)
    (i < at_axis ? problem.outer : i == at_axis ? problem.length : problem.inner) *= memory[i];
  problem.length = memory[at_axis];
  if (x->order[0] == 0 && at_axis > 0) problem.n = first_extent(*x);
  return plan.add_layer(plan_softmax(problem), *x, -1, *y, problem.n);
}

}  // namespace foldconv::host
