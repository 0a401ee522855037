// SPDX-License-Identifier: MIT
// Steps of squeeze and excite: the means, where what makes x leaves no sums of it, then the gates.
#include <utility>

#include "layer/gate.hpp"
#include "layer/pool.hpp"
#include "network/node_steps.hpp"

namespace foldconv::host {

Status add_steps(PlanBuilder& plan, const op::Gate& op) {
  const auto& weights = std::get<GateWeights>(plan.prepared());
  const Result<Placed> x = plan.part_images(plan.input());
  if (!x.ok()) return x.status();
  const Images size = images_of(*x);
  const int sums = plan.sums_of(plan.input());
  int means = -1;
  if (sums < 0) {
    const Result<Layer> mean = plan_pool({.dtype = plan.dtype(),
                                          .n = size.n,
                                          .h = size.h,
                                          .w = size.w,
                                          .c = weights.c,
                                          .kind = PoolProblem::Kind::average,
                                          .window = {size.h, size.w},
                                          .pitch = {x->pitch, 0}});
    if (!mean.ok()) return mean.status();
    const std::size_t mean_bytes = static_cast<std::size_t>(size.n) *
                                   static_cast<std::size_t>(weights.c) * size_of(plan.dtype());
    means = plan.new_scratch(mean_bytes);
    plan.add_step(*mean, plan.node().output, "pool", *x, -1, means, size.n);
  }

  const Result<Layer> gate = plan_gate({.n = size.n,
                                        .h = size.h,
                                        .w = size.w,
                                        .from_sums = sums >= 0,
                                        .squeeze = op.squeeze.activation,
                                        .excite = op.excite.activation},
                                       weights);
  Result<Placed> y = plan.make(channels_last_order(4));
  if (!y.ok()) return y.status();
  return plan.add_layer(gate, sums >= 0 ? sums : means, -1, *y);
}

}  // namespace foldconv::host
