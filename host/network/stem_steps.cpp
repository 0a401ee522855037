// SPDX-License-Identifier: MIT
// Steps of a stem: one launch, from pixels or a tensor; or convolution and pooling by themselves.
#include "base/error.hpp"
#include "conv/conv_data.hpp"
#include "network/node_steps.hpp"
#include "stem/stem.hpp"

namespace foldconv::host {
namespace {

StemProblem stem_problem(const Conv& weights, const op::Stem& op, const Images& images) {
  StemProblem problem = {.conv = weights.problem(images, {.stride = op.conv.conv.stride,
                                                          .pad = op.conv.conv.pad,
                                                          .dilation = op.conv.conv.dilation,
                                                          .groups = op.conv.conv.groups,
                                                          .activation = op.conv.activation})};
  if (op.pool) {
    problem.pool = op.pool->pad;
    problem.ceil_mode = op.pool->ceil_mode;
  }
  return problem;
}

bool takes(const PlanBuilder& plan, const StemProblem& problem) {
  return validate(problem.conv).ok() && stem_rule(problem, plan.device()).empty();
}

Status add_chain(PlanBuilder& plan, const Conv& weights, const StemProblem& problem,
                 const Placed& x, const Placed& y) {
  ConvProblem map = problem.conv;
  if (problem.pool) map.pitch.y = 0;
  const Result<ConvPlan> conv = weights.plan(map, plan.conv_options(map));
  if (!conv.ok()) return conv.status();
  const int value = plan.node().output, n = map.n;
  plan.set(y);
  if (!problem.pool) {
    plan.add_step(*conv, value, "conv", x, -1, y, n);
    return {};
  }
  const Result<Layer> pool = plan_pool(problem.pooling());
  if (!pool.ok()) return pool.status();
  const Shape size = map.output();
  const Result<Placed> between =
      plan.new_tensor({size.n, size.c, size.h, size.w}, channels_last_order(4));
  if (!between.ok()) return between.status();
  plan.add_step(*conv, value, "conv", x, -1, *between, n);
  plan.add_step(*pool, value, "pool", *between, -1, y, n);
  return {};
}

}  // namespace

bool pixels_suffice(const PlanBuilder& plan, const PixelFormat& format) {
  const int value = plan.node().output;
  const GraphNode* reader = plan.only_reader(value);
  const auto* stem = reader != nullptr ? as<op::Stem>(*reader) : nullptr;
  if (stem == nullptr) return false;
  const Placed x = {.extents = plan.extents_of(value), .order = channels_last_order(4)};
  StemProblem problem =
      stem_problem(std::get<Conv>(plan.prepared_of(*reader)), *stem, images_of(x));
  problem.pixels = format;
  return takes(plan, problem);
}

Status add_steps(PlanBuilder& plan, const op::Stem& op) {
  const PixelFormat* pixels = plan.pixels_of(plan.input());
  const Result<Placed> x =
      pixels != nullptr ? plan.place_of(plan.input()) : plan.part_images(plan.input());
  if (!x.ok()) return x.status();
  const Result<Placed> y = plan.make_part(channels_last_order(4));
  if (!y.ok()) return y.status();
  const auto& weights = std::get<Conv>(plan.prepared());
  StemProblem problem = stem_problem(weights, op, images_of(*x));
  problem.conv.pitch = {.x = x->pitch, .y = y->pitch};
  if (pixels != nullptr) {
    problem.pixels = *pixels;
  } else if (!takes(plan, problem)) {
    return add_chain(plan, weights, problem, *x, *y);
  }
  const ConvData& data = Internals::data(weights);
  return plan.add_layer(plan_stem(problem, {data.weights, data.scale, data.bias}), *x, -1, *y);
}

}  // namespace foldconv::host
