// SPDX-License-Identifier: MIT
// The library under test: the one place of the harness that makes Convs, Blocks and plans.
#pragma once

#include <string>
#include <vector>

#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"
#include "harness/problem/problem.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::harness {

// All throw Error: what the library's calls say.

FoldedConv folded(const LineConv& conv);    // with its BatchNorm
FoldedConv unfolded(const LineConv& conv);  // alone, with its own bias if it has one

ConvPlan plan_conv(const FoldedConv& folded, const ConvProblem& problem,
                   const PlanOptions& options = {});

// One for each line; messages name the line where there are several.
std::vector<Block> create_blocks(const Problem& problem,
                                 ScalePlacement placement = FoldOptions().placement);
// One plan for all of them: a stage's where there are several. What is pinned and does not take them
// is an unsupported Status.
Result<BlockPlan> plan_blocks(const std::vector<Block>& blocks, const Problem& problem,
                              const BlockPlanOptions& options = {});

// A cut's kernels in order, with spaces between.
std::string kernels_of(const CutFigures& figures);
// Of each block, whether its projection is summed into its last convolution.
std::vector<bool> joined_projections(const BlockExplanation& explanation);

// Launches a plan on these buffers; `residual` is not read where the plan has none.
Launch launch_of(const ConvPlan& plan, const DeviceBuffer& x, const DeviceBuffer* residual,
                 const DeviceBuffer& y, const DeviceBuffer& workspace);
Launch launch_of(const BlockPlan& plan, const DeviceBuffer& x, const DeviceBuffer& y,
                 const DeviceBuffer& workspace);
// The step of what plan_conv() gives; its workspace is one of the tensors.
Step planned_step(const FoldedConv& weights, const ConvProblem& problem, const PlanOptions& options,
                  const Tensor& x, const Tensor* residual, const Tensor& y, Tensors& tensors);

}  // namespace foldconv::harness
