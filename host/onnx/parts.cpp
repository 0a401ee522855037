// SPDX-License-Identifier: MIT
// Operators that put tensors together, or take parts of them.
#include <algorithm>
#include <limits>

#include "base/text.hpp"
#include "onnx/known.hpp"
#include "onnx/operators.hpp"
#include "onnx/refusal.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx {
namespace {

using host::text;

// Of values that are known.
Operand sliced(const Operand& x, std::size_t axis, std::int64_t begin, std::int64_t end,
               std::int64_t step, Budget& budget) {
  Strided view = Strided::dense(extents_of(x));
  const SliceRange range = slice_range(view.extents[axis], begin, end, step);
  view.extents[axis] = range.elements;
  if (range.elements > 0) view.offset = range.begin * view.strides[axis];
  view.strides[axis] = range.elements > 1 ? view.strides[axis] * step : 0;
  return taken(x, view, budget);
}

Extents extents_in(Node& node, std::size_t index) {
  if (is_known(node.operand(index))) return extents_of(node.operand(index));
  return node.graph.extents(node.data(index));
}

}  // namespace

void import_concat(Node& node) {
  if (node.operands() == 0) reject("one operand or more", "none");
  if (!node.has_attribute("axis")) reject("axis is given", "it is not");
  const std::size_t axis = axis_of(node.integer("axis", 0), extents_in(node, 0).size());
  if (node.all_known()) {
    std::vector<Operand> parts;
    for (std::size_t i = 0; i < node.operands(); ++i) parts.push_back(node.operand(i));
    node.set(joined(parts, axis, node.budget));
    return;
  }
  std::vector<Value> parts;
  for (std::size_t i = 0; i < node.operands(); ++i) parts.push_back(node.data(i));
  node.set(node.graph.concat(parts, static_cast<int>(axis), node.result_name()));
}

void import_split(Node& node) {
  const Extents extents = extents_in(node, 0);
  const std::size_t axis = axis_of(node.integer("axis", 0), extents.size());
  const std::int64_t extent = extents[axis];
  auto sizes = node.attribute_or_operand("split", 1, 13);
  const std::int64_t parts = node.integer("num_outputs", static_cast<std::int64_t>(node.results()));
  if (!sizes) {
    if (extent < 0) {
      refuse("equal parts of a known extent", "it is open",
             "give the sizes, or fix the extents of the model's inputs");
    }
    if (parts < 1 || parts != static_cast<std::int64_t>(node.results())) {
      reject("num_outputs is the number of results", text(parts));
    }
    const std::int64_t size = (extent + parts - 1) / parts;
    sizes.emplace();
    for (std::int64_t i = 0; i < parts; ++i) {
      sizes->push_back(std::clamp<std::int64_t>(extent - i * size, 0, size));
    }
  }
  std::int64_t sum = 0;
  bool wrong = sizes->size() != node.results();
  for (const std::int64_t size : *sizes) {
    wrong |= size < 0 || __builtin_add_overflow(sum, size, &sum);
  }
  if (wrong || (extent >= 0 && sum != extent)) {
    reject("sizes for each result that add up to the extent",
           text(sizes->size(), " sizes for ", node.results(), " results of ", extent));
  }
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < sizes->size(); ++i) {
    const std::int64_t end = begin + (*sizes)[i];
    if (is_known(node.operand(0))) {
      node.set(sliced(node.operand(0), axis, begin, end, 1, node.budget), i);
    } else if (node.result_is_used(i)) {
      node.set(node.graph.slice(node.data(0), static_cast<int>(axis), begin, end, 1,
                                node.result_name(i)),
               i);
    }
    begin = end;
  }
}

void import_slice(Node& node) {
  const bool old = node.opset() < 10;
  const auto begins = node.attribute_or_operand("starts", 1, 10);
  const auto ends = node.attribute_or_operand("ends", 2, 10);
  auto axes = node.attribute_or_operand("axes", 3, 10);
  std::optional<std::vector<std::int64_t>> steps;
  if (!old && node.has(4)) steps = node.known_integers(4, "steps");
  if (!begins || !ends) reject("starts and ends are given", "they are not");
  const std::size_t count = begins->size();
  if (!axes) {
    axes.emplace();
    for (std::size_t i = 0; i < count; ++i) axes->push_back(static_cast<std::int64_t>(i));
  }
  if (!steps) steps.emplace(count, 1);
  if (ends->size() != count || axes->size() != count || steps->size() != count) {
    reject("as many starts as ends, axes and steps",
           text(count, ", ", ends->size(), ", ", axes->size(), ", ", steps->size()));
  }
  const std::size_t rank = extents_in(node, 0).size();
  if (is_known(node.operand(0))) {
    Operand x = node.operand(0);
    for (std::size_t i = 0; i < count; ++i) {
      x = sliced(x, axis_of((*axes)[i], rank), (*begins)[i], (*ends)[i], (*steps)[i], node.budget);
    }
    node.set(std::move(x));
    return;
  }
  Value x = node.data(0);
  if (count == 0) x = node.graph.identity(x, node.result_name());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name =
        i + 1 == count ? std::string(node.result_name()) : node.hidden(text("slice_", i));
    x = node.graph.slice(x, static_cast<int>(axis_of((*axes)[i], rank)), (*begins)[i], (*ends)[i],
                         (*steps)[i], name);
  }
  node.set(x);
}

void import_gather(Node& node) {
  const Operand& x = node.operand(0);
  if (!is_known(x)) {
    refuse("Gather of constants", "of data", "use Slice");
  }
  const Extents from = extents_of(x);
  const std::size_t axis = axis_of(node.integer("axis", 0), from.size());
  const Operand& given = node.operand(1);
  const Integers* indices = std::get_if<Integers>(&given);
  if (indices == nullptr) {
    refuse("indices that are integers of the file", "computed", "make them an initializer");
  }
  std::vector<Operand> parts;
  for (const Integer& index : indices->values) {
    if (index.kind != Integer::Kind::number || index.number < -from[axis] ||
        index.number >= from[axis]) {
      reject("indices inside the extent", text(index.number, " of ", from[axis]));
    }
    const std::int64_t at = index.number < 0 ? index.number + from[axis] : index.number;
    parts.push_back(sliced(x, axis, at, at + 1, 1, node.budget));
  }
  Extents to(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(axis));
  to.insert(to.end(), indices->extents.begin(), indices->extents.end());
  to.insert(to.end(), from.begin() + static_cast<std::ptrdiff_t>(axis) + 1, from.end());
  const Operand all =
      parts.empty() ? sliced(x, axis, 0, 0, 1, node.budget) : joined(parts, axis, node.budget);
  node.set(with_extents(all, std::move(to)));
}

void import_pad(Node& node) {
  const std::string mode = node.text("mode", "constant");
  if (mode != "constant") {
    refuse("mode constant", wire::printable(mode), "pad by a constant");
  }
  const Value x = node.data(0);
  const std::size_t rank = node.graph.extents(x).size();
  const auto pads = node.attribute_or_operand("pads", 1, 11);
  if (!pads) reject("pads are given", "they are not");
  float fill = 0;
  if (node.opset() < 11) {
    fill = node.number("value", 0);
  } else if (node.has(2)) {
    fill = node.scalar(2, "the padding's value");
  }
  std::vector<std::int64_t> axes;
  if (node.has(3)) {
    axes = node.known_integers(3, "axes");
  } else {
    for (std::size_t i = 0; i < rank; ++i) axes.push_back(static_cast<std::int64_t>(i));
  }
  if (pads->size() != 2 * axes.size()) {
    reject("two pads for each axis", text(pads->size(), " for ", axes.size(), " axes"));
  }
  std::vector<std::int64_t> before(rank, 0), behind(rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], rank);
    before[axis] = (*pads)[i];
    behind[axis] = (*pads)[i + axes.size()];
  }
  node.set(node.graph.pad(x, std::move(before), std::move(behind), fill, node.result_name()));
}

}  // namespace foldconv::onnx
