// SPDX-License-Identifier: MIT
#include "harness/ways/library.hpp"

#include "harness/error.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::harness {
namespace {

BlockLayer layer_of(const LineConv& conv) {
  return {.conv = conv.weights, .batch_norm = conv.batch_norm};
}

template <class Weights>
Result<Block> create_block(const Line& line, Weights weights, const FoldOptions& options) {
  const ConvProblem &first = line.convs.front().problem, &last = line.convs.back().problem;
  weights.conv1 = layer_of(line.convs[0]);
  weights.conv2 = layer_of(line.convs[1]);
  if (line.shortcut) weights.downsample = layer_of(*line.shortcut);
  weights.stride = shape_of(line).stride;
  weights.inner = first.activation;
  weights.last = last.activation;
  return Block::create(weights, options);
}

Result<Block> create_inverted(const Line& line, const FoldOptions& options) {
  const LineConv &depthwise = line.convs[line.convs.size() - 2], &project = line.convs.back();
  InvertedBlockWeights weights{.depthwise = layer_of(depthwise),
                               .project = layer_of(project),
                               .stride = depthwise.problem.stride.h,
                               .pad = depthwise.problem.pad,
                               .residual = project.problem.residual,
                               .inner = depthwise.problem.activation,
                               .last = project.problem.activation};
  if (line.convs.size() == 3) weights.expand = layer_of(line.convs.front());
  return Block::create(weights, options);
}

Result<Block> create_block(const Line& line, const FoldOptions& options) {
  if (line.inverted()) return create_inverted(line, options);
  if (!line.bottleneck()) return create_block(line, BasicBlockWeights(), options);
  BottleneckWeights weights;
  weights.conv3 = layer_of(line.convs[2]);
  weights.stride_at = shape_of(line).stride_at;
  weights.groups = shape_of(line).groups;
  return create_block(line, weights, options);
}

}  // namespace

FoldedConv folded(const LineConv& conv) {
  return value_of(fold(conv.weights, conv.batch_norm, {.dtype = conv.problem.dtype}));
}

FoldedConv unfolded(const LineConv& conv) {
  return value_of(fold(conv.weights, std::nullopt, {.dtype = conv.problem.dtype}));
}

ConvPlan plan_conv(const FoldedConv& folded, const ConvProblem& problem,
                   const PlanOptions& options) {
  const Conv conv = value_of(Conv::create(folded));
  return value_of(conv.plan(problem, options));
}

std::vector<Block> create_blocks(const Problem& problem, ScalePlacement placement) {
  std::vector<Block> blocks;
  for (const Line& line : problem.lines) {
    blocks.push_back(
        value_of(create_block(line, {.dtype = problem.dtype(), .placement = placement}),
                 line_name(problem, line)));
  }
  return blocks;
}

Result<BlockPlan> plan_blocks(const std::vector<Block>& blocks, const Problem& problem,
                              const BlockPlanOptions& options) {
  const Shape x = problem.input().shape;
  const foldconv::Images input{x.n, x.h, x.w};
  if (blocks.size() == 1) return blocks.front().plan(input, options);
  return value_of(Stage::create(blocks)).plan(input, options);
}

std::string kernels_of(const CutFigures& figures) {
  std::string text;
  for (const LaunchFigures& launch : figures.launches)
    text += (text.empty() ? "" : " ") + launch.kernel;
  return text;
}

std::vector<bool> joined_projections(const BlockExplanation& explanation) {
  std::vector<bool> joins;
  for (const BlockShortcut& shortcut : explanation.shortcuts)
    joins.push_back(shortcut.kind == BlockShortcut::Kind::joined);
  return joins;
}

Launch launch_of(const ConvPlan& plan, const DeviceBuffer& x, const DeviceBuffer* residual,
                 const DeviceBuffer& y, const DeviceBuffer& workspace) {
  return [plan, &x, residual, &y, &workspace](cudaStream_t stream) {
    check(plan.run({.x = x.data(),
                    .residual = plan.problem().residual ? residual->data() : nullptr,
                    .y = y.data(),
                    .workspace = workspace.data(),
                    .workspace_bytes = workspace.bytes()},
                   stream));
  };
}

Launch launch_of(const BlockPlan& plan, const DeviceBuffer& x, const DeviceBuffer& y,
                 const DeviceBuffer& workspace) {
  return [plan, &x, &y, &workspace](cudaStream_t stream) {
    check(plan.run({.x = x.data(),
                    .y = y.data(),
                    .workspace = workspace.data(),
                    .workspace_bytes = workspace.bytes()},
                   stream));
  };
}

Step planned_step(const FoldedConv& weights, const ConvProblem& problem, const PlanOptions& options,
                  const Tensor& x, const Tensor* residual, const Tensor& y, Tensors& tensors) {
  const ConvPlan plan = plan_conv(weights, problem, options);
  const DeviceBuffer& workspace = tensors.allocate(plan.workspace_bytes());
  Step step = conv_step(plan.explanation().kernel, problem, x, residual, y,
                        expected_conv(problem, x.images.distinct, weights),
                        launch_of(plan, x, residual, y, workspace));
  step.workspace = &workspace;
  step.kernel = plan.explanation().kernel;
  step.costs = {plan.explanation().cost};
  return step;
}

}  // namespace foldconv::harness
