// SPDX-License-Identifier: MIT
#include "harness/ways/library.hpp"

#include <algorithm>
#include <utility>

#include "harness/error.hpp"

namespace foldconv::harness {
namespace {

BlockLayer layer_of(const LineConv& conv) {
  return {.conv = conv.weights, .batch_norm = conv.batch_norm};
}

Block create_block(const Line& line, ScalePlacement placement) {
  const BlockShape shape = shape_of(line);
  const ConvProblem &first = line.convs.front().problem, &last = line.convs.back().problem;
  const FoldOptions options{.dtype = first.dtype, .placement = placement};
  std::optional<BlockLayer> downsample;
  if (line.shortcut) downsample = layer_of(*line.shortcut);
  if (!line.bottleneck()) {
    return value_of(Block::create(BasicBlockWeights{.conv1 = layer_of(line.convs[0]),
                                                    .conv2 = layer_of(line.convs[1]),
                                                    .downsample = downsample,
                                                    .stride = shape.stride,
                                                    .inner = first.activation,
                                                    .last = last.activation},
                                  options));
  }
  return value_of(Block::create(BottleneckWeights{.conv1 = layer_of(line.convs[0]),
                                                  .conv2 = layer_of(line.convs[1]),
                                                  .conv3 = layer_of(line.convs[2]),
                                                  .downsample = downsample,
                                                  .stride = shape.stride,
                                                  .stride_at = shape.stride_at,
                                                  .groups = shape.groups,
                                                  .inner = first.activation,
                                                  .last = last.activation},
                                options));
}

}  // namespace

FoldedConv folded(const LineConv& conv) {
  return value_of(fold(conv.weights, conv.batch_norm, {.dtype = conv.problem.dtype}));
}

FoldedConv unfolded(const LineConv& conv) {
  return value_of(fold(conv.weights, std::nullopt, {.dtype = conv.problem.dtype}));
}

std::vector<std::string> kernel_names(DataType dtype) {
  const Explanation any = value_of(explain({.dtype = dtype, .h = 1, .w = 1, .c = 8, .k = 8}));
  std::vector<std::string> names = {any.kernel};
  for (const Refusal& refusal : any.refused) names.push_back(refusal.kernel);
  return names;
}

std::string direct_kernel(const ConvProblem& problem) {
  const std::vector<std::string> names = kernel_names(problem.dtype);
  const auto direct = std::ranges::find_if(
      names, [](const std::string& name) { return name.starts_with("direct_"); });
  if (direct == names.end()) {
    throw Error(ErrorCode::unsupported,
                std::string("there is no direct kernel for ") + to_string(problem.dtype));
  }
  return *direct;
}

std::string kernel_of(const ConvProblem& problem, const std::string& pinned) {
  return value_of(explain(problem, {.kernel = pinned})).kernel;
}

ConvPlan plan_conv(const FoldedConv& folded, const ConvProblem& problem,
                   const std::string& kernel) {
  const Conv conv = value_of(Conv::create(folded));
  return value_of(conv.plan(problem, {.kernel = kernel}));
}

std::vector<Block> create_blocks(const Problem& problem, ScalePlacement placement) {
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < problem.lines.size(); ++i) {
    try {
      blocks.push_back(create_block(problem.lines[i], placement));
    } catch (const Error& error) {
      throw Error(error.code(), line_prefix(problem, i) + error.what());
    }
  }
  return blocks;
}

Result<BlockPlan> plan_blocks(const std::vector<Block>& blocks, const Problem& problem,
                              BlockCut cut) {
  const Shape x = problem.input().shape;
  const foldconv::Images input{x.n, x.h, x.w};
  if (blocks.size() == 1) return blocks.front().plan(input, {.cut = cut});
  return value_of(Stage::create(blocks)).plan(input, {.cut = cut});
}

const CutFigures* figures_of(const BlockExplanation& explanation, BlockCut cut) {
  const auto found = std::ranges::find(explanation.cuts, cut, &CutFigures::cut);
  return found == explanation.cuts.end() ? nullptr : &*found;
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

}  // namespace foldconv::harness
