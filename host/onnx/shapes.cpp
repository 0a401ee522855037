// SPDX-License-Identifier: MIT
// Operators that give a tensor other extents, or its axes another order.
#include <algorithm>
#include <numeric>

#include "base/text.hpp"
#include "onnx/known.hpp"
#include "onnx/operators.hpp"
#include "onnx/refusal.hpp"

namespace foldconv::onnx {
namespace {

using host::text;

// A constant reshaped to numbers, of which one may be -1 and those that are 0 stay.
Operand reshaped(const Operand& x, const std::vector<Integer>& shape, bool zero_is_zero) {
  const Extents& from = extents_of(x);
  Extents to;
  std::int64_t product = 1, elements = 1;
  std::optional<std::size_t> left;
  for (const std::int64_t extent : from) elements *= extent;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].kind != Integer::Kind::number) {
      refuse("shapes of constants that are known", "an extent is open",
             "fix the extents of the model's inputs");
    }
    std::int64_t extent = shape[i].number;
    if (extent == 0 && !zero_is_zero && i < from.size()) extent = from[i];
    if (extent == -1 && !left) {
      left = i;
      extent = 1;
    }
    if (extent < 0 || __builtin_mul_overflow(product, extent, &product)) {
      reject("extents of 0 or more, and one -1", text(shape[i].number));
    }
    to.push_back(extent);
  }
  if (left && product > 0) to[*left] = elements / product;
  return with_extents(x, std::move(to));
}

ReshapeExtent same_extent(Value x, std::size_t axis) {
  return {.of = x, .axis = static_cast<int>(axis)};
}

}  // namespace

void import_flatten(Node& node) {
  const Value x = node.data(0);
  const std::size_t rank = node.graph.extents(x).size();
  std::int64_t axis = node.integer("axis", 1);
  if (axis != static_cast<std::int64_t>(rank)) {
    axis = static_cast<std::int64_t>(axis_of(axis, rank));
  }
  node.set(node.graph.flatten(x, static_cast<int>(axis), node.result_name()));
}

void import_reshape(Node& node) {
  const bool zero_is_zero = node.flag("allowzero", false);
  const std::vector<Integer> shape = node.shape(1, "the shape's elements");
  if (is_known(node.operand(0))) {
    node.set(reshaped(node.operand(0), shape, zero_is_zero));
    return;
  }
  const Value x = node.data(0);
  const std::size_t rank = node.graph.extents(x).size();
  std::vector<ReshapeExtent> extents;
  bool rest = false;  // an extent that is what the others leave
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const Integer& element = shape[i];
    if (element.kind == Integer::Kind::extent) {
      extents.push_back({.of = element.of, .axis = element.axis});
    } else if (element.kind == Integer::Kind::unknown || element.number == -1) {
      if (rest) {
        refuse("one extent that is left to be found", "two",
               "fix the extents of the model's inputs");
      }
      rest = true;
      extents.push_back({.value = kOpen});
    } else if (element.number == 0 && !zero_is_zero) {
      if (i >= rank) reject("0 for an axis that the operand has", text("axis ", i, " of ", rank));
      extents.push_back(same_extent(x, i));
    } else if (element.number > 0) {
      extents.push_back({.value = element.number});
    } else {
      refuse("extents of 1 or more", text(element.number), "give such extents");
    }
  }
  node.set(node.graph.reshape(x, extents, node.result_name()));
}

void import_squeeze(Node& node) {
  const auto axes = node.attribute_or_operand("axes", 1, 13);
  const bool known = is_known(node.operand(0));
  const Value x = known ? Value{} : node.data(0);
  const Extents from = known ? extents_of(node.operand(0)) : node.graph.extents(x);
  std::vector<bool> gone(from.size(), false);
  for (std::size_t i = 0; i < from.size(); ++i) gone[i] = !axes && from[i] == 1;
  if (!axes && std::ranges::count(from, kOpen) != 0) {
    refuse("axes to squeeze", "none, and an extent is open", "name the axes");
  }
  for (const std::int64_t axis : axes.value_or(std::vector<std::int64_t>())) {
    const std::size_t at = axis_of(axis, from.size());
    if (from[at] != 1 && from[at] != kOpen) {
      reject("extents of 1 to squeeze", text("axis ", axis, " of ", to_string(from)));
    }
    gone[at] = true;
  }
  Extents to;
  std::vector<ReshapeExtent> extents;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (gone[i]) continue;
    to.push_back(from[i]);
    extents.push_back(same_extent(x, i));
  }
  if (known) {
    node.set(with_extents(node.operand(0), std::move(to)));
  } else {
    node.set(node.graph.reshape(x, extents, node.result_name()));
  }
}

void import_unsqueeze(Node& node) {
  const auto axes = node.attribute_or_operand("axes", 1, 13);
  if (!axes) reject("axes are given", "they are not");
  const bool known = is_known(node.operand(0));
  const Value x = known ? Value{} : node.data(0);
  const Extents from = known ? extents_of(node.operand(0)) : node.graph.extents(x);
  const std::size_t rank = from.size() + axes->size();
  std::vector<bool> added(rank, false);
  for (const std::int64_t axis : *axes) {
    const std::size_t at = axis_of(axis, rank);
    if (added[at]) reject("each axis once", text("axis ", axis));
    added[at] = true;
  }
  Extents to;
  std::vector<ReshapeExtent> extents;
  for (std::size_t i = 0, old = 0; i < rank; ++i) {
    to.push_back(added[i] ? 1 : from[old]);
    extents.push_back(added[i] ? ReshapeExtent{.value = 1} : same_extent(x, old));
    if (!added[i]) ++old;
  }
  if (known) {
    node.set(with_extents(node.operand(0), std::move(to)));
  } else {
    node.set(node.graph.reshape(x, extents, node.result_name()));
  }
}

void import_transpose(Node& node) {
  const bool known = is_known(node.operand(0));
  const Value x = known ? Value{} : node.data(0);
  const Extents from = known ? extents_of(node.operand(0)) : node.graph.extents(x);
  std::vector<int> order;
  if (const auto perm = node.integers("perm")) {
    for (const std::int64_t axis : *perm) order.push_back(to_int(axis, "perm"));
  } else {
    for (std::size_t i = from.size(); i-- > 0;) order.push_back(static_cast<int>(i));
  }
  if (!known) {
    node.set(node.graph.transpose(x, order, node.result_name()));
    return;
  }
  std::vector<int> sorted = order, all(from.size());
  std::ranges::sort(sorted);
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all) reject("perm names each axis once", to_string(from));
  const Strided dense = Strided::dense(from);
  Strided view;
  for (const int axis : order) {
    view.extents.push_back(from[static_cast<std::size_t>(axis)]);
    view.strides.push_back(dense.strides[static_cast<std::size_t>(axis)]);
  }
  node.set(taken(node.operand(0), view, node.budget));
}

void import_expand(Node& node) {
  if (!is_known(node.operand(0))) {
    refuse("Expand of constants", "of data", "broadcast in the operation that follows");
  }
  const Extents to = node.known_integers(1, "the shape's elements");
  node.set(expanded(node.operand(0), to, node.budget));
}

}  // namespace foldconv::onnx
