// SPDX-License-Identifier: MIT
#include "graph/extent_table.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"

namespace foldconv::host {
namespace {

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();  // has no value

}  // namespace

SliceRange slice_range(std::int64_t extent, std::int64_t begin, std::int64_t end,
                       std::int64_t step) {
  // As Python's slice.indices().
  const std::int64_t lowest = step > 0 ? 0 : -1, highest = step > 0 ? extent : extent - 1;
  const auto place = [&](std::int64_t index) {
    if (index < 0) index = index < -extent ? lowest : index + extent;
    return std::clamp(index, lowest, highest);
  };
  const std::int64_t first = place(begin), last = place(end);
  // Only its size counts, which for the least number cannot be had by negation.
  const std::int64_t stride = step == kNone ? std::numeric_limits<std::int64_t>::max()
                              : step < 0    ? -step
                                            : step;
  const std::int64_t reach = step > 0 ? last - first : first - last;
  return {first, reach <= 0 ? 0 : (reach - 1) / stride + 1};
}

std::int64_t window_count(std::int64_t d, const WindowRule& rule) {
  const std::int64_t room = d + rule.grow;
  if (room < 0) return 0;
  if (!rule.ceil_mode) return room / rule.stride + 1;
  std::int64_t count = ceil_div(room, rule.stride) + 1;
  if ((count - 1) * rule.stride >= d + rule.begin) --count;
  return count;
}

SymbolicExtent ExtentTable::make(Expression expression) {
  const auto [found, fresh] =
      numbers_.try_emplace(expression, -1 - static_cast<SymbolicExtent>(expressions_.size()));
  if (fresh) expressions_.push_back(std::move(expression));
  return found->second;
}

SymbolicExtent ExtentTable::open(int input, int axis) {
  return make({Kind::open, {input, axis}});
}

SymbolicExtent ExtentTable::window(SymbolicExtent d, const WindowRule& rule) {
  if (d >= 0) return window_count(d, rule);
  if (rule.stride == 1) return plus(d, rule.grow + 1);
  const std::int64_t begin = rule.ceil_mode ? rule.begin : 0;  // of no effect else
  return make({Kind::window, {d, rule.grow, rule.stride, rule.ceil_mode, begin}});
}

SymbolicExtent ExtentTable::times(SymbolicExtent d, std::int64_t factor) {
  const std::int64_t factors[] = {d, factor};
  return quotient(factors, {});
}

SymbolicExtent ExtentTable::plus(SymbolicExtent d, std::int64_t number) {
  if (d >= 0) return std::max<std::int64_t>(d + number, 0);
  // Sums of sums are one.
  const Expression& of = expressions_[static_cast<std::size_t>(-1 - d)];
  if (of.kind == Kind::plus) {
    number += of.arguments[1];
    d = of.arguments[0];
  }
  if (number == 0) return d;
  return make({Kind::plus, {d, number}});
}

SymbolicExtent ExtentTable::sum(SymbolicExtent a, SymbolicExtent b) {
  if (a >= 0 && b >= 0) return a + b;
  if (a == 0 || b == 0) return a + b;
  return make({Kind::sum, {std::min(a, b), std::max(a, b)}});
}

SymbolicExtent ExtentTable::broadcast(SymbolicExtent a, SymbolicExtent b) {
  if (a == b || b == 1) return a;
  if (a == 1) return b;
  if (a >= 0) return a;
  if (b >= 0) return b;
  return make({Kind::broadcast, {std::min(a, b), std::max(a, b)}});
}

SymbolicExtent ExtentTable::slice(SymbolicExtent d, std::int64_t begin, std::int64_t end,
                                  std::int64_t step) {
  if (d >= 0) return slice_range(d, begin, end, step).count;
  constexpr std::int64_t kBehindAll = std::int64_t{1} << 31;
  if (begin == 0 && step == 1 && end >= kBehindAll) return d;
  return make({Kind::slice, {d, begin, end, step}});
}

SymbolicExtent ExtentTable::quotient(std::span<const SymbolicExtent> above,
                                     std::span<const SymbolicExtent> below) {
  std::int64_t numbers_above = 1, numbers_below = 1;
  std::vector<SymbolicExtent> factors;
  for (const SymbolicExtent d : above) {
    if (d < 0)
      factors.push_back(d);
    else
      numbers_above = checked_product({numbers_above, d}).value_or(0);
  }
  std::vector<SymbolicExtent> divisors;
  for (const SymbolicExtent d : below) {
    if (d >= 0) {
      numbers_below = checked_product({numbers_below, d}).value_or(0);
      continue;
    }
    const auto same = std::ranges::find(factors, d);
    if (same != factors.end()) {
      factors.erase(same);
    } else {
      divisors.push_back(d);
    }
  }
  if (numbers_below != 0 && numbers_above % numbers_below == 0) {
    numbers_above /= numbers_below;
    numbers_below = 1;
  }
  if (factors.empty() && divisors.empty()) return numbers_below == 1 ? numbers_above : 0;
  if (factors.size() == 1 && divisors.empty() && numbers_above == 1 && numbers_below == 1)
    return factors.front();
  std::ranges::sort(factors);
  std::ranges::sort(divisors);
  // How many factors, then factors and divisors.
  Expression expression = {Kind::quotient, {numbers_above, numbers_below, std::ssize(factors)}};
  for (const auto& list : {factors, divisors})
    expression.arguments.insert(expression.arguments.end(), list.begin(), list.end());
  return make(std::move(expression));
}

void ExtentTable::require(SymbolicExtent d, std::int64_t wanted, std::string what) {
  if (d < 0) requirements_.push_back({d, wanted, std::move(what)});
}

Extents ExtentTable::known(const SymbolicExtents& extents) {
  Extents result = extents;
  for (std::int64_t& d : result) d = std::max(d, kOpen);
  return result;
}

std::int64_t ExtentTable::compute(const Expression& expression,
                                  std::span<const std::int64_t> values) {
  const auto argument = [&](std::size_t i) { return expression.arguments[i]; };
  const auto value = [&](std::size_t i) { return value_of(argument(i), values); };
  switch (expression.kind) {
    case Kind::open:
      return kNone;  // evaluate() knows
    case Kind::window:
      return window_count(value(0), {argument(1), argument(2), argument(3) != 0, argument(4)});
    case Kind::plus:
      return value(0) + argument(1);
    case Kind::sum:
      return value(0) + value(1);
    case Kind::broadcast: {
      const std::int64_t a = value(0), b = value(1);
      return a == b || b == 1 ? a : a == 1 ? b : kNone;
    }
    case Kind::slice:
      return slice_range(value(0), argument(1), argument(2), argument(3)).count;
    case Kind::quotient: {
      std::int64_t above = argument(0), below = argument(1);
      const std::size_t factors = static_cast<std::size_t>(argument(2));
      for (std::size_t i = 3; i < expression.arguments.size(); ++i) {
        std::int64_t& side = i < 3 + factors ? above : below;
        if (__builtin_mul_overflow(side, value(i), &side)) return kNone;
      }
      return below == 0 || above % below != 0 ? kNone : above / below;
    }
  }
  return kNone;
}

Result<std::vector<std::int64_t>> ExtentTable::evaluate(std::span<const Extents> inputs) const {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  std::vector<std::int64_t> values;
  for (const Expression& expression : expressions_) {
    std::int64_t value = 0;
    if (expression.kind == Kind::open) {
      const auto input = static_cast<std::size_t>(expression.arguments[0]);
      value = inputs[input][static_cast<std::size_t>(expression.arguments[1])];
    } else {
      value = compute(expression, values);
    }
    if (value < 1 || value >= kMost) {
      return invalid(
          "an extent of a tensor is not between 1 and 2^31 - 1 for these inputs",
          value == kNone ? "none: what is broadcast or reshaped does not fit" : text(value),
          "use inputs of other extents");
    }
    values.push_back(value);
  }
  for (const Requirement& requirement : requirements_) {
    const std::int64_t is = value_of(requirement.d, values);
    if (is == requirement.wanted) continue;
    return invalid(text(requirement.what, " does not fit these inputs"), text(is),
                   text("use inputs that make it ", requirement.wanted));
  }
  return values;
}

}  // namespace foldconv::host
