// SPDX-License-Identifier: MIT
// Operations on values that are known on the host: weights that are computed, and shapes.
#pragma once

#include <cstdint>
#include <vector>

#include "onnx/operand.hpp"

namespace foldconv::onnx {

// A way through the elements of a tensor: element i0, i1, .. is `offset` + sum of i * stride.
struct Strided {
  Extents extents;
  std::vector<std::int64_t> strides;
  std::int64_t offset = 0;

  static Strided dense(const Extents& extents);
};

// The elements of x in the order of `view`, which stays inside.
Operand taken(const Operand& x, const Strided& view, Budget& budget);

// Begin and number of elements of a slice: both ends as in Python.
struct SliceRange {
  std::int64_t begin = 0, elements = 0;
};
SliceRange slice_range(std::int64_t extent, std::int64_t begin, std::int64_t end,
                       std::int64_t step);

// The same elements with other extents, of the same product.
Operand with_extents(const Operand& x, Extents extents);

// Of one type, equal but for the extent of `axis`. Rejects others.
Operand joined(const std::vector<Operand>& parts, std::size_t axis, Budget& budget);

// Broadcast as NumPy does it. Rejects extents that do not fit.
Extents broadcast(const Extents& a, const Extents& b);
Operand expanded(const Operand& x, const Extents& extents, Budget& budget);

enum class Arithmetic { add, subtract, multiply, divide };
Operand computed(Arithmetic operation, const Operand& a, const Operand& b, Budget& budget);

// To TensorProto.DataType `type`.
Operand cast(const Operand& x, std::int32_t type);

}  // namespace foldconv::onnx
