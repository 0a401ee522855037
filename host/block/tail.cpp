// SPDX-License-Identifier: MIT
// The block-tail kernel: its launch.
#include <optional>

#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "block/family.hpp"
#include "block/rules.hpp"
#include "cost/tail_cost.hpp"

namespace foldconv::host {
namespace {

TailParams make_params(const TailTile& tile, const PlannedBlock& planned, const BlockData* next,
                       bool halo) {
  const BlockData& block = *planned.data;
  TailParams params = {};
  params.conv2 = conv_params(tile.conv2, planned.problem(1));
  const BlockConv conv2 = block_conv(*block.steps[1].conv);
  params.conv2.w = conv2.w;
  params.conv2.scale = conv2.scale;
  params.conv2.bias = conv2.bias;
  params.halo_reach = halo ? static_cast<int>(halo_reach(planned.problem(1))) : -1;
  params.conv3 = block_conv(block.downsample ? *block.joined : *block.steps[2].conv);
  if (block.downsample) {
    params.projection = {
        nullptr,   planned.input.h,          planned.input.w,
        block.c(), block.downsample->stride, x_pitch(planned.downsample_problem())};
  }
  params.identity_pitch = x_pitch(planned.problem(0));
  params.y_pitch = y_pitch(planned.problem(2));
  params.k = block.k();
  params.last = activation_params(block.last);
  if (next != nullptr) {
    params.next = block_conv(*next->steps[0].conv);
    params.next_k = next->steps[0].k;
    params.next_activation = activation_params(next->inner);
  }
  return params;
}

}  // namespace

Result<BlockLaunch> offer_tail(const PlannedBlock& planned, const PlannedBlock* next,
                               const PlanContext& context) {
  const BlockData& block = *planned.data;
  const BlockData* next_data = next != nullptr ? next->data : nullptr;
  if (std::string rule = tail_rule(planned, next); !rule.empty())
    return not_offered(std::move(rule));
  const ConvProblem conv2 = planned.problem(1);
  std::optional<ConvProblem> projection, next_conv1;
  if (block.downsample) projection = planned.downsample_problem();
  if (next != nullptr) next_conv1 = next->problem(0);
  const TailConvs convs = {conv2, planned.problem(2), projection ? &*projection : nullptr,
                           next_conv1 ? &*next_conv1 : nullptr};
  const auto make = [&](const TailKernel& kernel) -> Result<KernelOffer> {
    const TailTile& tile = *kernel.tile;
    const bool halo = tail_has_halo(tile, convs);
    const int entries = halo ? 0 : table_entries(ConvLoader::load_rxs, weight_layout(conv2));
    const std::int64_t needed = tile.shared_bytes(tail_operand_slices(block, next_data), entries);
    if (std::string rule = shared_memory_rule(needed, context.device); !rule.empty())
      return not_offered(std::move(rule));
    const LaunchShape shape = {
        static_cast<std::uint32_t>(ceil_div(output_pixels(conv2), tile.conv2.block_m)),
        static_cast<std::uint32_t>(tile.conv2.threads()), static_cast<std::size_t>(needed)};
    const Result<int> resident = prepare_resident(kernel.entry, shape, context);
    if (!resident.ok()) return resident.status();
    return KernelOffer{
        kernel.name,
        KernelLaunch{kernel.entry, shape, make_params(tile, planned, next_data, halo),
                     tile.conv2.block_m},
        tail_cost(tile, convs, *resident)};
  };
  const auto kernels =
      candidates(tail_kernels(), block.dtype, context,
                 [&](const TailKernel& kernel) { return tail_rule(*kernel.tile, planned, next); });
  if (!kernels.ok()) return kernels.status();
  Result<KernelOffer> offer = choose(*kernels, context, make);
  if (!offer.ok()) return offer.status();
  return BlockLaunch{offer->kernel,
                     offer->cost,
                     std::move(offer->launch),
                     planned.t1(),
                     planned.x(),
                     planned.y(),
                     next != nullptr ? next->t1() : BlockTensor{}};
}

}  // namespace foldconv::host
