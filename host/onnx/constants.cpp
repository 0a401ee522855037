// SPDX-License-Identifier: MIT
// Operators whose results are known on the host.
#include <algorithm>

#include "base/text.hpp"
#include "onnx/known.hpp"
#include "onnx/operators.hpp"
#include "onnx/refusal.hpp"

namespace foldconv::onnx {
namespace {

using host::text;

Operand list_of(const std::vector<std::int64_t>& numbers, Extents extents) {
  Integers list{.extents = std::move(extents), .values = {}};
  for (const std::int64_t number : numbers) list.values.push_back(Integer::of_number(number));
  return list;
}

}  // namespace

void import_constant(Node& node) {
  if (node.has_attribute("value")) {
    node.set(node.tensor("value"));
  } else if (node.has_attribute("value_float")) {
    node.set(Constant({}, std::vector<float>{node.number("value_float", 0)}));
  } else if (node.has_attribute("value_floats")) {
    std::vector<float> values = node.numbers("value_floats");
    const Extents extents = {std::ssize(values)};
    node.set(Constant(extents, std::move(values)));
  } else if (node.has_attribute("value_int")) {
    node.set(list_of({node.integer("value_int", 0)}, {}));
  } else if (node.has_attribute("value_ints")) {
    const auto values = node.integers("value_ints").value_or(std::vector<std::int64_t>());
    node.set(list_of(values, {std::ssize(values)}));
  } else {
    refuse("constants that are dense numbers", "text, a sparse tensor or nothing",
           "store a dense tensor");
  }
}

void import_constant_of_shape(Node& node) {
  const Extents extents = node.known_integers(0, "the shape's elements");
  Operand value = Constant({1}, std::vector<float>{0});
  if (node.has_attribute("value")) value = node.tensor("value");
  std::int64_t elements = 1;
  for (const std::int64_t extent : extents_of(value)) elements *= extent;
  if (elements != 1) reject("value has one element", to_string(extents_of(value)));
  node.set(expanded(with_extents(value, {}), extents, node.budget));
}

void import_shape(Node& node) {
  const bool known = is_known(node.operand(0));
  const Value x = known ? Value{} : node.data(0);
  const Extents extents = known ? extents_of(node.operand(0)) : node.graph.extents(x);
  const std::int64_t rank = std::ssize(extents);
  const auto placed = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t begin = placed(node.integer("start", 0));
  const std::int64_t end = placed(node.integer("end", rank));
  Integers shape{.extents = {std::max<std::int64_t>(end - begin, 0)}, .values = {}};
  for (std::int64_t axis = begin; axis < end; ++axis) {
    const std::int64_t extent = extents[static_cast<std::size_t>(axis)];
    shape.values.push_back(extent == kOpen ? Integer::of_extent(x, static_cast<int>(axis))
                                           : Integer::of_number(extent));
  }
  node.set(std::move(shape));
}

}  // namespace foldconv::onnx
