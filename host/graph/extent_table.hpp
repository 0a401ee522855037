// SPDX-License-Identifier: MIT
// Extents of tensors as expressions of those that are open until plan(). Equal expressions are the same extent, so that
// shapes can be told equal before they are known.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "foldconv/graph.hpp"

namespace foldconv::host {

// A known extent, 0 or more; or the number of an expression, -1 - number.
using SymbolicExtent = std::int64_t;
using SymbolicExtents = std::vector<SymbolicExtent>;

// (d + grow) / stride + 1, rounded down; or up, where a window that would begin at `limit` = d + begin or behind it is
// dropped.
struct WindowRule {
  std::int64_t grow = 0, stride = 1;
  bool ceil_mode = false;
  std::int64_t begin = 0;
};

class ExtentTable {
 public:
  SymbolicExtent open(int input, int axis);
  SymbolicExtent window(SymbolicExtent d, const WindowRule& rule);
  SymbolicExtent times(SymbolicExtent d, std::int64_t factor);
  SymbolicExtent plus(SymbolicExtent d, std::int64_t number);  // which may be negative
  SymbolicExtent sum(SymbolicExtent a, SymbolicExtent b);
  // Of two extents that NumPy broadcasts. That they fit is for the operation to check.
  SymbolicExtent broadcast(SymbolicExtent a, SymbolicExtent b);
  // Elements of a slice.
  SymbolicExtent slice(SymbolicExtent d, std::int64_t begin, std::int64_t end, std::int64_t step);
  // The product of `above` through the product of `below`; 0 where they are known, and that does not divide.
  SymbolicExtent quotient(std::span<const SymbolicExtent> above,
                          std::span<const SymbolicExtent> below);

  // evaluate() fails unless d is `wanted`; `what` says whose extent it is.
  void require(SymbolicExtent d, std::int64_t wanted, std::string what);

  // kOpen where an extent is not known.
  static Extents known(const SymbolicExtents& extents);

  // The values of all expressions, by number, when inputs have `inputs`. Errors: invalid_argument: an expression that
  // has no value, or none from 1 to 2^31 - 1; one that is not what is required.
  Result<std::vector<std::int64_t>> evaluate(std::span<const Extents> inputs) const;
  static std::int64_t value_of(SymbolicExtent d, std::span<const std::int64_t> values) {
    return d >= 0 ? d : values[static_cast<std::size_t>(-1 - d)];
  }

 private:
  enum class Kind { open, window, plus, sum, broadcast, slice, quotient };
  struct Expression {
    Kind kind;
    std::vector<std::int64_t> arguments;
    friend auto operator<=>(const Expression&, const Expression&) = default;
  };
  SymbolicExtent make(Expression expression);
  static std::int64_t compute(const Expression& expression, std::span<const std::int64_t> values);

  struct Requirement {
    SymbolicExtent d;
    std::int64_t wanted;
    std::string what;
  };

  std::vector<Expression> expressions_;
  std::map<Expression, SymbolicExtent> numbers_;
  std::vector<Requirement> requirements_;
};

// By a slice's rules of an axis of `extent` elements: the first one and how many.
struct SliceRange {
  std::int64_t begin, count;
};
SliceRange slice_range(std::int64_t extent, std::int64_t begin, std::int64_t end,
                       std::int64_t step);

// Windows along an axis of a pool or convolution; negative or 0 where none fits.
std::int64_t window_count(std::int64_t d, const WindowRule& rule);

}  // namespace foldconv::host
