// The 1x1 convolution of two tensors: conv3 and the downsample of a bottleneck.
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "block/planned.hpp"
#include "catalog/registry.hpp"
#include "catalog/supports.hpp"

namespace foldconv::host {
namespace {

// The first whose grid fills the device, else the last: it has the most CTAs.
constexpr const ConvTile* kTiles[] = {&tiles::k128x128::value, &tiles::k64x64::value};

}  // namespace

Result<BlockLaunch> offer_joined(const PlannedBlock& planned, const PlanContext& context) {
  const Block::Data& block = *planned.data;
  ConvProblem problem = planned.problem(2);
  problem.residual = false;
  if (std::string rule = index_rule({planned.input}); !rule.empty())
    return not_offered(std::move(rule));

  const ConvKernel* kernel = nullptr;
  for (const ConvTile* tile : kTiles) {
    kernel = find_joined_kernel(*tile, block.dtype);
    if (tile_count(*tile, problem) >= context.device.multiprocessors) break;
  }
  if (std::string reason = refusal(*kernel, problem, context.device); !reason.empty())
    return not_offered(std::move(reason));

  const BlockStep& downsample = *block.downsample;
  ConvParams params = conv_params(*kernel->tile, problem);
  const BlockConv weights = block_conv(*block.joined);
  params.w = weights.w;
  params.scale = weights.scale;
  params.bias = weights.bias;
  params.k_blocks = WeightLayout{problem.c, 1}.slices() + WeightLayout{downsample.c, 1}.slices();
  params.second = {nullptr, planned.input.h, planned.input.w, downsample.c, downsample.stride};

  const LaunchShape shape = conv_launch_shape(*kernel, problem, context.device);
  const Result<double> waves = prepare_waves(kernel->entry, shape, context);
  if (!waves.ok()) return waves.status();
  const ConvProblem side = planned.downsample_problem();
  const double elements = elements_read(problem) + elements_read(side) +
                          double(problem.k) * (problem.c + side.c) +
                          double(problem.output().elements());
  BlockLaunch launch = {kernel->name,
                        {.bytes = elements * double(size_of(block.dtype)),
                         .flops = problem.flops() + side.flops(),
                         .waves = *waves},
                        KernelLaunch{kernel->entry, shape, params},
                        planned.t2(),
                        planned.x(),
                        planned.y(),
                        {}};
  return launch;
}

}  // namespace foldconv::host
