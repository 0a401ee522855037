// SPDX-License-Identifier: MIT
// Steps of convolutions: alone, as residual blocks, and as linear layers.
#include <limits>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "network/node_steps.hpp"

namespace foldconv::host {
Status add_steps(PlanBuilder& plan, const op::Conv& op) {
  const bool residual = plan.node().inputs.size() > 1;
  const Result<Placed> x = plan.images(plan.input());
  if (!x.ok()) return x.status();
  int z = -1;
  if (residual) {
    const Result<Placed> added = plan.images(plan.input(1));
    if (!added.ok()) return added.status();
    z = added->place;
  }
  const auto& weights = std::get<Conv>(plan.prepared());
  const ConvProblem problem = weights.problem(images_of(*x), {.stride = op.conv.stride,
                                                              .pad = op.conv.pad,
                                                              .dilation = op.conv.dilation,
                                                              .groups = op.conv.groups,
                                                              .activation = op.activation,
                                                              .residual = residual});
  const Result<ConvPlan> conv = weights.plan(problem, plan.conv_options(problem));
  if (!conv.ok()) return conv.status();
  Result<Placed> y = plan.make(channels_last_order(4));
  if (!y.ok()) return y.status();
  plan.set(*y);
  plan.add_step(*conv, plan.node().output, "conv", x->place, z, y->place, first_extent(*y));
  return {};
}

Status add_steps(PlanBuilder& plan, const op::Stage&) {
  const Result<Placed> x = plan.images(plan.input());
  if (!x.ok()) return x.status();
  const Result<BlockPlan> stage =
      std::get<Stage>(plan.prepared())
          .plan(images_of(*x),
                {.cut = plan.options().cut, .instructions = plan.options().instructions});
  if (!stage.ok()) return stage.status();
  Result<Placed> y = plan.make(channels_last_order(4));
  if (!y.ok()) return y.status();
  plan.set(*y);
  const int scratch = plan.new_scratch(stage->workspace_bytes());
  plan.add_step(*stage, plan.node().output, "stage", x->place, -1, y->place, first_extent(*y),
                scratch);
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
  plan.add_step(*conv, plan.node().output, "linear", x->place, -1, y->place,
                static_cast<int>(rows));
  return {};
}

}  // namespace foldconv::host
