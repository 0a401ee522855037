// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/text.hpp"
#include "network/passes.hpp"
#include "network/rewriter.hpp"
#include "stem/stem.hpp"
#include "tile/stem_tile.hpp"

namespace foldconv::host {
namespace {

// "" if a stem's kernel takes the convolution, whatever its images.
std::string stem_refusal(const op::Conv& conv, DataType dtype) {
  const Extents& w = conv.conv.weights.extents();
  const auto size = [&](std::size_t axis) {
    return static_cast<int>(std::min<std::int64_t>(w[axis], 1 << 30));
  };
  return stem_form_rule({.dtype = dtype,
                         .c = size(1),
                         .k = size(0),
                         .r = size(2),
                         .s = size(3),
                         .stride = conv.conv.stride,
                         .dilation = conv.conv.dilation,
                         .groups = conv.conv.groups});
}

bool pools_a_stem(const PoolNode& pool) {
  const auto [least, most] =
      std::minmax({pool.pad.top, pool.pad.bottom, pool.pad.left, pool.pad.right});
  return pool.kind == PoolKind::max && pool.dilation == Extent{1, 1} &&
         pool.window == Extent{StemTile::kWindow, StemTile::kWindow} &&
         pool.stride == Extent{StemTile::kWindowStride, StemTile::kWindowStride} && least >= 0 &&
         most < StemTile::kWindow;
}

}  // namespace

void stem_pass(GraphData& graph, DataType dtype, Remarks& remarks) {
  Rewriter rewriter(graph);
  const auto is_stem = [&](const op::Conv* conv, const GraphNode& node) {
    return conv != nullptr && node.inputs.size() == 1 && stem_refusal(*conv, dtype).empty();
  };
  int stems = 0, pools = 0;
  for (std::size_t i = 0; i < rewriter.nodes(); ++i) {
    const auto* pool = as<op::Pool>(rewriter.node(i));
    if (!pool || !pools_a_stem(pool->pool)) continue;
    const int x = rewriter.node(i).inputs[0];
    const auto* conv = rewriter.sole_producer<op::Conv>(x);
    if (!conv || !is_stem(conv, rewriter.producer(x))) continue;
    op::Stem stem = {*conv, pool->pool};
    rewriter.replace(i, std::move(stem), rewriter.producer(x).inputs);
    ++stems;
    ++pools;
  }
  for (std::size_t i = 0; i < rewriter.nodes(); ++i) {
    const GraphNode& node = rewriter.node(i);
    const auto* conv = as<op::Conv>(node);
    if (rewriter.dead(i) || !is_stem(conv, node)) continue;
    rewriter.replace(i, op::Stem{*conv, std::nullopt}, node.inputs);
    ++stems;
  }
  rewriter.compact();
  if (stems == 0) return;
  remarks.push_back(
      {"stem", text(stems, stems == 1 ? " first convolution" : " first convolutions",
                    pools > 0 ? " with its max-pool" : "", ": one launch, from pixels")});
}

}  // namespace foldconv::host
