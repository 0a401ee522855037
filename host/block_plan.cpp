// Block::plan and BlockPlan: the cuts of a block, the choice among them, their launches.
#include <algorithm>
#include <utility>

#include "arguments.hpp"
#include "block_cost.hpp"
#include "block_data.hpp"
#include "bottleneck.hpp"
#include "error.hpp"
#include "sizes.hpp"
#include "text.hpp"

namespace foldconv {
namespace {

using host::BlockChain;
using host::BlockStep;
using host::BlockTensor;
using host::guarded;
using host::invalid;
using host::LaunchCost;
using host::text;
using host::WholeBlock;

constexpr std::size_t kTensorAlignment = 256;  // of tensors in the workspace: whole lines

ConvProblem step_problem(const Block::Data& block, const BlockStep& step, const Shape& x) {
  return {.dtype = block.dtype,
          .n = x.n,
          .h = x.h,
          .w = x.w,
          .c = step.c,
          .k = step.k,
          .r = step.r,
          .s = step.r,
          .stride = {step.stride, step.stride},
          .pad = {step.r / 2, step.r / 2, step.r / 2, step.r / 2},
          .groups = step.groups,
          .alpha = block.alpha};
}

LaunchCost cost_of(const ConvPlan& plan) {
  const ConvProblem& problem = plan.problem();
  const double weights =
      static_cast<double>(problem.k) * (problem.c / problem.groups) * problem.r * problem.s;
  const double elements =
      static_cast<double>(problem.input().elements()) + weights +
      static_cast<double>(problem.output().elements()) * (problem.residual ? 2 : 1);
  return {elements * static_cast<double>(size_of(problem.dtype)), problem.flops(),
          plan.explanation().waves};
}

void add_launch(CutFigures& figures, std::string kernel, const LaunchCost& cost,
                const host::DeviceSpeed& speed) {
  figures.kernels.push_back(std::move(kernel));
  figures.dram_bytes += cost.bytes;
  figures.flops += cost.flops;
  figures.floor_us += host::floor_seconds(cost, speed) * 1e6;
}

// The chain: the downsample first, into y, where the last convolution adds to it in place.
Result<BlockChain> make_chain(const Block::Data& block, const Shape& input,
                              const host::DeviceSpeed& speed, CutFigures& figures) {
  BlockChain chain;
  const auto add = [&](const BlockStep& step, ConvProblem problem, BlockTensor x,
                       BlockTensor residual, BlockTensor y) -> Status {
    Result<ConvPlan> plan = step.conv.plan(problem);
    if (!plan.ok())
      return Status(plan.status().code(), text(step.name, ": ", plan.status().message()));
    add_launch(figures, plan->explanation().kernel, cost_of(*plan), speed);
    chain.launches.push_back({std::move(*plan), x, residual, y});
    return {};
  };
  if (block.downsample) {
    Status status = add(*block.downsample, step_problem(block, *block.downsample, input),
                        BlockTensor::x, BlockTensor::none, BlockTensor::y);
    if (!status.ok()) return status;
  }
  Shape shape = input;
  BlockTensor from = BlockTensor::x;
  std::size_t bytes[2] = {};
  for (std::size_t i = 0; i < block.steps.size(); ++i) {
    const BlockStep& step = block.steps[i];
    const bool last = i + 1 == block.steps.size();
    ConvProblem problem = step_problem(block, step, shape);
    problem.activation = last ? block.last : block.inner;
    problem.residual = last;
    const BlockTensor to = last ? BlockTensor::y : i % 2 == 0 ? BlockTensor::t1 : BlockTensor::t2;
    const BlockTensor residual = !last              ? BlockTensor::none
                                 : block.downsample ? BlockTensor::y
                                                    : BlockTensor::x;
    if (Status status = add(step, problem, from, residual, to); !status.ok()) return status;
    shape = problem.output();
    from = to;
    if (!last) bytes[i % 2] = static_cast<std::size_t>(shape.elements()) * size_of(block.dtype);
  }
  chain.t2_offset = static_cast<std::size_t>(
                        host::ceil_div(static_cast<std::int64_t>(bytes[0]), kTensorAlignment)) *
                    kTensorAlignment;
  figures.workspace_bytes = chain.t2_offset + bytes[1];
  return chain;
}

Result<WholeBlock> make_whole(const Block::Data& block, const BlockProblem& problem,
                              const host::DeviceFigures& device, const host::DeviceSpeed& speed,
                              CutFigures& figures) {
  const host::BottleneckKernel* kernel =
      host::select_bottleneck(block, problem, device, figures.refusal);
  if (kernel == nullptr)
    return host::error(ErrorCode::unsupported, "the whole-block kernel does not take the block",
                       figures.refusal, "plan the chain");
  const BottleneckTile& tile = *kernel->tile;
  const host::LaunchShape shape = host::bottleneck_launch_shape(tile, block, problem, device);
  const auto prepared = host::prepare_kernel(kernel->entry(), static_cast<int>(shape.threads),
                                             shape.shared_bytes, device);
  if (!prepared.ok()) return prepared.status();

  const double tiles = static_cast<double>(host::bottleneck_tiles(tile, problem));
  const double middle = kSliceWidth, c = block.c(), k = block.k();
  const double shortcut = tile.projection ? c * k : 0;
  const double first = 2 * c * middle * tile.halo_rows();
  const double rest = 2 * (9 * middle * middle + middle * k + shortcut) * tile.pixels();
  const double pixels = static_cast<double>(problem.n) * problem.h * problem.w;
  const double weights = c * middle + 9 * middle * middle + middle * k + shortcut;
  LaunchCost cost;
  cost.bytes = (pixels * (c + k) + weights) * static_cast<double>(size_of(block.dtype));
  cost.flops = tiles * (first + rest);
  cost.waves = tiles / device.multiprocessors;
  figures.recomputed = tiles * 2 * c * middle * (tile.halo_rows() - tile.pixels()) / cost.flops;
  add_launch(figures, kernel->name, cost, speed);
  return WholeBlock{kernel->entry, shape, host::bottleneck_params(tile, block, problem)};
}

}  // namespace

Result<BlockPlan> Block::plan(const BlockProblem& problem, const BlockPlanOptions& options) const {
  return guarded([&]() -> Result<BlockPlan> {
    const Data& block = *data_;
    if (options.cut == BlockCut::rotated) {
      return host::error(ErrorCode::unsupported, "no kernel runs a rotated cut", "cut = rotated",
                         "plan another cut");
    }
    if (Status status = host::check_current_device(block.device, "the block"); !status.ok())
      return status;
    const Result<host::DeviceFigures> device = host::device_figures(block.device);
    if (!device.ok()) return device.status();
    const Result<host::DeviceSpeed> speed = host::device_speed(block.device, *device);
    if (!speed.ok()) return speed.status();

    const Shape input = {problem.n, problem.h, problem.w, block.c()};
    CutFigures whole_figures, chain_figures;
    whole_figures.cut = BlockCut::whole;
    chain_figures.cut = BlockCut::chain;
    Result<BlockChain> chain = make_chain(block, input, *speed, chain_figures);
    if (!chain.ok())
      return chain.status();  // the chain takes every valid block, so this is about the problem
    Result<WholeBlock> whole = make_whole(block, problem, *device, *speed, whole_figures);
    if (!whole.ok() &&
        (whole.status().code() != ErrorCode::unsupported || options.cut == BlockCut::whole))
      return whole.status();

    const bool cheaper = whole.ok() && whole_figures.floor_us < chain_figures.floor_us;
    const bool take_whole =
        options.cut == BlockCut::whole || (options.cut == BlockCut::automatic && cheaper);
    BlockExplanation explanation;
    explanation.cut = take_whole ? BlockCut::whole : BlockCut::chain;
    explanation.reason = options.cut != BlockCut::automatic ? "pinned by BlockPlanOptions::cut"
                         : take_whole                       ? "the least floor time"
                         : whole.ok() ? "the least floor time: fusing would cost more than it saves"
                                      : "no other cut takes the block";
    explanation.device = speed->to_string();
    const std::size_t workspace_bytes =
        take_whole ? whole_figures.workspace_bytes : chain_figures.workspace_bytes;
    explanation.cuts = {std::move(whole_figures), std::move(chain_figures)};
    const Shape output = chain->launches.back().plan.problem().output();
    std::variant<BlockChain, WholeBlock> launches = std::move(*chain);
    if (take_whole) launches = std::move(*whole);
    return BlockPlan(std::make_shared<const BlockPlan::Data>(
        BlockPlan::Data{data_, input, output, block.device, workspace_bytes, std::move(launches),
                        std::move(explanation)}));
  });
}

Status BlockPlan::run(const BlockBuffers& buffers, cudaStream_t stream) const {
  return guarded([&]() -> Status {
    const Data& plan = *data_;
    if (Status status = host::check_block_buffers(plan.input, plan.output, plan.block->dtype,
                                                  buffers, plan.workspace_bytes);
        !status.ok()) {
      return status;
    }
    if (Status status = host::check_current_device(plan.device, "the plan"); !status.ok())
      return status;
    if (const auto* whole = std::get_if<WholeBlock>(&plan.launches)) {
      BottleneckParams params = whole->params;
      params.x = buffers.x;
      params.y = buffers.y;
      return host::launch(whole->entry, whole->shape, &params, stream);
    }
    const auto& chain = std::get<BlockChain>(plan.launches);
    const auto pointer = [&](BlockTensor tensor) -> void* {
      switch (tensor) {
        case BlockTensor::none:
          return nullptr;
        case BlockTensor::x:
          return const_cast<void*>(buffers.x);
        case BlockTensor::y:
          return buffers.y;
        case BlockTensor::t1:
          return buffers.workspace;
        case BlockTensor::t2:
          return static_cast<std::byte*>(buffers.workspace) + chain.t2_offset;
      }
      return nullptr;
    };
    for (const host::ChainLaunch& launch : chain.launches) {
      const ConvBuffers tensors = {
          .x = pointer(launch.x), .residual = pointer(launch.residual), .y = pointer(launch.y)};
      if (Status status = launch.plan.run(tensors, stream); !status.ok()) return status;
    }
    return {};
  });
}

Shape BlockPlan::input() const noexcept {
  return data_->input;
}
Shape BlockPlan::output() const noexcept {
  return data_->output;
}
std::size_t BlockPlan::workspace_bytes() const noexcept {
  return data_->workspace_bytes;
}
const BlockExplanation& BlockPlan::explanation() const noexcept {
  return data_->explanation;
}

}  // namespace foldconv
