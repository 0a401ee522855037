#include "block_workload.hpp"

#include <algorithm>
#include <utility>

#include "block_convs.hpp"
#include "reference/reference.hpp"

namespace foldconv::tool {
namespace {

// Seeds of layers and blocks, apart from each other and from x's.
constexpr std::uint64_t kLayerSeed = 1'000'003, kBlockSeed = 1'000'000'007;

struct RandomLayers {
  reference::RawConv conv1, conv2, conv3, downsample;
};

// Only the parameters count: their x is one pixel.
reference::RawConv random_layer(int c_per_group, int k, int r, const Options& options,
                                std::uint64_t seed) {
  const int pad = r / 2;
  return reference::make_raw(
      {.n = 1,
       .h = 1,
       .w = 1,
       .c = c_per_group,
       .k = k,
       .r = r,
       .s = r,
       .pad = {pad, pad, pad, pad}},
      {.batch_norm = options.batch_norm, .conv_bias = options.conv_bias, .seed = seed});
}

BlockLayer layer_of(const reference::RawConv& raw, int c_per_group, int k, int r) {
  BlockLayer layer{.conv = {.values = raw.weights,
                            .k = k,
                            .c_per_group = c_per_group,
                            .r = r,
                            .s = r,
                            .bias = raw.conv_bias}};
  if (!raw.variance.empty()) {
    layer.batch_norm = BatchNorm{.gamma = raw.gamma,
                                 .beta = raw.beta,
                                 .mean = raw.mean,
                                 .variance = raw.variance,
                                 .eps = Epsilon(raw.eps)};
  }
  return layer;
}

const CutFigures* figures_of(const BlockExplanation& explanation, BlockCut cut) {
  const auto found = std::ranges::find(explanation.cuts, cut, &CutFigures::cut);
  return found == explanation.cuts.end() ? nullptr : &*found;
}

Shape first_input(const BlockWorkload& workload) {
  const int c = std::visit([](const auto& weights) { return weights.conv1.conv.c_per_group; },
                           workload.blocks.front().weights);
  return {workload.problem.n, workload.problem.h, workload.problem.w, c};
}

double flops_per_image(const BlockWorkload& workload) {
  Shape x = first_input(workload);
  x.n = 1;
  double sum = 0;
  for (const BlockData& block : workload.blocks) {
    const BlockConvs convs = convs_of(block.weights, workload.dtype, x);
    sum += convs.flops();
    x = convs.output();
  }
  return sum;
}

}  // namespace

Images BlockWorkload::input() const {
  return {dtype, first_input(*this), distinct};
}

std::vector<std::byte> BlockWorkload::encoded_x(int images) const {
  return encode_images(dtype, x, distinct, images);
}

BlockData random_block(const BlockShape& shape, const Options& options, std::uint64_t seed) {
  const auto seed_of = [seed](std::uint64_t layer) { return seed + kLayerSeed * layer; };
  auto random = std::make_shared<RandomLayers>();
  if (shape.projection) random->downsample = random_layer(shape.c, shape.k, 1, options, seed_of(4));
  const auto downsample = [&]() -> std::optional<BlockLayer> {
    if (!shape.projection) return std::nullopt;
    return layer_of(random->downsample, shape.c, shape.k, 1);
  };
  if (shape.basic()) {
    random->conv1 = random_layer(shape.c, shape.k, 3, options, seed_of(1));
    random->conv2 = random_layer(shape.k, shape.k, 3, options, seed_of(2));
    return {BasicBlockWeights{.conv1 = layer_of(random->conv1, shape.c, shape.k, 3),
                              .conv2 = layer_of(random->conv2, shape.k, shape.k, 3),
                              .downsample = downsample(),
                              .stride = shape.stride,
                              .inner = options.activation,
                              .last = options.activation,
                              .alpha = options.alpha},
            random};
  }
  const int group = shape.middle / shape.groups;
  random->conv1 = random_layer(shape.c, shape.middle, 1, options, seed_of(1));
  random->conv2 = random_layer(group, shape.middle, 3, options, seed_of(2));
  random->conv3 = random_layer(shape.middle, shape.k, 1, options, seed_of(3));
  return {BottleneckWeights{.conv1 = layer_of(random->conv1, shape.c, shape.middle, 1),
                            .conv2 = layer_of(random->conv2, group, shape.middle, 3),
                            .conv3 = layer_of(random->conv3, shape.middle, shape.k, 1),
                            .downsample = downsample(),
                            .stride = shape.stride,
                            .stride_at = shape.stride_at,
                            .groups = shape.groups,
                            .inner = options.activation,
                            .last = options.activation,
                            .alpha = options.alpha},
          random};
}

BlockWorkload make_block_workload(const BlockProblem& problem, std::vector<BlockData> blocks,
                                  const Options& options) {
  BlockWorkload workload{.dtype = options.dtype,
                         .problem = apply(options, problem),
                         .distinct = 1,
                         .blocks = std::move(blocks),
                         .x = {}};
  workload.distinct = std::min(workload.problem.n, affordable_images(flops_per_image(workload)));
  const Shape x = first_input(workload);
  workload.x =
      reference::make_raw(
          {.dtype = workload.dtype, .n = workload.distinct, .h = x.h, .w = x.w, .c = x.c, .k = 1},
          {.batch_norm = false, .seed = options.seed})
          .x;
  return workload;
}

BlockWorkload make_block_workload(const BlockDescriptor& descriptor, const Options& options) {
  if (!descriptor.data.empty()) {
    return make_block_workload(descriptor.problem, descriptor.data, options);
  }
  std::vector<BlockData> blocks;
  for (const BlockShape& shape : descriptor.blocks) {
    blocks.push_back(random_block(shape, options, options.seed + kBlockSeed * blocks.size()));
  }
  return make_block_workload(descriptor.problem, std::move(blocks), options);
}

Result<std::vector<Block>> create_blocks(const BlockWorkload& workload) {
  std::vector<Block> blocks;
  for (const BlockData& data : workload.blocks) {
    const FoldOptions options{.dtype = workload.dtype};
    Status status;
    const auto keep = [&](auto created) {
      if (created) {
        blocks.push_back(*created);  // Block holds all that a Bottleneck or BasicBlock does
      } else {
        status = created.status();
      }
    };
    if (const auto* bottleneck = std::get_if<BottleneckWeights>(&data.weights)) {
      keep(Bottleneck::create(*bottleneck, options));
    } else {
      keep(BasicBlock::create(std::get<BasicBlockWeights>(data.weights), options));
    }
    if (!status && workload.blocks.size() > 1) {
      return Status(status.code(),
                    "block " + std::to_string(blocks.size() + 1) + ": " + status.message());
    }
    if (!status) return status;
  }
  return blocks;
}

Result<BlockPlan> plan_blocks(const std::vector<Block>& blocks, const BlockProblem& problem,
                              BlockCut cut) {
  return blocks.front().plan(problem, {.cut = cut});
}

std::string refusal_of(const std::vector<Block>& blocks, const BlockProblem& problem, BlockCut cut,
                       const Status& status) {
  const Result<BlockPlan> planned = plan_blocks(blocks, problem, BlockCut::automatic);
  const CutFigures* figures = planned ? figures_of(planned->explanation(), cut) : nullptr;
  return figures == nullptr || figures->refusal.empty() ? status.message() : figures->refusal;
}

std::string kernels_of(const BlockPlan& plan) {
  const BlockExplanation& explanation = plan.explanation();
  const CutFigures* taken = figures_of(explanation, explanation.cut);
  std::string kernels;
  if (taken == nullptr) return kernels;
  for (const std::string& kernel : taken->kernels) {
    kernels += (kernels.empty() ? "" : " ") + kernel;
  }
  return kernels;
}

}  // namespace foldconv::tool
