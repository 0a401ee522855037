// SPDX-License-Identifier: MIT
// What a tensor of the file is to the importer: a tensor of the graph, or values that are known on the host.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "foldconv/graph.hpp"
#include "onnx/wire/external_data.hpp"

namespace foldconv::onnx {

// An element of an integer tensor: a number, an extent of a tensor of the graph that may be open, or
// something computed of such extents.
struct Integer {
  enum class Kind { number, extent, unknown };

  Kind kind = Kind::number;
  std::int64_t number = 0;
  Value of = {};  // extent: the axis of this tensor
  int axis = 0;

  static Integer of_number(std::int64_t number) {
    return {.kind = Kind::number, .number = number, .of = {}, .axis = 0};
  }
  static Integer of_extent(Value of, int axis) {
    return {.kind = Kind::extent, .number = 0, .of = of, .axis = axis};
  }
  static Integer unknown() { return {.kind = Kind::unknown, .number = 0, .of = {}, .axis = 0}; }

  bool is(std::int64_t value) const { return kind == Kind::number && number == value; }
};

struct Integers {
  Extents extents;
  std::vector<Integer> values;
};

// Of a node that was refused.
struct Unknown {};

using Operand = std::variant<Unknown, Value, Constant, Integers>;

inline bool is_known(const Operand& x) {
  return std::holds_alternative<Constant>(x) || std::holds_alternative<Integers>(x);
}

// Elements that the importer may compute: ConstantOfShape and Expand take few bytes to ask for many.
class Budget {
 public:
  explicit Budget(std::int64_t elements) : left_(elements) {}
  // The product of these extents, spent.
  std::size_t spend(const Extents& extents);

 private:
  std::int64_t left_;
};

// The values of a tensor of the file: fp32 for types of floats, integers for all others.
Operand operand_of(const wire::TensorProto& tensor, wire::TensorFiles& files);

// "1x3x224x224" and the like; empty where nothing is known.
std::string shape_text(const Operand& x, const Graph& graph);

// Extents of values that are known.
const Extents& extents_of(const Operand& known);

}  // namespace foldconv::onnx
