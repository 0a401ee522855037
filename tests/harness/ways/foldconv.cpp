// SPDX-License-Identifier: MIT
// foldconv's own ways.
#include <algorithm>
#include <functional>
#include <future>
#include <utility>

#include "foldconv/kernel_list.hpp"
#include "harness/error.hpp"
#include "harness/ways/by_hand.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::harness {
namespace {

Way way_of(const BlockPlan& plan, const std::string& name, const Problem& problem, Tensors& tensors,
           const std::shared_future<ByHand>& expected) {
  const Tensor& y = tensors.allocate(problem.output());
  const DeviceBuffer& workspace = tensors.allocate(plan.workspace_bytes());
  Way way{.name = name, .writes = {&y, &workspace}};
  Step step{.what = "y",
            .launch = launch_of(plan, tensors.x(), y, workspace),
            .writes = &y,
            .judge = [expected](const std::vector<Bytes>&, const Bytes& got) {
              return judge(expected.get(), got);
            }};
  const CutFigures& figures = plan.explanation().chosen();
  way.kernels = kernels_of(figures);
  step.launches = figures.launches.size();
  step.work = {.bytes = figures.dram_bytes, .flops = figures.flops};
  step.costs.assign(figures.launches.begin(), figures.launches.end());
  way.steps.push_back(std::move(step));
  return way;
}

std::vector<Way> cuts_of(const Problem& problem, Tensors& tensors, const Wanted& wanted) {
  std::vector<Way> ways;
  constexpr BlockCut kCuts[] = {BlockCut::whole, BlockCut::tails, BlockCut::chain};
  const bool by_plan = wanted("planned");
  const std::vector<Block> blocks = create_blocks(problem);
  const BlockPlan planned = value_of(plan_blocks(blocks, problem));
  const BlockExplanation& explanation = planned.explanation();
  // Computed when the first way is judged, for all of them.
  const std::shared_future<ByHand> expected = std::async(
      std::launch::deferred, by_hand, std::cref(problem), joined_projections(explanation), true);
  const auto add_planned = [&](const std::string& name) {
    ways.push_back(way_of(planned, name, problem, tensors, expected));
    ways.back().planned = true;
  };
  for (const BlockCut cut : kCuts) {
    const std::string name = to_string(cut);
    const bool taken = cut == explanation.cut;
    if (!wanted(name) && !(taken && by_plan)) continue;
    const auto figures = std::ranges::find(explanation.cuts, cut, &CutFigures::cut);
    if (taken) {
      add_planned(name);
    } else if (figures != explanation.cuts.end() && !figures->refusal.empty()) {
      ways.push_back({.name = name, .refusal = figures->refusal});
    } else {
      ways.push_back(way_of(value_of(plan_blocks(blocks, problem, {.cut = cut})), name, problem,
                            tensors, expected));
    }
  }
  if (explanation.cut == BlockCut::automatic && by_plan) add_planned("planned");
  return ways;
}

std::vector<Way> planned_ways(const Problem& problem, Tensors& tensors, const Wanted& wanted) {
  if (problem.blocks) return cuts_of(problem, tensors, wanted);
  // A layer's chain is the one fused kernel that plan() takes.
  if (!wanted("planned") && !wanted("chain")) return {};
  Way way = fused_way("planned", problem, tensors,
                      [&](const LineConv& conv, const Tensor& x, const Tensor* residual,
                          const Tensor& y, Way& made) {
                        return planned_step(folded(conv), conv.problem, problem.kernel, x, residual,
                                            y, tensors, made);
                      });
  way.planned = true;
  return {std::move(way)};
}

// `kernel_for`: of a convolution with all that stands behind it, the kernel that runs it alone.
Way single_kernels(const std::string& name, const Problem& problem, Tensors& tensors,
                   const std::function<std::string(const ConvProblem&)>& kernel_for) {
  return separate_way(name, problem, tensors,
                      {.conv =
                           [&](const LineConv& conv, const ConvProblem& alone, const Tensor& x,
                               const Tensor& y, Way& way) {
                             return planned_step(unfolded(conv), alone, kernel_for(conv.problem), x,
                                                 nullptr, y, tensors, way);
                           },
                       .batch_norm = [](const pointwise::BatchNormArrays& arrays, const Tensor& x,
                                        const Tensor& y) -> Launch {
                         return [arrays, &x, &y](cudaStream_t stream) {
                           check(pointwise::batch_norm(y.images.dtype, y.images.shape, x.data(),
                                                       arrays, y.data(), stream));
                         };
                       },
                       .add = [](const Tensor& z, const Tensor& y) -> Launch {
                         return [&z, &y](cudaStream_t stream) {
                           check(pointwise::add(y.images.dtype, y.images.shape, y.data(), z.data(),
                                                y.data(), stream));
                         };
                       },
                       .activate = [](const Activation& activation, const Tensor& y) -> Launch {
                         return [activation, &y](cudaStream_t stream) {
                           check(pointwise::activate(y.images.dtype, y.images.shape, activation,
                                                     y.data(), y.data(), stream));
                         };
                       }});
}

std::vector<Way> separate_ways(const Problem& problem, Tensors& tensors, const Wanted&) {
  return {single_kernels("separate", problem, tensors, [&](const ConvProblem& conv) {
    return value_of(explain(conv, {.kernel = problem.kernel})).kernel;
  })};
}

std::vector<Way> direct_ways(const Problem& problem, Tensors& tensors, const Wanted&) {
  return {single_kernels("direct", problem, tensors, [](const ConvProblem& conv) {
    return std::string(direct_kernel(conv.dtype));
  })};
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
