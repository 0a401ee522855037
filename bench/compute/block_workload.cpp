#include "compute/block_workload.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "compute/block_convs.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::tool {
namespace {

// Between the seeds of layers and of blocks; x has the first.
constexpr std::uint64_t kLayerSeed = 1'000'003, kBlockSeed = 1'000'000'007;

BlockLayer layer_of(int c_per_group, int k, int r) {
  return {.conv = {.values = {}, .k = k, .c_per_group = c_per_group, .r = r, .s = r}};
}

// The weights of a shape without values.
BlockWeights geometry_of(const BlockShape& shape, const Options& options) {
  std::optional<BlockLayer> downsample;
  if (shape.projection) downsample = layer_of(shape.c, shape.k, 1);
  if (shape.basic()) {
    return BasicBlockWeights{.conv1 = layer_of(shape.c, shape.k, 3),
                             .conv2 = layer_of(shape.k, shape.k, 3),
                             .downsample = downsample,
                             .stride = shape.stride,
                             .inner = options.activation,
                             .last = options.activation,
                             .alpha = options.alpha};
  }
  return BottleneckWeights{.conv1 = layer_of(shape.c, shape.middle, 1),
                           .conv2 = layer_of(shape.middle / shape.groups, shape.middle, 3),
                           .conv3 = layer_of(shape.middle, shape.k, 1),
                           .downsample = downsample,
                           .stride = shape.stride,
                           .stride_at = shape.stride_at,
                           .groups = shape.groups,
                           .inner = options.activation,
                           .last = options.activation,
                           .alpha = options.alpha};
}

std::vector<BlockLayer*> layers_of(BlockWeights& weights) {
  std::vector<BlockLayer*> layers;
  if (auto* bottleneck = std::get_if<BottleneckWeights>(&weights)) {
    layers = {&bottleneck->conv1, &bottleneck->conv2, &bottleneck->conv3};
  } else {
    auto& basic = std::get<BasicBlockWeights>(weights);
    layers = {&basic.conv1, &basic.conv2};
  }
  std::visit(
      [&layers](auto& kind) {
        if (kind.downsample) layers.push_back(&*kind.downsample);
      },
      weights);
  return layers;
}

// Only the parameters of the convolution count: its x is one pixel.
oracle::RawConv random_layer(const ConvWeights& conv, const Options& options, std::uint64_t seed) {
  const int pad = conv.r / 2;
  return oracle::make_raw(
      {.n = 1,
       .h = 1,
       .w = 1,
       .c = conv.c_per_group,
       .k = conv.k,
       .r = conv.r,
       .s = conv.s,
       .pad = {pad, pad, pad, pad}},
      {.batch_norm = options.batch_norm, .conv_bias = options.conv_bias, .seed = seed});
}

void point_to(const oracle::RawConv& raw, BlockLayer& layer) {
  layer.conv.values = raw.weights;
  layer.conv.bias = raw.conv_bias;
  if (raw.variance.empty()) return;
  layer.batch_norm = BatchNorm{.gamma = raw.gamma,
                               .beta = raw.beta,
                               .mean = raw.mean,
                               .variance = raw.variance,
                               .eps = Epsilon(raw.eps)};
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

// The rules that convolutions have for their sizes, before memory is allocated for them.
Status check_sizes(const BlockDescriptor& descriptor, const Options& options) {
  const BlockProblem problem = descriptor.problem;
  Shape x = {problem.n, problem.h, problem.w, descriptor.blocks.front().c};
  for (const BlockShape& shape : descriptor.blocks) {
    const BlockWeights geometry = geometry_of(shape, options);
    BlockConvs convs = convs_of(geometry, options.dtype, x);
    if (convs.downsample) convs.line.push_back(*convs.downsample);
    for (const BlockConv& conv : convs.line) {
      if (Status status = validate(conv.problem); !status) {
        return {status.code(), std::string(conv.name) + ": " + status.message()};
      }
    }
    x = convs.output();
  }
  return {};
}

}  // namespace

Images BlockWorkload::input() const {
  return {dtype, first_input(*this), distinct};
}

std::vector<std::byte> BlockWorkload::encoded_x(int images) const {
  return encode_images(dtype, x, distinct, images);
}

BlockData random_block(const BlockShape& shape, const Options& options, std::uint64_t seed) {
  BlockData data{.weights = geometry_of(shape, options), .storage = nullptr};
  auto random = std::make_shared<std::vector<oracle::RawConv>>();
  const std::vector<BlockLayer*> layers = layers_of(data.weights);
  random->reserve(layers.size());
  for (BlockLayer* layer : layers) {
    seed += kLayerSeed;
    random->push_back(random_layer(layer->conv, options, seed));
    point_to(random->back(), *layer);
  }
  data.storage = std::move(random);
  return data;
}

BlockWorkload make_block_workload(const BlockProblem& problem, std::vector<BlockData> blocks,
                                  const Options& options) {
  BlockWorkload workload{.dtype = options.dtype,
                         .problem = problem,
                         .distinct = 1,
                         .blocks = std::move(blocks),
                         .x = {}};
  workload.distinct = std::min(workload.problem.n, affordable_images(flops_per_image(workload)));
  const Shape x = first_input(workload);
  workload.x =
      oracle::make_raw(
          {.dtype = workload.dtype, .n = workload.distinct, .h = x.h, .w = x.w, .c = x.c, .k = 1},
          {.batch_norm = false, .seed = options.seed})
          .x;
  return workload;
}

Result<BlockWorkload> make_block_workload(const BlockDescriptor& descriptor,
                                          const Options& options) {
  if (Status status = check_sizes(descriptor, options); !status) return status;
  std::vector<BlockData> blocks = descriptor.data;
  if (blocks.empty()) {
    for (const BlockShape& shape : descriptor.blocks) {
      blocks.push_back(random_block(shape, options, options.seed + kBlockSeed * blocks.size()));
    }
  }
  return make_block_workload(descriptor.problem, std::move(blocks), options);
}

std::string block_of_several(std::size_t index, std::size_t count) {
  return "block " + std::to_string(index) + " of " + std::to_string(count);
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
      return Status(status.code(), block_of_several(blocks.size(), workload.blocks.size()) + ": " +
                                       status.message());
    }
    if (!status) return status;
  }
  return blocks;
}

Result<BlockPlan> plan_blocks(const std::vector<Block>& blocks, const BlockProblem& problem,
                              BlockCut cut) {
  if (blocks.size() == 1) return blocks.front().plan(problem, {.cut = cut});
  const Result<Stage> stage = Stage::create(blocks);
  if (!stage) return stage.status();
  return stage->plan(problem, {.cut = cut});
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
