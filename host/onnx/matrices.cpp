// SPDX-License-Identifier: MIT
// Products with matrices of weights, and what follows them.
#include "base/text.hpp"
#include "onnx/known.hpp"
#include "onnx/operators.hpp"
#include "onnx/refusal.hpp"

namespace foldconv::onnx {
namespace {

using host::text;

// A matrix with its two extents exchanged.
Constant transposed(const Constant& matrix, Budget& budget) {
  const Extents& extents = matrix.extents();
  const Strided view{.extents = {extents[1], extents[0]}, .strides = {1, extents[1]}};
  return std::get<Constant>(taken(matrix, view, budget));
}

Constant scaled(const Constant& constant, float factor) {
  if (factor == 1) return constant;
  std::vector<float> values(constant.values().begin(), constant.values().end());
  for (float& value : values) value *= factor;
  return Constant(constant.extents(), std::move(values));
}

void check_matrix(const Constant& matrix) {
  if (matrix.extents().size() == 2) return;
  refuse("weights of 2 extents", to_string(matrix.extents()), "reshape them");
}

// c broadcast to [rows, k] as one bias a column; nothing where its rows differ.
Constant bias_of(const Constant& c, std::int64_t k, Budget& budget) {
  for (std::size_t axis = 0; axis + 1 < c.extents().size(); ++axis) {
    if (c.extents()[axis] != 1) return {};
  }
  const std::int64_t width = c.extents().empty() ? 1 : c.extents().back();
  if (c.extents().size() > 2 || (width != 1 && width != k)) return {};
  return std::get<Constant>(expanded(with_extents(c, {width}), {k}, budget));
}

}  // namespace

void import_gemm(Node& node) {
  Value a = node.data(0);
  if (node.graph.extents(a).size() != 2) {
    refuse("takes matrices", to_string(node.graph.extents(a)), "flatten the tensor before");
  }
  if (node.flag("transA", false)) a = node.graph.transpose(a, {1, 0}, node.hidden("a"));
  const float alpha = node.number("alpha", 1), beta = node.number("beta", 1);
  Constant weights = node.weights(1, "weights");
  check_matrix(weights);
  if (!node.flag("transB", false)) weights = transposed(weights, node.budget);
  weights = scaled(weights, alpha);
  const std::int64_t k = weights.extents()[0];
  LinearNode linear = {.weights = weights};
  if (!node.has(2)) {
    node.set(node.graph.linear(a, linear, node.result_name()));
    return;
  }
  Value addend;
  if (node.is_data(2)) {
    addend = node.data(2);
    if (beta != 1) {
      const Value factor =
          node.graph.constant(Constant({}, std::vector<float>{beta}), node.hidden("beta"));
      addend = node.graph.multiply(addend, factor, node.hidden("c"));
    }
  } else {
    const Constant c = scaled(node.weights(2, "the bias"), beta);
    linear.bias = bias_of(c, k, node.budget);
    if (linear.bias.given()) {
      node.set(node.graph.linear(a, linear, node.result_name()));
      return;
    }
    addend = node.graph.constant(c, node.hidden("c"));
  }
  const Value product = node.graph.linear(a, linear, node.hidden("product"));
  node.set(node.graph.add(product, addend, node.result_name()));
}

void import_mat_mul(Node& node) {
  const Value a = node.data(0);
  const Constant weights = node.weights(1, "the right operand's values");
  check_matrix(weights);
  const LinearNode linear = {.weights = transposed(weights, node.budget)};
  node.set(node.graph.linear(a, linear, node.result_name()));
}

void import_softmax(Node& node) {
  const Value x = node.data(0);
  const std::size_t rank = node.graph.extents(x).size();
  const bool flattens = node.opset() < 13;  // over all axes from `axis` on
  const std::size_t axis = axis_of(node.integer("axis", flattens ? 1 : -1), rank);
  if (!flattens || axis + 1 == rank) {
    node.set(node.graph.softmax(x, static_cast<int>(axis), node.result_name()));
    return;
  }
  // One axis that is not 1 is as good as all of them.
  const Extents extents = node.graph.extents(x);
  std::size_t wide = axis;
  int others = 0;
  for (std::size_t i = axis; i < rank; ++i) {
    if (extents[i] == 1) continue;
    wide = i;
    ++others;
  }
  if (others <= 1) {
    node.set(node.graph.softmax(x, static_cast<int>(wide), node.result_name()));
    return;
  }
  const Value flat = node.graph.flatten(x, static_cast<int>(axis), node.hidden("flat"));
  const Value shares = node.graph.softmax(flat, 1, node.hidden("shares"));
  std::vector<ReshapeExtent> as_before;
  for (std::size_t i = 0; i < rank; ++i) {
    as_before.push_back({.of = x, .axis = static_cast<int>(i)});
  }
  node.set(node.graph.reshape(shares, as_before, node.result_name()));
}

}  // namespace foldconv::onnx
