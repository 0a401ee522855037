#include "bottleneck.hpp"

#include <algorithm>

#include "conv_data.hpp"
#include "sizes.hpp"
#include "text.hpp"

namespace foldconv::host {
namespace {

// Tiles in the order of preference: the first that fits the device's shared memory.
constexpr const BottleneckTile* kIdentityTiles[] = {&tiles::k28x8_resident::value,
                                                    &tiles::k28x8::value};
constexpr const BottleneckTile* kProjectionTiles[] = {&tiles::k28x8_projection::value,
                                                      &tiles::k8x8_projection::value};

// Why the kernel takes such a block in no size; "" if it does.
std::string block_rule(const Block::Data& block) {
  if (block.steps.size() != 3)
    return "takes bottlenecks (1x1, 3x3, 1x1) only: the block has two convolutions";
  if (size_of(block.dtype) != 2)
    return text("takes f16 and bf16: the block is ", to_string(block.dtype));
  for (const BlockStep& step : block.steps) {
    if (step.stride != 1) return text("takes stride 1 only: ", step.name, " has ", step.stride);
    if (step.groups != 1)
      return text("takes dense convolutions only: ", step.name, " has groups = ", step.groups);
  }
  const int middle = block.steps[1].k;
  if (block.steps[1].c != kSliceWidth || middle != kSliceWidth) {
    return text("takes middle width ", kSliceWidth, " only: the block's is ", block.steps[1].c,
                " -> ", middle);
  }
  if (block.c() % kSliceWidth != 0) {
    return text("takes multiples of ", kSliceWidth, " input channels: c = ", block.c());
  }
  if (block.k() % 8 != 0) return text("takes multiples of 8 output channels: k = ", block.k());
  if (block.downsample && block.c() != kSliceWidth) {
    return text("takes a downsample of ", kSliceWidth, " channels only: c = ", block.c());
  }
  if (block.downsample && !block.last_and_downsample) {
    return text(
        "sums the downsample into the last 1x1, which needs scales folded into the weights: ",
        block.why_not_merged);
  }
  return {};
}

}  // namespace

const BottleneckKernel* select_bottleneck(const Block::Data& block, const BlockProblem& problem,
                                          const DeviceFigures& device, std::string& refusal) {
  refusal = block_rule(block);
  if (!refusal.empty()) return nullptr;
  constexpr std::int64_t limit = std::int64_t{1} << 31;
  const auto elements =
      checked_product({problem.n, problem.h, problem.w, std::max(block.c(), block.k())});
  if (!elements || *elements >= limit) {
    refusal = text("indexes with 32 bits: x or y has 2^31 elements or more; split the batch");
    return nullptr;
  }
  std::size_t smallest = 0;
  for (const BottleneckTile* tile : block.downsample ? kProjectionTiles : kIdentityTiles) {
    smallest = static_cast<std::size_t>(tile->shared_bytes(block.c(), block.k()));
    if (smallest <= device.shared_bytes) return find_bottleneck_kernel(*tile, block.dtype);
  }
  refusal =
      text("needs ", smallest, " bytes of shared memory, the device has ", device.shared_bytes);
  return nullptr;
}

std::int64_t bottleneck_tiles(const BottleneckTile& tile, const BlockProblem& problem) {
  return problem.n * ceil_div(problem.h, tile.tile_h) * ceil_div(problem.w, tile.kTileW);
}

LaunchShape bottleneck_launch_shape(const BottleneckTile& tile, const Block::Data& block,
                                    const BlockProblem& problem, const DeviceFigures& device) {
  // Persistent, one CTA an SM; as many tiles for each as for the busiest, so that no SM loads
  // weights for nothing.
  const std::int64_t tiles = bottleneck_tiles(tile, problem);
  const std::int64_t rounds = ceil_div(tiles, device.multiprocessors);
  return {static_cast<std::uint32_t>(ceil_div(tiles, rounds)),
          static_cast<std::uint32_t>(tile.threads()),
          static_cast<std::size_t>(tile.shared_bytes(block.c(), block.k()))};
}

BottleneckParams bottleneck_params(const BottleneckTile& tile, const Block::Data& block,
                                   const BlockProblem& problem) {
  const auto weights = [](const Conv& conv) {
    const Conv::Data& data = conv.data();
    return BlockConv{data.weights.get(), static_cast<const float*>(data.scale.get()),
                     static_cast<const float*>(data.bias.get())};
  };
  const std::int64_t rows = ceil_div(problem.h, tile.tile_h),
                     columns = ceil_div(problem.w, tile.kTileW);
  BottleneckParams params = {};
  params.conv1 = weights(block.steps[0].conv);
  params.conv2 = weights(block.steps[1].conv);
  params.conv3 = weights(tile.projection ? *block.last_and_downsample : block.steps[2].conv);
  params.n = problem.n;
  params.h = problem.h;
  params.w = problem.w;
  params.c = block.c();
  params.k = block.k();
  params.inner = {static_cast<int>(block.inner), block.alpha};
  params.last = {static_cast<int>(block.last), block.alpha};
  params.tiles = static_cast<int>(bottleneck_tiles(tile, problem));
  params.tiles_per_image = FastDivision(static_cast<std::uint32_t>(rows * columns));
  params.tile_columns = FastDivision(static_cast<std::uint32_t>(columns));
  return params;
}

}  // namespace foldconv::host
