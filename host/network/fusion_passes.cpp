// SPDX-License-Identifier: MIT
// What a kernel's epilogue takes in: activations and sums.
#include <algorithm>

#include "base/text.hpp"
#include "network/passes.hpp"
#include "network/rewriter.hpp"

namespace foldconv::host {
namespace {

// The operation with the activation behind it, where it ends in none so far.
std::optional<Operation> ending_in(const Operation& operation, const Activation& activation) {
  return std::visit(
      [&](const auto& node) -> std::optional<Operation> {
        if constexpr (requires { node.activation; } &&
                      !std::is_same_v<std::decay_t<decltype(node)>, op::Activate>) {
          if (node.activation != Activation::none) return std::nullopt;
          auto fused = node;
          fused.activation = activation;
          return fused;
        } else {
          return std::nullopt;
        }
      },
      operation);
}

// How many nodes each value's longest way from an input has.
std::vector<int> depths(const GraphData& graph) {
  std::vector<int> depth(graph.values.size(), 0);
  for (const GraphNode& node : graph.nodes) {
    int& own = depth[static_cast<std::size_t>(node.output)];
    for (const int input : node.inputs)
      own = std::max(own, depth[static_cast<std::size_t>(input)] + 1);
  }
  return depth;
}

// Products that each of the convolution's sums has.
std::int64_t products(const op::Conv& conv) {
  const Extents& w = conv.conv.weights.extents();
  return w[1] * w[2] * w[3];
}

}  // namespace

void activation_pass(GraphData& graph, Remarks& remarks) {
  Rewriter rewriter(graph);
  int fused_count = 0;
  for (std::size_t i = 0; i < rewriter.nodes(); ++i) {
    const auto* activate = as<op::Activate>(rewriter.node(i));
    if (!activate) continue;
    const int x = rewriter.node(i).inputs[0];
    if (!rewriter.used_once(x)) continue;
    const GraphNode& before = rewriter.producer(x);
    if (auto fused = ending_in(before.operation, activate->activation)) {
      rewriter.replace(i, std::move(*fused), before.inputs);
      ++fused_count;
    }
  }
  rewriter.compact();
  if (fused_count > 0)
    remarks.push_back({"activation", text(fused_count, " activations end what makes their input")});
}

void residual_pass(GraphData& graph, Remarks& remarks) {
  const std::vector<int> depth = depths(graph);
  Rewriter rewriter(graph);
  int fused_count = 0;
  for (std::size_t i = 0; i < rewriter.nodes(); ++i) {
    const GraphNode& node = rewriter.node(i);
    const auto* sum = as<op::Binary>(node);
    if (!sum || sum->kind != op::Binary::Kind::add) continue;
    const int a = node.inputs[0], b = node.inputs[1];
    if (a == b || rewriter.extents(a) != rewriter.extents(b)) continue;
    const op::Conv* taker = nullptr;
    int taken = -1, other = -1;
    for (const auto& [own, beside] : {std::pair{a, b}, {b, a}}) {
      const auto* conv = rewriter.sole_producer<op::Conv>(own);
      if (!conv || conv->activation != Activation::none ||
          rewriter.producer(own).inputs.size() != 1)
        continue;
      const auto rank = [&](int value, const op::Conv& of) {
        return std::pair(depth[static_cast<std::size_t>(value)], products(of));
      };
      if (taker && rank(own, *conv) <= rank(taken, *taker)) continue;
      taker = conv;
      taken = own;
      other = beside;
    }
    if (!taker) continue;
    op::Conv fused = *taker;
    fused.activation = sum->activation;
    rewriter.replace(i, std::move(fused), {rewriter.producer(taken).inputs[0], other});
    ++fused_count;
  }
  rewriter.compact();
  if (fused_count > 0)
    remarks.push_back({"residual", text(fused_count, " sums are the residual of a convolution")});
}

Status run_passes(GraphData& graph, const NetworkOptions& options, Remarks& remarks) {
  clean_pass(graph, remarks);
  if (options.fuse) pattern_pass(graph, remarks);
  if (!options.fuse && !options.fold) return {};
  if (Status status = affine_pass(graph, remarks); !status.ok()) return status;
  if (!options.fuse) return {};
  activation_pass(graph, remarks);
  residual_pass(graph, remarks);
  if (options.blocks) {
    block_pass(graph, remarks);
    stem_pass(graph, options.dtype, remarks);
    gate_pass(graph, options.dtype, remarks);
  }
  return {};
}

}  // namespace foldconv::host
