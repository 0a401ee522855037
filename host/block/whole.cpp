// SPDX-License-Identifier: MIT
// The whole-block kernel: its launch.
#include "base/problem_sizes.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "block/family.hpp"
#include "block/rules.hpp"
#include "cost/whole_cost.hpp"

namespace foldconv::host {
namespace {

WholeParams make_params(const WholeTile& tile, const PlannedBlock& planned) {
  const BlockData& block = *planned.data;
  const Shape& x = planned.input;
  const std::int64_t rows = ceil_div(x.h, tile.tile_h), columns = ceil_div(x.w, tile.kTileW);
  WholeParams params = {};
  params.conv1 = block_conv(block.widened ? block.widened->conv1 : *block.steps[0].conv);
  params.conv2 = block_conv(block.widened ? block.widened->conv2 : *block.steps[1].conv);
  params.conv3 = block_conv(tile.projection ? *block.joined : *block.steps[2].conv);
  params.n = x.n;
  params.h = x.h;
  params.w = x.w;
  params.c = block.c();
  params.k = block.k();
  params.x_pitch = host::x_pitch(planned.problem(0));
  params.y_pitch = host::y_pitch(planned.problem(2));
  params.t1_channels = block.steps[0].k;
  params.t2_channels = block.steps[1].k;
  params.inner = activation_params(block.inner);
  params.last = activation_params(block.last);
  params.tiles = static_cast<int>(x.n * rows * columns);
  params.tiles_per_image = FastDivision(static_cast<std::uint32_t>(rows * columns));
  params.tile_columns = FastDivision(static_cast<std::uint32_t>(columns));
  return params;
}

// Persistent, one CTA an SM; as many tiles for each as for the busiest, so that no SM loads weights
// for nothing.
LaunchShape launch_shape(const WholeTile& tile, const BlockData& block, int tiles,
                         const DeviceFigures& device) {
  const std::int64_t rounds = ceil_div(tiles, device.multiprocessors);
  return {static_cast<std::uint32_t>(ceil_div(tiles, rounds)),
          static_cast<std::uint32_t>(tile.threads()),
          static_cast<std::size_t>(tile.shared_bytes(block.c(), block.k()))};
}

}  // namespace

Result<BlockLaunch> offer_whole(const PlannedBlock& planned, const PlanContext& context) {
  const BlockData& block = *planned.data;
  if (std::string rule = whole_rule(planned); !rule.empty()) return not_offered(std::move(rule));
  const auto kernels = candidates(
      whole_kernels(), block.dtype, context, [&](const WholeKernel& kernel) -> std::string {
        if (kernel.tile->projection == block.downsample.has_value()) return {};
        return text(kernel.name, " is for blocks ", kernel.tile->projection ? "with" : "without",
                    " a downsample");
      });
  if (!kernels.ok()) return kernels.status();
  const auto make = [&](const WholeKernel& kernel) -> Result<KernelOffer> {
    const WholeTile& tile = *kernel.tile;
    const std::int64_t needed = tile.shared_bytes(block.c(), block.k());
    if (std::string rule = shared_memory_rule(needed, context.device); !rule.empty())
      return not_offered(std::move(rule));
    const WholeParams params = make_params(tile, planned);
    const LaunchShape shape = launch_shape(tile, block, params.tiles, context.device);
    if (const Result<int> fits = prepare_resident(kernel.entry, shape, context); !fits.ok())
      return fits.status();
    return KernelOffer{kernel.name, KernelLaunch{kernel.entry, shape, params},
                       whole_cost(tile, planned.input, block.k(), shape.grid)};
  };
  Result<KernelOffer> offer = choose(*kernels, context, make);
  if (!offer.ok()) return offer.status();
  return BlockLaunch{offer->kernel, offer->cost, std::move(offer->launch), planned.x(), {},
                     planned.y(),   {}};
}

}  // namespace foldconv::host
