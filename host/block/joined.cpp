// SPDX-License-Identifier: MIT
// The 1x1 convolution of two tensors, conv3 and the downsample of a bottleneck: its launch.
#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "block/family.hpp"
#include "block/rules.hpp"
#include "catalog/supports.hpp"
#include "cost/conv_cost.hpp"

namespace foldconv::host {

Result<BlockLaunch> offer_joined(const PlannedBlock& planned, const PlanContext& context) {
  const BlockData& block = *planned.data;
  const BlockStep& downsample = *block.downsample;
  if (std::string rule = joined_rule(block); !rule.empty()) return not_offered(std::move(rule));
  ConvProblem problem = planned.problem(2);
  problem.residual = false;
  problem.pitch.residual = 0;
  const ConvProblem side = planned.downsample_problem();

  const auto make = [&](const ConvKernel& kernel) -> Result<KernelOffer> {
    if (std::string reason = refusal(kernel, problem, context.device); !reason.empty())
      return not_offered(std::move(reason));
    if (std::string reason = index_rule(*kernel.tile, kernel.loader, side); !reason.empty())
      return not_offered(text("the downsample ", reason));
    ConvParams params = conv_params(*kernel.tile, problem);
    const BlockConv weights = block_conv(*block.joined);
    params.w = weights.w;
    params.scale = weights.scale;
    params.bias = weights.bias;
    params.k_blocks = WeightLayout{problem.c, 1}.slices() + WeightLayout{downsample.c, 1}.slices();
    params.second = {nullptr,      planned.input.h,   planned.input.w,
                     downsample.c, downsample.stride, x_pitch(side)};
    const LaunchShape shape = conv_launch_shape(kernel, problem, context.device);
    const Result<int> resident = prepare_resident(kernel.entry, shape, context);
    if (!resident.ok()) return resident.status();
    return KernelOffer{kernel.name, KernelLaunch{kernel.entry, shape, params, kernel.tile->block_m},
                       joined_cost(*kernel.tile, problem, side, *resident)};
  };
  const auto kernels = candidates(joined_kernels(), block.dtype, context,
                                  [](const ConvKernel&) { return std::string(); });
  if (!kernels.ok()) return kernels.status();
  Result<KernelOffer> offer = choose(*kernels, context, make);
  if (!offer.ok()) return offer.status();
  return BlockLaunch{
      offer->kernel, offer->cost, std::move(offer->launch), planned.t2(), planned.x(),
      planned.y(),   {}};
}

}  // namespace foldconv::host
