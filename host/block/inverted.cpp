// SPDX-License-Identifier: MIT
// The inverted-block kernel: its launch.
#include <algorithm>

#include "base/sizes.hpp"
#include "base/text.hpp"
#include "block/family.hpp"
#include "block/rules.hpp"
#include "cost/inverted_cost.hpp"

namespace foldconv::host {
namespace {

// A kernel and the tiles that its CTAs take.
struct InvertedChoice {
  const InvertedKernel* kernel;
  InvertedShape shape;
};

InvertedMemory memory_of(InvertedShape shape, const PlannedBlock& planned) {
  const BlockData& block = *planned.data;
  const InvertedWindow window{block.depthwise().r, block.depthwise().stride};
  return InvertedTile::memory(
      block.expands(), block.c(), block.k(), window.taps(),
      InvertedTile::halo_rows(shape, window, planned.input.h, planned.input.w));
}

InvertedParams make_params(InvertedShape shape, const PlannedBlock& planned) {
  const BlockData& block = *planned.data;
  const BlockStep& depthwise = block.depthwise();
  const Shape &x = planned.input, y = planned.output();
  const std::int64_t rows = ceil_div(y.h, shape.h), columns = ceil_div(y.w, shape.w);
  InvertedParams params = {};
  if (block.expands()) params.expand = block_conv(*block.steps.front().conv);
  params.depthwise = block_conv(*depthwise.conv);
  params.project = block_conv(*block.steps.back().conv);
  params.n = x.n;
  params.h = x.h;
  params.w = x.w;
  params.c = block.c();
  params.x_pitch = x_pitch(planned.problem(0));
  params.middle = depthwise.c;
  params.k = block.k();
  params.y_pitch = y_pitch(planned.problem(block.steps.size() - 1));
  params.p = y.h;
  params.q = y.w;
  params.kernel = depthwise.r;
  params.stride = depthwise.stride;
  params.pad_top = depthwise.pad.top;
  params.pad_left = depthwise.pad.left;
  params.residual = block.residual ? 1 : 0;
  params.inner = activation_params(block.inner);
  params.last = activation_params(block.last);
  params.tile_h = shape.h;
  params.tile_w = shape.w;
  params.tiles = static_cast<int>(x.n * rows * columns);
  params.tiles_per_image = FastDivision(static_cast<std::uint32_t>(rows * columns));
  params.tile_columns = FastDivision(static_cast<std::uint32_t>(columns));
  params.memory = memory_of(shape, planned);
  params.per_tile_row = FastDivision(static_cast<std::uint32_t>(shape.w));
  params.unit_columns =
      FastDivision(static_cast<std::uint32_t>(InvertedTile::unit_columns(shape.w)));
  return params;
}

// Persistent: as many CTAs as run at a time, or fewer where all of them take as many tiles as the busiest.
std::uint32_t grid_of(int tiles, int resident, const DeviceFigures& device) {
  const std::int64_t rounds = ceil_div(tiles, std::int64_t{device.multiprocessors} * resident);
  return static_cast<std::uint32_t>(ceil_div(tiles, rounds));
}

}  // namespace

Result<BlockLaunch> offer_inverted(const PlannedBlock& planned, const PlanContext& context) {
  const BlockData& block = *planned.data;
  if (std::string rule = inverted_rule(planned); !rule.empty()) return not_offered(std::move(rule));
  const auto kernels =
      candidates(inverted_kernels(), block.dtype, context,
                 [&](const InvertedKernel& kernel) { return inverted_rule(*kernel.tile, block); });
  if (!kernels.ok()) return kernels.status();
  // More channels than the block has cost registers alone.
  const InvertedKernel& kernel = **std::ranges::min_element(
      *kernels, {}, [](const InvertedKernel* each) { return each->tile->most_channels(); });

  const ConvProblem depthwise = planned.problem(block.steps.size() - 2);
  const ConvProblem expand = planned.problem(0);
  const InvertedConvs convs = {block.expands() ? &expand : nullptr, depthwise,
                               planned.problem(block.steps.size() - 1)};
  std::vector<InvertedChoice> choices;
  for (const InvertedShape& shape : kInvertedShapes) choices.push_back({&kernel, shape});
  std::vector<const InvertedChoice*> pointers;
  pointers.reserve(choices.size());
  for (const InvertedChoice& choice : choices) pointers.push_back(&choice);
  const auto make = [&](const InvertedChoice& choice) -> Result<KernelOffer> {
    const InvertedParams params = make_params(choice.shape, planned);
    if (std::string rule = shared_memory_rule(params.memory.bytes, context.device); !rule.empty())
      return not_offered(std::move(rule));
    LaunchShape launch = {1, static_cast<std::uint32_t>(InvertedTile::threads()),
                          static_cast<std::size_t>(params.memory.bytes)};
    const Result<int> resident = prepare_resident(choice.kernel->entry, launch, context);
    if (!resident.ok()) return resident.status();
    launch.grid = grid_of(params.tiles, *resident, context.device);
    return KernelOffer{
        choice.kernel->name, KernelLaunch{choice.kernel->entry, launch, params},
        inverted_cost(*choice.kernel->tile, choice.shape, convs, *resident, launch.grid)};
  };
  Result<KernelOffer> offer = choose(pointers, context, make);
  if (!offer.ok()) return offer.status();
  return BlockLaunch{offer->kernel, offer->cost, std::move(offer->launch), planned.x(), {},
                     planned.y(),   {}};
}

}  // namespace foldconv::host
