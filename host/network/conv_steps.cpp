// SPDX-License-Identifier: MIT
// Steps of convolutions: alone, as residual blocks, and as linear layers.
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "conv/conv_data.hpp"
#include "network/node_steps.hpp"

namespace foldconv::host {
Status add_steps(PlanBuilder& plan, const op::Conv& op) {
  const std::size_t inputs = plan.node().inputs.size();
  const bool residual = inputs > (op.gated ? 2u : 1u);
  const Result<Placed> x = plan.part_images(plan.input());
  if (!x.ok()) return x.status();
  Placed z;
  if (residual) {
    Result<Placed> added = plan.part_images(plan.input(1));
    if (!added.ok()) return added.status();
    z = std::move(*added);
  }
  int gate = -1;
  if (op.gated) {
    const Result<Placed> by = plan.images(plan.input(inputs - 1));
    if (!by.ok()) return by.status();
    gate = by->place;
  }
  const Result<Placed> y = plan.make_part(channels_last_order(4));
  if (!y.ok()) return y.status();
  const auto& weights = std::get<Conv>(plan.prepared());
  const ConvProblem problem =
      weights.problem(images_of(*x), {.stride = op.conv.stride,
                                      .pad = op.conv.pad,
                                      .dilation = op.conv.dilation,
                                      .groups = op.conv.groups,
                                      .activation = op.activation,
                                      .residual = residual,
                                      .pitch = {x->pitch, z.pitch, y->pitch},
                                      .gate = op.gated});
  const Result<ConvPlan> conv = weights.plan(problem, plan.conv_options(problem));
  if (!conv.ok()) return conv.status();
  plan.set(*y);
  plan.add_step(*conv, plan.node().output, "conv", *x, z, *y, first_extent(*y));
  plan.add_gate(gate);
  const std::size_t sums = sums_bytes(*conv);
  if (sums > 0 && plan.makes_gates(plan.node().output)) plan.add_sums(plan.node().output, sums);
  return {};
}

Status add_steps(PlanBuilder& plan, const op::Stage&) {
  const Result<Placed> x = plan.part_images(plan.input());
  if (!x.ok()) return x.status();
  const Result<Placed> y = plan.make_part(channels_last_order(4));
  if (!y.ok()) return y.status();
  const Result<BlockPlan> stage =
      std::get<Stage>(plan.prepared())
          .plan(images_of(*x), {.cut = plan.options().cut,
                                .instructions = plan.options().instructions,
                                .pitch = {x->pitch, y->pitch}});
  if (!stage.ok()) return stage.status();
  plan.set(*y);
  const int scratch = plan.new_scratch(stage->workspace_bytes());
  plan.add_step(*stage, plan.node().output, "stage", *x, -1, *y, first_extent(*y), scratch);
  return {};
}

// Rows by a 1x1 convolution, each an image of one pixel: so that n does not change the order of its sums.
Status add_steps(PlanBuilder& plan, const op::Linear& op) {
  const Result<Placed> x =
      plan.in_order(plan.input(), plain_order(plan.place_of(plan.input()).extents.size()));
  if (!x.ok()) return x.status();
  const std::int64_t rows = x->elements() / x->extents.back();
  if (rows > std::numeric_limits<int>::max()) {
    return error(ErrorCode::unsupported, "a linear layer takes fewer than 2^31 rows", text(rows),
                 "use a smaller batch");
  }
  const auto& weights = std::get<Conv>(plan.prepared());
  const ConvProblem problem =
      weights.problem({static_cast<int>(rows), 1, 1}, {.activation = op.activation});
  const Result<ConvPlan> conv = weights.plan(problem, plan.conv_options(problem));
  if (!conv.ok()) return conv.status();
  Result<Placed> y = plan.make(plain_order(x->extents.size()));
  if (!y.ok()) return y.status();
  plan.set(*y);
  plan.add_step(*conv, plan.node().output, "linear", *x, -1, *y, static_cast<int>(rows));
  return {};
}

}  // namespace foldconv::host
