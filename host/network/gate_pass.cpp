// SPDX-License-Identifier: MIT
#include <map>
#include <optional>
#include <string>

#include "base/text.hpp"
#include "layer/gate.hpp"
#include "network/passes.hpp"
#include "network/rewriter.hpp"

namespace foldconv::host {
namespace {

// 1x1, stride 1, no padding, no groups.
bool is_1x1(const op::Conv& conv) {
  const Extents& w = conv.conv.weights.extents();
  return w[2] == 1 && w[3] == 1 && conv.conv.stride == Extent{1, 1} && conv.conv.pad == Padding{} &&
         conv.conv.groups == 1;
}

// The gates that `value` is of the tensor x, and nothing else reads.
std::optional<op::Gate> gate_of(Rewriter& rewriter, int value, int x) {
  const auto* excite = rewriter.sole_producer<op::Conv>(value);
  if (!excite || rewriter.producer(value).inputs.size() != 1 || !is_1x1(*excite))
    return std::nullopt;
  const int hidden = rewriter.producer(value).inputs[0];
  const auto* squeeze = rewriter.sole_producer<op::Conv>(hidden);
  if (!squeeze || rewriter.producer(hidden).inputs.size() != 1 || !is_1x1(*squeeze))
    return std::nullopt;
  const int mean = rewriter.producer(hidden).inputs[0];
  const auto* pool = rewriter.sole_producer<op::GlobalPool>(mean);
  if (!pool || pool->kind != PoolKind::average || rewriter.producer(mean).inputs[0] != x)
    return std::nullopt;
  return op::Gate{*squeeze, *excite};
}

struct GatedTensor {
  int x, gate;  // values
  op::Gate node;
};
std::optional<GatedTensor> match(Rewriter& rewriter, int product) {
  const auto* binary = rewriter.sole_producer<op::Binary>(product);
  if (!binary || binary->kind != op::Binary::Kind::multiply ||
      binary->activation != Activation::none)
    return std::nullopt;
  const std::vector<int>& sides = rewriter.producer(product).inputs;
  for (const std::size_t side : {0u, 1u}) {
    const int x = sides[side], gate = sides[1 - side];
    if (auto node = gate_of(rewriter, gate, x)) return GatedTensor{x, gate, std::move(*node)};
  }
  return std::nullopt;
}

// Why the kernels do not take it, or "".
std::string broken_rule(const op::Conv& conv, const op::Gate& gate, DataType dtype) {
  const std::int64_t c = conv.conv.weights.extents()[1];
  if (!is_1x1(conv)) return "what reads the product is no 1x1 at stride 1";
  if (gate.excite.conv.weights.extents()[0] != c) return "its gates are not one a channel";
  if (dtype != DataType::f32 && c % 8 != 0) return "its channels are no multiple of 8";
  return gate_rule(dtype, c, gate.squeeze.conv.weights.extents()[0]);
}

}  // namespace

void gate_pass(GraphData& graph, DataType dtype, Remarks& remarks) {
  Rewriter rewriter(graph);
  int fused_count = 0;
  std::map<std::string, int> refused;
  for (std::size_t i = 0; i < rewriter.nodes(); ++i) {
    if (rewriter.dead(i)) continue;
    const auto* conv = as<op::Conv>(rewriter.node(i));
    if (!conv || conv->gated) continue;
    auto found = match(rewriter, rewriter.node(i).inputs[0]);
    if (!found) continue;
    if (std::string broken = broken_rule(*conv, found->node, dtype); !broken.empty()) {
      ++refused[broken];
      continue;
    }
    op::Conv gated = *conv;
    gated.gated = true;
    std::vector<int> inputs = rewriter.node(i).inputs;
    inputs[0] = found->x;
    inputs.push_back(found->gate);
    rewriter.replace(rewriter.producer_index(found->gate), std::move(found->node), {found->x});
    rewriter.replace(i, std::move(gated), std::move(inputs));
    ++fused_count;
  }
  rewriter.compact();
  if (fused_count > 0) {
    remarks.push_back({"gates", text(fused_count,
                                     " squeeze-and-excite products are in the 1x1 "
                                     "that reads them")});
  }
  for (const auto& [rule, count] : refused)
    remarks.push_back({"gates", text(count, " squeeze-and-excite products stay: ", rule)});
}

}  // namespace foldconv::host
