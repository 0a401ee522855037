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
  const CutFigures& figures = plan.explanation().chosen();
  const std::string kernels = kernels_of(figures);
  Step step{.what = "y",
            .launch = launch_of(plan, tensors.x(), y, workspace),
            .writes = &y,
            .workspace = &workspace,
            .judge = [expected](const std::vector<Bytes>&,
                                const Bytes& got) { return judge(expected.get(), got); },
            .kernel = kernels,
            .launches = figures.launches.size(),
            .work = {.bytes = figures.dram_bytes, .flops = figures.flops},
            .costs = {figures.launches.begin(), figures.launches.end()}};
  return {.name = name, .kernels = kernels, .steps = {std::move(step)}};
}

std::vector<Way> cuts_of(const Problem& problem, Tensors& tensors, const Wanted& wanted) {
  std::vector<Way> ways;
  constexpr BlockCut kCuts[] = {BlockCut::whole, BlockCut::tails, BlockCut::chain};
  const bool by_plan = wanted("planned");
  const std::vector<Block> blocks = create_blocks(problem);
  const BlockPlan planned =
      value_of(plan_blocks(blocks, problem, {.instructions = problem.instructions}));
  const BlockExplanation& explanation = planned.explanation();
  // Computed when the first way is judged, for all of them.
  const std::shared_future<ByHand> expected =
      std::async(std::launch::deferred, by_hand, std::cref(problem),
                 joined_projections(explanation), true, explanation.instructions);
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
      ways.push_back(
          way_of(value_of(plan_blocks(blocks, problem,
                                      {.cut = cut, .instructions = problem.instructions})),
                 name, problem, tensors, expected));
    }
  }
  if (explanation.cut == BlockCut::automatic && by_plan) add_planned("planned");
  return ways;
}

PlanOptions options_of(const Problem& problem) {
  return {.kernel = problem.kernel, .instructions = problem.instructions};
}

std::vector<Way> planned_ways(const Problem& problem, Tensors& tensors, const Wanted& wanted) {
  if (problem.blocks) return cuts_of(problem, tensors, wanted);
  // A layer's chain is the one fused kernel that plan() takes.
  if (!wanted("planned") && !wanted("chain")) return {};
  Way way = fused_way(
      "planned", problem, tensors,
      [&](const LineConv& conv, const Tensor& x, const Tensor* residual, const Tensor& y) {
        return planned_step(folded(conv), conv.problem, options_of(problem), x, residual, y,
                            tensors);
      });
  way.planned = true;
  return {std::move(way)};
}

// Calls a function of the library with these arguments, of dense tensors.
template <class Call, class... Arguments>
Launch calling(Call call, const Arguments&... arguments) {
  return [=](cudaStream_t stream) { check(call(arguments..., stream, Pitches{})); };
}

// Of separate steps. `kernel_for`: of a convolution with all that stands behind it, the kernel that
// runs it alone.
template <class KernelFor>
WayMaker separate(const std::string& name, const std::string& help, KernelFor kernel_for) {
  const auto make = [name, kernel_for](const Problem& problem, Tensors& tensors, const Wanted&) {
    SingleSteps steps;
    steps.conv = [&](const LineConv& conv, const ConvProblem& alone, const Tensor& x,
                     const Tensor& y) {
      const std::string kernel = kernel_for(problem, conv.problem);
      return planned_step(unfolded(conv), alone, {.kernel = kernel}, x, nullptr, y, tensors);
    };
    steps.batch_norm = [](const pointwise::BatchNormArrays& arrays, const Tensor& x,
                          const Tensor& y) {
      return calling(pointwise::batch_norm, y.images.dtype, y.images.shape, x.data(), arrays,
                     y.data());
    };
    steps.add = [](const Tensor& z, const Tensor& y) {
      return calling(pointwise::add, y.images.dtype, y.images.shape, y.data(), z.data(), y.data());
    };
    steps.activate = [](const Activation& activation, const Tensor& y) {
      return calling(pointwise::activate, y.images.dtype, y.images.shape, activation, y.data(),
                     y.data());
    };
    return std::vector{separate_way(name, problem, tensors, steps)};
  };
  return {.names = {name}, .help = name + " (" + help + ")", .make = make};
}

}  // namespace

std::vector<WayMaker> foldconv_ways() {
  return {
      {.names = {"planned", "whole", "tails", "chain"},
       .help = "planned (what plan() takes), whole (a block as one kernel), tails (3x3, 1x1 and "
               "the next 1x1 as one), chain (a fused kernel a convolution)",
       .make = planned_ways},
      separate("separate", "the same convolutions, then BatchNorm, add, activation as kernels",
               [](const Problem& problem, const ConvProblem& conv) {
                 return value_of(explain(conv, options_of(problem))).kernel;
               }),
      separate("direct", "the same without tensor cores",
               [](const Problem&, const ConvProblem& conv) {
                 return std::string(direct_kernel(conv.dtype));
               })};
}

}  // namespace foldconv::harness
