// The block-tail kernel, block_tail_sm80: what it takes, and its launch.
#include <algorithm>
#include <optional>

#include "base/sizes.hpp"
#include "base/text.hpp"
#include "block/planned.hpp"
#include "catalog/registry.hpp"
#include "catalog/supports.hpp"

namespace foldconv::host {
namespace {

constexpr const TailTile* kTiles[] = {&tiles::k128x64_tail::value, &tiles::k128x128_tail::value,
                                      &tiles::k64x128_tail::value, &tiles::k128x256_tail::value,
                                      &tiles::k64x256_tail::value};

int slices(int channels) {
  return WeightLayout{channels, 1}.slices();
}

std::string middle_rule(const char* name, int channels) {
  if (channels % 8 == 0) return {};
  return text("copies 16 bytes at a time: ", name, " has ", channels, " channels");
}

// Why the kernel takes such blocks in no size; "" if it does.
std::string block_rule(const Block::Data& block, const Block::Data* next) {
  if (!block.bottleneck())
    return "takes bottlenecks (1x1, 3x3, 1x1) only: the block has two convolutions";
  if (size_of(block.dtype) != 2)
    return text("takes f16 and bf16: the block is ", to_string(block.dtype));
  const BlockStep& conv2 = block.steps[1];
  if (conv2.groups != 1)
    return text("takes dense convolutions only: conv2 has groups = ", conv2.groups);
  if (conv2.c < kSliceWidth) {
    return text("reads a tap a stage, at least ", kSliceWidth, " channels: conv2 has ", conv2.c);
  }
  for (const auto& [name, channels] : {std::pair{"conv2's input", conv2.c},
                                       {"conv2's output", conv2.k},
                                       {"the block's output", block.k()}}) {
    if (std::string rule = middle_rule(name, channels); !rule.empty()) return rule;
  }
  if (block.downsample && !block.joined) {
    return text("sums the downsample into the last 1x1: ", block.why_not_joined);
  }
  if (next == nullptr) return {};
  if (!next->bottleneck()) return "the next block does not begin with a 1x1";
  const BlockStep& conv1 = next->steps[0];
  if (conv1.stride != 1) return text("the next block's conv1 has stride ", conv1.stride);
  return middle_rule("the next block's conv1", conv1.k);
}

// Slices of the operand of conv3, or of the next conv1's output, which takes its place.
int operand_slices(const Block::Data& block, const Block::Data* next) {
  const int projection = block.downsample ? slices(block.c()) : 0;
  return std::max(slices(block.steps[1].k) + projection,
                  next != nullptr ? slices(next->steps[0].k) : 0);
}

TailParams make_params(const TailTile& tile, const PlannedBlock& planned, const Block::Data* next) {
  const Block::Data& block = *planned.data;
  TailParams params = {};
  params.conv2 = conv_params(tile.conv2, planned.problem(1));
  const BlockConv conv2 = block_conv(block.steps[1].conv);
  params.conv2.w = conv2.w;
  params.conv2.scale = conv2.scale;
  params.conv2.bias = conv2.bias;
  params.conv3 = block_conv(block.downsample ? *block.joined : block.steps[2].conv);
  if (block.downsample) {
    params.projection = {nullptr, planned.input.h, planned.input.w, block.c(),
                         block.downsample->stride};
  }
  params.k = block.k();
  params.last = {static_cast<int>(block.last), block.alpha};
  if (next != nullptr) {
    params.next = block_conv(next->steps[0].conv);
    params.next_k = next->steps[0].k;
    params.next_activation = {static_cast<int>(next->inner), next->alpha};
  }
  return params;
}

LaunchCost cost_of(const PlannedBlock& planned, const PlannedBlock* next) {
  const ConvProblem conv2 = planned.problem(1), conv3 = planned.problem(2);
  const auto weights = [](const ConvProblem& problem) {
    return double(problem.k) * problem.c * problem.r * problem.s;
  };
  LaunchCost cost;
  double elements =
      elements_read(conv2) + weights(conv2) + weights(conv3) + double(conv3.output().elements());
  cost.flops = conv2.flops() + conv3.flops();
  if (planned.data->downsample) {
    const ConvProblem side = planned.downsample_problem();
    elements += elements_read(side) + weights(side);
    cost.flops += side.flops();
  } else {
    elements += double(conv3.output().elements());
  }
  if (next != nullptr) {
    const ConvProblem conv1 = next->problem(0);
    elements += weights(conv1) + double(conv1.output().elements());
    cost.flops += conv1.flops();
  }
  cost.bytes = elements * double(size_of(planned.data->dtype));
  return cost;
}

}  // namespace

Result<BlockLaunch> offer_tail(const PlannedBlock& planned, const PlannedBlock* next,
                               const PlanContext& context) {
  const Block::Data& block = *planned.data;
  const Block::Data* next_data = next != nullptr ? next->data : nullptr;
  if (std::string rule = block_rule(block, next_data); !rule.empty())
    return not_offered(std::move(rule));
  const ConvProblem conv2 = planned.problem(1);
  const Shape next_t1 = next != nullptr ? next->shape_before(1) : Shape{};
  if (std::string rule = index_rule({planned.input, planned.output(), next_t1}); !rule.empty())
    return not_offered(std::move(rule));

  // Of the tiles just wide enough, the one with the least floor time.
  const int widest = std::max(block.steps[1].k, next_data != nullptr ? next_data->steps[0].k : 0);
  const auto enough = std::ranges::find_if(
      kTiles, [&](const TailTile* tile) { return tile->conv2.block_n >= widest; });
  if (enough == std::end(kTiles)) {
    return not_offered(text("takes middle widths of at most ",
                            kTiles[std::size(kTiles) - 1]->conv2.block_n, ": the widest is ",
                            widest));
  }
  std::string reason;
  LaunchCost cost = cost_of(planned, next);
  std::optional<BlockLaunch> best;
  for (const TailTile* tile : kTiles) {
    if (tile->conv2.block_n != (*enough)->conv2.block_n) continue;
    if (std::string rule = index_rule(tile->conv2, conv2); !rule.empty())
      return not_offered(std::move(rule));
    const int entries = table_entries(ConvLoader::load_rxs, weight_layout(conv2));
    const LaunchShape shape = {
        static_cast<std::uint32_t>(ceil_div(output_pixels(conv2), tile->conv2.block_m)),
        static_cast<std::uint32_t>(tile->conv2.threads()),
        static_cast<std::size_t>(tile->shared_bytes(operand_slices(block, next_data), entries))};
    if (shape.shared_bytes > context.device.shared_bytes) {
      reason = text("needs ", shape.shared_bytes, " bytes of shared memory, the device has ",
                    context.device.shared_bytes);
      continue;
    }
    const TailKernel* kernel = find_tail_kernel(*tile, block.dtype);
    const Result<double> waves = prepare_waves(kernel->entry, shape, context);
    if (!waves.ok()) return waves.status();
    cost.waves = *waves;
    if (best && floor_seconds(best->cost, context.speed) <= floor_seconds(cost, context.speed))
      continue;
    best = BlockLaunch{kernel->name,
                       cost,
                       KernelLaunch{kernel->entry, shape, make_params(*tile, planned, next_data)},
                       planned.t1(),
                       planned.x(),
                       planned.y(),
                       next != nullptr ? next->t1() : BlockTensor{}};
  }
  if (!best) return not_offered(std::move(reason));
  return std::move(*best);
}

}  // namespace foldconv::host
