// SPDX-License-Identifier: MIT
#include "golden/data.hpp"

#include <bit>
#include <utility>

#include "harness/error.hpp"

namespace foldconv::golden {
namespace {

// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : state_(seed) {}

  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

using harness::value_of;

// A convolution and its BatchNorm.
class Layer {
 public:
  // Weights of 16 bits are inexact in f16 and bf16; of 8 bits, exact in both.
  Layer(int k, int c_per_group, int r, int s, std::uint64_t seed)
      : Layer(k, c_per_group, r, s, seed, seed % 3 == 0 ? 8 : 16) {}
  Layer(int k, int c_per_group, int r, int s, std::uint64_t seed, int bits)
      : weights_{.values = {}, .k = k, .c_per_group = c_per_group, .r = r, .s = s} {
    const std::int64_t products = std::int64_t{c_per_group} * r * s;
    w_ = make_values(k * products, seed, bits);
    // About 1 / sqrt(products), as a power of two.
    const auto halvings = std::bit_width(static_cast<std::uint64_t>(products)) / 2;
    const float factor = 1.0f / static_cast<float>(1 << halvings);
    for (float& w : w_) w *= factor;
    gamma_ = around(1, k, seed + 1);
    variance_ = around(1, k, seed + 2);
    beta_ = around(0, k, seed + 3);
    mean_ = around(0, k, seed + 4);
  }

  BlockLayer layer() const {
    BlockLayer layer{.conv = weights_, .batch_norm = batch_norm()};
    layer.conv.values = w_;
    return layer;
  }

 private:
  // Multiples of 1/256 less than half away from `centre`.
  static std::vector<float> around(float centre, int count, std::uint64_t seed) {
    std::vector<float> values = make_values(count, seed);
    for (float& value : values) value = centre + value / 2;
    return values;
  }
  BatchNorm batch_norm() const {
    return {
        .gamma = gamma_, .beta = beta_, .mean = mean_, .variance = variance_, .eps = Epsilon(1e-5)};
  }

  ConvWeights weights_;
  std::vector<float> w_, gamma_, variance_, beta_, mean_;
};

Block make_bottleneck(const BlockShape& shape, const Layer& conv1, const Layer& conv2,
                      const Layer& conv3, const std::optional<BlockLayer>& downsample,
                      const FoldOptions& options) {
  return value_of(Block::create(BottleneckWeights{.conv1 = conv1.layer(),
                                                  .conv2 = conv2.layer(),
                                                  .conv3 = conv3.layer(),
                                                  .downsample = downsample,
                                                  .stride = shape.stride,
                                                  .stride_at = shape.stride_at,
                                                  .groups = shape.groups},
                                options));
}

Block make_inverted(const BlockShape& shape, std::uint64_t seed, const FoldOptions& options) {
  const int middle = shape.middle > 0 ? shape.middle : shape.c;
  const Layer expand(middle, shape.c, 1, 1, seed);
  const Layer depthwise(middle, 1, shape.depthwise, shape.depthwise, seed + 1000);
  const Layer project(shape.k, middle, 1, 1, seed + 2000);
  InvertedBlockWeights weights{
      .depthwise = depthwise.layer(),
      .project = project.layer(),
      .stride = shape.stride,
      .pad = Padding{shape.pad_top, shape.pad_bottom, shape.pad_left, shape.pad_right},
      .residual = shape.residual};
  if (shape.middle > 0) weights.expand = expand.layer();
  return value_of(Block::create(weights, options));
}

Block make_block(const BlockShape& shape, DataType dtype, std::uint64_t seed) {
  const FoldOptions options{.dtype = dtype};
  const auto seed_of = [seed](std::uint64_t layer) { return (seed * 4 + layer) * 1000; };
  if (shape.depthwise > 0) return make_inverted(shape, seed_of(1), options);
  std::optional<BlockLayer> shortcut;
  if (shape.middle == 0) {
    const Layer downsample(shape.k, shape.c, 1, 1, seed_of(0));
    if (shape.projection) shortcut = downsample.layer();
    const Layer conv1(shape.k, shape.c, 3, 3, seed_of(1));
    const Layer conv2(shape.k, shape.k, 3, 3, seed_of(2));
    return value_of(Block::create(BasicBlockWeights{.conv1 = conv1.layer(),
                                                    .conv2 = conv2.layer(),
                                                    .downsample = shortcut,
                                                    .stride = shape.stride},
                                  options));
  }
  const Layer conv1(shape.middle, shape.c, 1, 1, seed_of(1));
  const Layer conv2(shape.middle, shape.middle / shape.groups, 3, 3, seed_of(2));
  if (!shape.projection) {
    const Layer conv3(shape.k, shape.middle, 1, 1, seed_of(3));
    return make_bottleneck(shape, conv1, conv2, conv3, {}, options);
  }
  // Exact weights would keep their scale, and the two would not be joined.
  const Layer conv3(shape.k, shape.middle, 1, 1, seed_of(3), 16);
  const Layer downsample(shape.k, shape.c, 1, 1, seed_of(0), 16);
  return make_bottleneck(shape, conv1, conv2, conv3, downsample.layer(), options);
}

}  // namespace

std::uint64_t fnv1a(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::byte byte : bytes) {
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3;
  }
  return hash;
}
std::uint64_t fnv1a(std::string_view text) {
  return fnv1a(std::as_bytes(std::span(text)));
}

std::vector<float> make_values(std::int64_t count, std::uint64_t seed, int bits) {
  Generator generator(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  const int half = 1 << (bits - 1);
  const float step = 1.0f / static_cast<float>(half);
  for (float& value : values) {
    value = static_cast<float>(static_cast<int>(generator() >> (64 - bits)) - half) * step;
  }
  return values;
}

Conv make_conv(const ConvProblem& problem, std::uint64_t seed) {
  const Layer made(problem.k, problem.c / problem.groups, problem.r, problem.s, seed);
  const BlockLayer layer = made.layer();
  return value_of(
      Conv::create(value_of(fold(layer.conv, layer.batch_norm, {.dtype = problem.dtype}))));
}

Result<BlockPlan> Blocks::plan(const ListedBlocks& listed, DataType dtype, const Images& problem,
                               const BlockPlanOptions& options) {
  std::vector<Block> blocks;
  for (const BlockShape& shape : listed.blocks) {
    blocks.push_back(block(shape, dtype, blocks.size() % weight_sets_));
  }
  if (blocks.size() == 1) return blocks.front().plan(problem, options);
  return value_of(Stage::create(std::move(blocks))).plan(problem, options);
}

const Block& Blocks::block(const BlockShape& shape, DataType dtype, std::uint64_t seed) {
  const auto key = std::tuple(shape, dtype, seed);
  const auto known = blocks_.find(key);
  if (known != blocks_.end()) return known->second;
  return blocks_.emplace(key, make_block(shape, dtype, seed)).first->second;
}

}  // namespace foldconv::golden
