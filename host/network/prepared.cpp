// SPDX-License-Identifier: MIT
#include "network/prepared.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "fold/pack.hpp"
#include "network/channel_affine.hpp"

namespace foldconv::host {
namespace {

// Extents were checked when the graph was made.
ConvWeights view_of(const ConvNode& conv) {
  const Extents& w = conv.weights.extents();
  return {.values = conv.weights.values(),
          .k = static_cast<int>(w[0]),
          .c_per_group = static_cast<int>(w[1]),
          .r = static_cast<int>(w[2]),
          .s = static_cast<int>(w[3]),
          .bias = conv.bias.values()};
}

template <class Op>
std::optional<BatchNorm> batch_norm_of(const Op& op) {
  if (!op.batch_norm) return std::nullopt;
  return host::view_of(*op.batch_norm);
}

BlockLayer layer_of(const op::Conv& conv) {
  return {view_of(conv.conv), batch_norm_of(conv)};
}

std::optional<BlockLayer> layer_of(const std::optional<op::Conv>& conv) {
  if (!conv) return std::nullopt;
  return layer_of(*conv);
}

Result<Prepared> folded(const ConvWeights& weights, const std::optional<BatchNorm>& batch_norm,
                        DataType dtype) {
  const Result<FoldedConv> folded = fold(weights, batch_norm, {.dtype = dtype});
  if (!folded.ok()) return folded.status();
  Result<Conv> conv = Conv::create(*folded);
  if (!conv.ok()) return conv.status();
  return Prepared(std::move(*conv));
}

Result<Block> block_of(const op::Block& block, DataType dtype) {
  const std::vector<op::Conv>& path = block.path;
  if (block.inverted) {
    const std::size_t depthwise = path.size() - 2;
    return Block::create(
        InvertedBlockWeights{
            .expand = depthwise == 0 ? std::nullopt : std::optional(layer_of(path[0])),
            .depthwise = layer_of(path[depthwise]),
            .project = layer_of(path.back()),
            .stride = block.stride,
            .pad = path[depthwise].conv.pad,
            .residual = block.residual,
            .inner = block.inner,
            .last = block.last},
        {.dtype = dtype});
  }
  if (path.size() == 2) {
    return Block::create(BasicBlockWeights{.conv1 = layer_of(path[0]),
                                           .conv2 = layer_of(path[1]),
                                           .downsample = layer_of(block.downsample),
                                           .stride = block.stride,
                                           .inner = block.inner,
                                           .last = block.last},
                         {.dtype = dtype});
  }
  return Block::create(BottleneckWeights{.conv1 = layer_of(path[0]),
                                         .conv2 = layer_of(path[1]),
                                         .conv3 = layer_of(path[2]),
                                         .downsample = layer_of(block.downsample),
                                         .stride = block.stride,
                                         .stride_at = block.stride_at,
                                         .groups = path[1].conv.groups,
                                         .inner = block.inner,
                                         .last = block.last},
                       {.dtype = dtype});
}

Result<Prepared> prepare_node(op::Conv& node, DataType dtype) {
  Result<Prepared> conv = folded(view_of(node.conv), batch_norm_of(node), dtype);
  node.conv.weights = node.conv.bias = Constant();
  node.batch_norm.reset();
  return conv;
}

Result<Prepared> prepare_node(op::Stem& node, DataType dtype) {
  return prepare_node(node.conv, dtype);
}

Result<Prepared> prepare_node(op::Linear& node, DataType dtype) {
  const Extents& w = node.linear.weights.extents();
  Result<Prepared> conv = folded({.values = node.linear.weights.values(),
                                  .k = static_cast<int>(w[0]),
                                  .c_per_group = static_cast<int>(w[1]),
                                  .bias = node.linear.bias.values()},
                                 batch_norm_of(node), dtype);
  node.linear = {};
  node.batch_norm.reset();
  return conv;
}

Result<Prepared> prepare_node(op::Stage& node, DataType dtype) {
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < node.blocks.size(); ++i) {
    Result<Block> block = block_of(node.blocks[i], dtype);
    if (!block.ok()) return at(text("block ", i), block.status());
    blocks.push_back(std::move(*block));
    node.blocks[i] = {};  // its weights may be the last copy
  }
  Result<Stage> stage = Stage::create(std::move(blocks));
  if (!stage.ok()) return stage.status();
  return Prepared(std::move(*stage));
}

Result<Prepared> prepare_node(op::Gate& node, DataType dtype) {
  const auto fold_one = [&](op::Conv& conv) {
    return fold(view_of(conv.conv), batch_norm_of(conv), {.dtype = dtype});
  };
  const Result<FoldedConv> squeeze = fold_one(node.squeeze), excite = fold_one(node.excite);
  if (!squeeze.ok()) return squeeze.status();
  if (!excite.ok()) return excite.status();
  Result<GateWeights> gate = GateWeights::create(*squeeze, *excite);
  if (!gate.ok()) return gate.status();
  for (op::Conv* conv : {&node.squeeze, &node.excite}) {
    conv->conv.weights = conv->conv.bias = Constant();
    conv->batch_norm.reset();
  }
  return Prepared(std::move(*gate));
}

Result<Prepared> prepare_node(op::BatchNorm& node, DataType) {
  const Result<ChannelAffine> affine = channel_affine(node.arrays);
  if (!affine.ok()) return affine.status();
  const std::vector<float> scale(affine->scale.begin(), affine->scale.end());
  const std::vector<float> shift(affine->shift.begin(), affine->shift.end());
  Result<DeviceMemory> memory = DeviceMemory::copy_of(
      {std::as_bytes(std::span(scale)), std::as_bytes(std::span(shift))}, "scale and shift");
  if (!memory.ok()) return memory.status();
  node.arrays = {.mean = {}, .variance = {}, .eps = Epsilon(0)};
  return Prepared(AffineArrays{std::move(*memory)});
}

Result<Prepared> prepare_node(op::Known& node, DataType dtype) {
  const Result<std::vector<std::byte>> stored = encoded(node.values.values(), dtype);
  if (!stored.ok()) return stored.status();
  Result<DeviceMemory> memory = DeviceMemory::copy_of({*stored}, "the values of a constant");
  if (!memory.ok()) return memory.status();
  node.values = Constant();
  return Prepared(DeviceConstant{std::move(*memory)});
}

template <class Op>
Result<Prepared> prepare_node(Op&, DataType) {
  return Prepared();
}

}  // namespace

Result<Prepared> prepare(GraphNode& node, DataType dtype) {
  return std::visit([&](auto& operation) { return prepare_node(operation, dtype); },
                    node.operation);
}

}  // namespace foldconv::host
