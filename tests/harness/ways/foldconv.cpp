// SPDX-License-Identifier: MIT
// foldconv's own ways.
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "foldconv/pointwise.hpp"
#include "harness/error.hpp"
#include "harness/ways/by_hand.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::harness {
namespace {

// The step of this plan.
Step planned_step(const ConvPlan& plan, int distinct, const FoldedConv& weights,
                  const DeviceBuffer& x, const DeviceBuffer* residual, const DeviceBuffer& y,
                  Tensors& tensors, Way& way) {
  const DeviceBuffer& workspace = tensors.allocate(plan.workspace_bytes());
  way.writes.push_back(&workspace);
  const std::string& kernel = plan.explanation().kernel;
  way.kernels += (way.kernels.empty() ? "" : " ") + kernel;
  Step step = conv_step(plan.problem(), distinct, kernel, x, residual, y,
                        expected_conv(plan.problem(), distinct, weights),
                        launch_of(plan, x, residual, y, workspace));
  step.costs = {cost_of(plan.problem(), plan.explanation())};
  return step;
}

// --- planned, whole, tails, chain ---------------------------------------------------------------

// Evaluated at most once, for all ways that share it.
class LazyByHand {
 public:
  LazyByHand(const Problem& problem, std::vector<bool> joined)
      : problem_(problem), joined_(std::move(joined)) {}

  const ByHand& get() {
    if (!value_) value_ = by_hand(problem_, joined_);
    return *value_;
  }

 private:
  const Problem& problem_;
  std::vector<bool> joined_;
  std::optional<ByHand> value_;
};

Way way_of(const BlockPlan& plan, const std::string& name, const Problem& problem, Tensors& tensors,
           const std::shared_ptr<LazyByHand>& expected) {
  const DeviceBuffer& y = tensors.allocate(problem.output().bytes());
  const DeviceBuffer& workspace = tensors.allocate(plan.workspace_bytes());
  Way way{.name = name, .writes = {&y, &workspace}};
  Step step{.what = "y",
            .launch = launch_of(plan, tensors.x(), y, workspace),
            .writes = &y,
            .judge = [expected](const std::vector<Bytes>&, const Bytes& got) {
              return judge(expected->get(), got);
            }};
  const BlockExplanation& explanation = plan.explanation();
  if (const CutFigures* figures = figures_of(explanation, explanation.cut)) {
    way.kernels = kernels_of(*figures);
    step.launches = figures->launches.size();
    step.work = {.bytes = figures->dram_bytes, .flops = figures->flops};
    step.costs.assign(figures->launches.begin(), figures->launches.end());
  }
  way.steps.push_back(std::move(step));
  return way;
}

std::vector<Way> cuts_of(const Problem& problem, Tensors& tensors, const Wanted& wanted) {
  std::vector<Way> ways;
  constexpr BlockCut kCuts[] = {BlockCut::whole, BlockCut::tails, BlockCut::chain};
  const auto is_wanted = [&](BlockCut cut) { return wanted(to_string(cut)); };
  const bool by_plan = wanted("planned");
  if (!by_plan && std::ranges::none_of(kCuts, is_wanted)) return ways;

  const std::vector<Block> blocks = create_blocks(problem);
  const BlockPlan planned = value_of(plan_blocks(blocks, problem));
  const BlockExplanation& explanation = planned.explanation();
  const auto expected = std::make_shared<LazyByHand>(problem, joined_projections(explanation));
  const auto add_planned = [&](const std::string& name) {
    ways.push_back(way_of(planned, name, problem, tensors, expected));
    ways.back().planned = true;
  };
  for (const BlockCut cut : kCuts) {
    if (cut == explanation.cut && (by_plan || is_wanted(cut))) add_planned(to_string(cut));
    if (cut == explanation.cut || !is_wanted(cut)) continue;
    const CutFigures* figures = figures_of(explanation, cut);
    if (figures != nullptr && !figures->refusal.empty()) {
      ways.push_back({.name = to_string(cut), .refusal = figures->refusal});
      continue;
    }
    const BlockPlan plan = value_of(plan_blocks(blocks, problem, cut));
    ways.push_back(way_of(plan, to_string(cut), problem, tensors, expected));
  }
  if (explanation.cut == BlockCut::automatic && by_plan) add_planned("planned");
  return ways;
}

std::vector<Way> planned_ways(const Problem& problem, Tensors& tensors, const Wanted& wanted) {
  if (problem.blocks) return cuts_of(problem, tensors, wanted);
  // A layer's chain is the one fused kernel that plan() takes.
  if (!wanted("planned") && !wanted("chain")) return {};
  std::vector<Way> ways = {
      fused_way("planned", problem, tensors,
                [&](const LineConv& conv, const DeviceBuffer& x, const DeviceBuffer* residual,
                    const DeviceBuffer& y, Way& way) {
                  const FoldedConv weights = folded(conv);
                  return planned_step(plan_conv(weights, conv.problem, problem.kernel),
                                      problem.distinct, weights, x, residual, y, tensors, way);
                })};
  ways.front().planned = true;
  return ways;
}

// --- separate, direct ---------------------------------------------------------------------------

const float* floats(const DeviceBuffer* buffer) {
  return static_cast<const float*>(buffer->data());
}

// `kernel_for`: of a convolution with all that stands behind it, the kernel that runs it alone.
Way single_kernels(const std::string& name, const Problem& problem, Tensors& tensors,
                   const std::function<std::string(const ConvProblem&)>& kernel_for) {
  return separate_way(
      name, problem, tensors,
      {.conv =
           [&](const LineConv& conv, const ConvProblem& alone, const DeviceBuffer& x,
               const DeviceBuffer& y, Way& way) {
             const FoldedConv weights = unfolded(conv);
             return planned_step(plan_conv(weights, alone, kernel_for(conv.problem)),
                                 problem.distinct, weights, x, nullptr, y, tensors, way);
           },
       .batch_norm =
           [&](const Images& images, const BatchNorm& batch_norm, const DeviceBuffer& x,
               const DeviceBuffer& y) {
             const DeviceBatchNorm on = upload(batch_norm, tensors);
             const pointwise::BatchNormArrays arrays{floats(on.gamma), floats(on.beta),
                                                     floats(on.mean), floats(on.variance), on.eps};
             return batch_norm_step(images, batch_norm, x, y, [=, &x, &y](cudaStream_t stream) {
               check(pointwise::batch_norm(images.dtype, images.shape, x.data(), arrays, y.data(),
                                           stream));
             });
           },
       .add =
           [](const Images& images, const DeviceBuffer& z, const DeviceBuffer& y) {
             return add_step(images, z, y, [=, &z, &y](cudaStream_t stream) {
               check(pointwise::add(images.dtype, images.shape, y.data(), z.data(), y.data(),
                                    stream));
             });
           },
       .activation =
           [](const Images& images, const Activation& activation, const DeviceBuffer& y) {
             return activation_step(images, activation, y, [=, &y](cudaStream_t stream) {
               check(pointwise::activate(images.dtype, images.shape, activation, y.data(), y.data(),
                                         stream));
             });
           }});
}

std::vector<Way> separate_ways(const Problem& problem, Tensors& tensors, const Wanted& wanted) {
  if (!wanted("separate")) return {};
  return {single_kernels("separate", problem, tensors,
                         [&](const ConvProblem& conv) { return kernel_of(conv, problem.kernel); })};
}

std::vector<Way> direct_ways(const Problem& problem, Tensors& tensors, const Wanted& wanted) {
  if (!wanted("direct")) return {};
  return {single_kernels("direct", problem, tensors, direct_kernel)};
}

}  // namespace

std::vector<WayMaker> foldconv_ways() {
  return {
      {.names = {"planned", "whole", "tails", "chain"},
       .help = "planned (what plan() takes), whole (a block as one kernel), tails (3x3, 1x1 and "
               "the next 1x1 as one), chain (a fused kernel a convolution)",
       .make = planned_ways},
      {.names = {"separate"},
       .help = "separate (the same convolutions, then BatchNorm, add, activation as kernels)",
       .make = separate_ways},
      {.names = {"direct"}, .help = "direct (the same without tensor cores)", .make = direct_ways}};
}

}  // namespace foldconv::harness
