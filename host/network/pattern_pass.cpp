// SPDX-License-Identifier: MIT
#include <cmath>
#include <optional>

#include "base/text.hpp"
#include "network/passes.hpp"
#include "network/rewriter.hpp"

namespace foldconv::host {
namespace {

// Exporters write a sixth with the digits of a float.
bool close_to(float value, double wanted) {
  return std::abs(value - wanted) <= 1e-6;
}

// The number that `value` is, whatever its extents.
std::optional<float> number(Rewriter& rewriter, int value) {
  const Constant* constant = rewriter.known(value);
  if (!constant || constant->values().size() != 1) return std::nullopt;
  return constant->values()[0];
}

template <op::Binary::Kind kKind>
bool is_binary(const GraphNode& node) {
  const auto* binary = as<op::Binary>(node);
  return binary && binary->kind == kKind && binary->activation == Activation::none;
}
constexpr auto is_sum = is_binary<op::Binary::Kind::add>;
constexpr auto is_product = is_binary<op::Binary::Kind::multiply>;

// The other operand of a sum or product with the number `wanted`, or -1.
int beside_number(Rewriter& rewriter, const GraphNode& node, double wanted) {
  for (const int side : {0, 1}) {
    const auto is = number(rewriter, node.inputs[static_cast<std::size_t>(side)]);
    if (is && close_to(*is, wanted)) return node.inputs[static_cast<std::size_t>(1 - side)];
  }
  return -1;
}

// clip(x + 3, 0, 6), by which x is multiplied: whether `value` is that, and nothing else reads it.
bool is_hard_step(Rewriter& rewriter, int value, int x) {
  const auto* clip = rewriter.sole_producer<op::Activate>(value);
  if (!clip) return false;
  const Activation& act = clip->activation;
  if (act != Activation::relu6 && act != Activation::clip(0, 6)) return false;
  const int sum = rewriter.producer(value).inputs[0];
  return rewriter.used_once(sum) && is_sum(rewriter.producer(sum)) &&
         beside_number(rewriter, rewriter.producer(sum), 3) == x;
}

// What x * gate is, where the gate is a function of x alone.
std::optional<Activation> gated(Rewriter& rewriter, int x, int gate) {
  const auto* activate = rewriter.sole_producer<op::Activate>(gate);
  if (activate && rewriter.producer(gate).inputs[0] == x) {
    const Activation& act = activate->activation;
    if (act == Activation::sigmoid) return Activation::silu;
    if (act.kind == Activation::Kind::hard_sigmoid && close_to(act.alpha, 1.0 / 6) &&
        close_to(act.beta, 0.5)) {
      return Activation::hardswish;
    }
  }
  // x * (clip(x + 3, 0, 6) / 6)
  if (rewriter.used_once(gate) && is_product(rewriter.producer(gate))) {
    const int step = beside_number(rewriter, rewriter.producer(gate), 1.0 / 6);
    if (step >= 0 && is_hard_step(rewriter, step, x)) return Activation::hardswish;
  }
  return std::nullopt;
}

// What the product is an activation of, and which.
struct Pattern {
  int x;
  Activation activation;
};
std::optional<Pattern> match(Rewriter& rewriter, const GraphNode& product) {
  for (const std::size_t side : {0u, 1u}) {
    const int x = product.inputs[side];
    if (const auto activation = gated(rewriter, x, product.inputs[1 - side]))
      return Pattern{x, *activation};
  }
  // (x * clip(x + 3, 0, 6)) / 6
  const int inner = beside_number(rewriter, product, 1.0 / 6);
  if (inner < 0 || !rewriter.used_once(inner) || !is_product(rewriter.producer(inner)))
    return std::nullopt;
  const GraphNode& before = rewriter.producer(inner);
  for (const std::size_t side : {0u, 1u}) {
    const int x = before.inputs[side];
    if (is_hard_step(rewriter, before.inputs[1 - side], x))
      return Pattern{x, Activation::hardswish};
  }
  return std::nullopt;
}

}  // namespace

void pattern_pass(GraphData& graph, Remarks& remarks) {
  Rewriter rewriter(graph);
  int found = 0;
  for (std::size_t i = 0; i < rewriter.nodes(); ++i) {
    if (rewriter.dead(i) || !is_product(rewriter.node(i))) continue;
    const auto pattern = match(rewriter, rewriter.node(i));
    // Constants of more extents make the product's more, too.
    if (pattern && rewriter.extents(pattern->x) == rewriter.extents(rewriter.node(i).output)) {
      rewriter.replace(i, op::Activate{pattern->activation}, {pattern->x});
      ++found;
    }
  }
  rewriter.compact();
  if (found > 0)
    remarks.push_back({"patterns", text(found, " products are silu or hardswish of one tensor")});
}

}  // namespace foldconv::host
