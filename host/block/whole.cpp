// The whole-block kernel, block_whole_sm80: what it takes, and its launch.
#include <optional>
#include <span>

#include "base/sizes.hpp"
#include "base/text.hpp"
#include "block/planned.hpp"
#include "catalog/registry.hpp"

namespace foldconv::host {
namespace {

// Of equal floor time, the first is taken.
constexpr const WholeTile* kIdentityTiles[] = {&tiles::k28x8_resident::value, &tiles::k28x8::value,
                                               &tiles::k8x8::value};
constexpr const WholeTile* kProjectionTiles[] = {&tiles::k28x8_projection::value,
                                                 &tiles::k8x8_projection::value};

// Why the kernel takes such a block in no size; "" if it does.
std::string block_rule(const Block::Data& block) {
  if (!block.bottleneck())
    return "takes bottlenecks (1x1, 3x3, 1x1) only: the block has two convolutions";
  if (size_of(block.dtype) != 2)
    return text("takes f16 and bf16: the block is ", to_string(block.dtype));
  for (const BlockStep& step : block.steps) {
    if (step.stride != 1) return text("takes stride 1 only: ", step.name, " has ", step.stride);
    if (step.groups != 1)
      return text("takes dense convolutions only: ", step.name, " has groups = ", step.groups);
  }
  const BlockStep& conv2 = block.steps[1];
  if ((conv2.c != kSliceWidth || conv2.k != kSliceWidth) && !block.widened) {
    return text("takes middle widths of at most ", kSliceWidth,
                ", conv2's input a multiple of 16: the block's are ", conv2.c, " -> ", conv2.k);
  }
  if (block.c() % kSliceWidth != 0) {
    return text("takes multiples of ", kSliceWidth, " input channels: c = ", block.c());
  }
  if (block.k() % 8 != 0) return text("takes multiples of 8 output channels: k = ", block.k());
  if (block.downsample && block.c() != kSliceWidth) {
    return text("takes a downsample of ", kSliceWidth, " channels only: c = ", block.c());
  }
  if (block.downsample && !block.joined) {
    return text("sums the downsample into the last 1x1: ", block.why_not_joined);
  }
  return {};
}

WholeParams make_params(const WholeTile& tile, const PlannedBlock& planned) {
  const Block::Data& block = *planned.data;
  const Shape& x = planned.input;
  const std::int64_t rows = ceil_div(x.h, tile.tile_h), columns = ceil_div(x.w, tile.kTileW);
  WholeParams params = {};
  params.conv1 = block_conv(block.widened ? block.widened->conv1 : block.steps[0].conv);
  params.conv2 = block_conv(block.widened ? block.widened->conv2 : block.steps[1].conv);
  params.conv3 = block_conv(tile.projection ? *block.joined : block.steps[2].conv);
  params.n = x.n;
  params.h = x.h;
  params.w = x.w;
  params.c = block.c();
  params.k = block.k();
  params.t1_channels = block.steps[0].k;
  params.t2_channels = block.steps[1].k;
  params.inner = {static_cast<int>(block.inner), block.alpha};
  params.last = {static_cast<int>(block.last), block.alpha};
  params.tiles = static_cast<int>(x.n * rows * columns);
  params.tiles_per_image = FastDivision(static_cast<std::uint32_t>(rows * columns));
  params.tile_columns = FastDivision(static_cast<std::uint32_t>(columns));
  return params;
}

// Persistent, one CTA an SM; as many tiles for each as for the busiest, so that no SM loads weights
// for nothing.
LaunchShape launch_shape(const WholeTile& tile, const Block::Data& block, int tiles,
                         const DeviceFigures& device) {
  const std::int64_t rounds = ceil_div(tiles, device.multiprocessors);
  return {static_cast<std::uint32_t>(ceil_div(tiles, rounds)),
          static_cast<std::uint32_t>(tile.threads()),
          static_cast<std::size_t>(tile.shared_bytes(block.c(), block.k()))};
}

LaunchCost cost_of(const WholeTile& tile, const WholeParams& params, std::size_t element,
                   const DeviceFigures& device) {
  const double middle = kSliceWidth, c = params.c, k = params.k, tiles = params.tiles;
  const double projection = tile.projection ? c * k : 0;
  const double weights = c * middle + 9 * middle * middle + middle * k + projection;
  const double pixels = double(params.n) * params.h * params.w;
  const double rest = 9 * middle * middle + middle * k + projection;
  const double first_rows = tile.chunks() * tile.kChunkRows;  // with the halo
  return {.bytes = (pixels * (c + k) + weights) * double(element),
          .flops = tiles * 2 * (c * middle * first_rows + rest * tile.pixels()),
          .recomputed = tiles * 2 * c * middle * (first_rows - tile.pixels()),
          .waves = tiles / device.multiprocessors};
}

}  // namespace

Result<BlockLaunch> offer_whole(const PlannedBlock& planned, const PlanContext& context) {
  const Block::Data& block = *planned.data;
  if (std::string rule = block_rule(block); !rule.empty()) return not_offered(std::move(rule));
  if (std::string rule = index_rule({planned.input, planned.output()}); !rule.empty())
    return not_offered(std::move(rule));
  // Of the tiles that fit, the one with the least floor time.
  std::string reason;
  std::optional<BlockLaunch> best;
  using Tiles = std::span<const WholeTile* const>;
  const Tiles tiles = block.downsample ? Tiles(kProjectionTiles) : Tiles(kIdentityTiles);
  for (const WholeTile* tile : tiles) {
    const std::int64_t needed = tile->shared_bytes(block.c(), block.k());
    if (needed > static_cast<std::int64_t>(context.device.shared_bytes)) {
      reason = text("needs ", needed, " bytes of shared memory, the device has ",
                    context.device.shared_bytes);
      continue;
    }
    const WholeParams params = make_params(*tile, planned);
    const LaunchCost cost = cost_of(*tile, params, size_of(block.dtype), context.device);
    if (best && floor_seconds(best->cost, context.speed) <= floor_seconds(cost, context.speed))
      continue;
    const WholeKernel* kernel = find_whole_kernel(*tile, block.dtype);
    const LaunchShape shape = launch_shape(*tile, block, params.tiles, context.device);
    const Result<double> prepared = prepare_waves(kernel->entry, shape, context);
    if (!prepared.ok()) return prepared.status();
    best =
        BlockLaunch{kernel->name, cost, KernelLaunch{kernel->entry, shape, params}, planned.x(), {},
                    planned.y(),  {}};
  }
  if (!best) return not_offered(std::move(reason));
  return std::move(*best);
}

}  // namespace foldconv::host
