// SPDX-License-Identifier: MIT
#include "onnx/known.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "foldconv/tensor.hpp"
#include "onnx/refusal.hpp"
#include "onnx/wire/elements.hpp"

namespace foldconv::onnx {
namespace {

using host::text;

// Calls `each` with the place of each element, in order.
template <class Each>
void walk(const Strided& view, Each&& each) {
  const std::size_t rank = view.extents.size();
  for (const std::int64_t extent : view.extents) {
    if (extent == 0) return;
  }
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t place = view.offset;
  for (;;) {
    each(static_cast<std::size_t>(place));
    std::size_t axis = rank;
    for (;;) {
      if (axis-- == 0) return;
      place += view.strides[axis];
      if (++index[axis] < view.extents[axis]) break;
      place -= view.strides[axis] * view.extents[axis];
      index[axis] = 0;
    }
  }
}

template <class Element>
std::vector<Element> gathered(std::span<const Element> from, const Strided& view,
                              std::size_t elements) {
  std::vector<Element> values;
  values.reserve(elements);
  walk(view, [&](std::size_t place) { values.push_back(from[place]); });
  return values;
}

// x as if it had these extents.
Strided broadcast_view(const Extents& x, const Extents& extents) {
  Strided view{.extents = extents, .strides = std::vector<std::int64_t>(extents.size(), 0)};
  const Strided dense = Strided::dense(x);
  const std::size_t missing = extents.size() - x.size();
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    if (x[axis] != 1) view.strides[missing + axis] = dense.strides[axis];
  }
  return view;
}

float applied(Arithmetic operation, float a, float b) {
  switch (operation) {
    case Arithmetic::add:
      return a + b;
    case Arithmetic::subtract:
      return a - b;
    case Arithmetic::multiply:
      return a * b;
    case Arithmetic::divide:
      return a / b;
  }
  return 0;
}

Integer applied(Arithmetic operation, const Integer& a, const Integer& b) {
  if (a.kind != Integer::Kind::number || b.kind != Integer::Kind::number) {
    switch (operation) {  // what leaves an extent as it is
      case Arithmetic::add:
        return a.is(0) ? b : b.is(0) ? a : Integer::unknown();
      case Arithmetic::subtract:
        return b.is(0) ? a : Integer::unknown();
      case Arithmetic::multiply:
        return a.is(1) ? b : b.is(1) ? a : Integer::unknown();
      case Arithmetic::divide:
        return b.is(1) ? a : Integer::unknown();
    }
  }
  const std::int64_t x = a.number, y = b.number;
  std::int64_t result = 0;
  bool overflows = false;
  switch (operation) {
    case Arithmetic::add:
      overflows = __builtin_add_overflow(x, y, &result);
      break;
    case Arithmetic::subtract:
      overflows = __builtin_sub_overflow(x, y, &result);
      break;
    case Arithmetic::multiply:
      overflows = __builtin_mul_overflow(x, y, &result);
      break;
    case Arithmetic::divide:
      if (y == 0) reject("no division of integers by 0", text(x, " / 0"));
      overflows = __builtin_sub_overflow(0, x, &result) && y == -1;
      if (!overflows) result = x / y;
      break;
  }
  if (overflows) reject("integers of 64 bits", text(x, " and ", y, " overflow"));
  return Integer::of_number(result);
}

}  // namespace

Strided Strided::dense(const Extents& extents) {
  Strided view{.extents = extents, .strides = std::vector<std::int64_t>(extents.size(), 1)};
  for (std::size_t axis = extents.size(); axis-- > 1;) {
    view.strides[axis - 1] = view.strides[axis] * extents[axis];
  }
  return view;
}

Operand taken(const Operand& x, const Strided& view, Budget& budget) {
  const std::size_t elements = budget.spend(view.extents);
  if (const Integers* integers = std::get_if<Integers>(&x)) {
    return Integers{.extents = view.extents,
                    .values = gathered<Integer>(integers->values, view, elements)};
  }
  return Constant(view.extents, gathered(std::get<Constant>(x).values(), view, elements));
}

SliceRange slice_range(std::int64_t extent, std::int64_t begin, std::int64_t end,
                       std::int64_t step) {
  if (step == 0) reject("steps other than 0", "0");
  const auto placed = [&](std::int64_t at, std::int64_t least, std::int64_t most) {
    return std::clamp(at < 0 ? at + extent : at, least, most);
  };
  if (step > 0) {
    const std::int64_t from = placed(begin, 0, extent), to = placed(end, 0, extent);
    return {.begin = from, .elements = to <= from ? 0 : (to - from - 1) / step + 1};
  }
  const std::int64_t from = placed(begin, -1, extent - 1), to = placed(end, -1, extent - 1);
  return {.begin = from, .elements = to >= from ? 0 : (to - from + 1) / step + 1};
}

Operand with_extents(const Operand& x, Extents extents) {
  std::int64_t before = 1, after = 1;
  for (const std::int64_t extent : extents_of(x)) before *= extent;
  bool overflows = false;
  for (const std::int64_t extent : extents) {
    overflows |= extent < 0 || __builtin_mul_overflow(after, extent, &after);
  }
  if (overflows || before != after) {
    reject("extents of as many elements",
           text(to_string(extents_of(x)), " -> ", to_string(extents)));
  }
  if (const Integers* integers = std::get_if<Integers>(&x)) {
    return Integers{.extents = std::move(extents), .values = integers->values};
  }
  const Constant& constant = std::get<Constant>(x);
  return Constant(std::move(extents), constant.values(),
                  std::make_shared<const Constant>(constant));
}

Operand joined(const std::vector<Operand>& parts, std::size_t axis, Budget& budget) {
  Extents extents = extents_of(parts[0]);
  extents[axis] = 0;
  for (const Operand& part : parts) {
    const Extents& its = extents_of(part);
    bool fits = its.size() == extents.size() && part.index() == parts[0].index();
    for (std::size_t i = 0; fits && i < its.size(); ++i) fits = i == axis || its[i] == extents[i];
    if (!fits) {
      reject("parts of one type that differ along one axis only",
             text(to_string(extents_of(parts[0])), " and ", to_string(its), ", axis ", axis));
    }
    if (__builtin_add_overflow(extents[axis], its[axis], &extents[axis])) {
      reject("extents of 64 bits", to_string(its));
    }
  }
  const std::size_t elements = budget.spend(extents);
  std::int64_t rows = 1;
  for (std::size_t i = 0; i < axis; ++i) rows *= extents[i];
  const auto join = [&](auto values_of, auto values) {
    values.reserve(elements);
    for (std::int64_t row = 0; elements != 0 && row < rows; ++row) {
      for (const Operand& part : parts) {
        const auto from = values_of(part);
        const std::int64_t width = std::ssize(from) / rows;
        values.insert(values.end(), from.begin() + row * width, from.begin() + (row + 1) * width);
      }
    }
    return values;
  };
  if (std::holds_alternative<Integers>(parts[0])) {
    const auto values_of = [](const Operand& part) {
      return std::span<const Integer>(std::get<Integers>(part).values);
    };
    return Integers{.extents = extents, .values = join(values_of, std::vector<Integer>())};
  }
  const auto values_of = [](const Operand& part) { return std::get<Constant>(part).values(); };
  return Constant(extents, join(values_of, std::vector<float>()));
}

Extents broadcast(const Extents& a, const Extents& b) {
  Extents result(std::max(a.size(), b.size()), 1);
  for (const Extents* extents : {&a, &b}) {
    const std::size_t missing = result.size() - extents->size();
    for (std::size_t axis = 0; axis < extents->size(); ++axis) {
      std::int64_t& extent = result[missing + axis];
      const std::int64_t its = (*extents)[axis];
      if (extent != 1 && its != 1 && extent != its) {
        reject("extents that broadcast", text(to_string(a), " and ", to_string(b)));
      }
      if (its != 1) extent = its;
    }
  }
  return result;
}

Operand expanded(const Operand& x, const Extents& extents, Budget& budget) {
  return taken(x, broadcast_view(extents_of(x), broadcast(extents_of(x), extents)), budget);
}

Operand computed(Arithmetic operation, const Operand& a, const Operand& b, Budget& budget) {
  if (a.index() != b.index()) {
    reject("operands of one type", "floats and integers", "cast one of them");
  }
  const Extents extents = broadcast(extents_of(a), extents_of(b));
  const Operand all_a = taken(a, broadcast_view(extents_of(a), extents), budget);
  const Operand all_b = taken(b, broadcast_view(extents_of(b), extents), budget);
  const auto apply = [&](const auto& x, const auto& y, auto values) {
    values.reserve(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) values.push_back(applied(operation, x[i], y[i]));
    return values;
  };
  if (std::holds_alternative<Integers>(a)) {
    return Integers{.extents = extents,
                    .values = apply(std::get<Integers>(all_a).values,
                                    std::get<Integers>(all_b).values, std::vector<Integer>())};
  }
  return Constant(extents, apply(std::get<Constant>(all_a).values(),
                                 std::get<Constant>(all_b).values(), std::vector<float>()));
}

Operand cast(const Operand& x, std::int32_t type) {
  if (const Constant* constant = std::get_if<Constant>(&x)) {
    if (type == wire::kFloat || type == wire::kDouble) return x;
    if (type == wire::kFloat16 || type == wire::kBfloat16) {
      const DataType dtype = type == wire::kFloat16 ? DataType::f16 : DataType::bf16;
      std::vector<float> rounded;
      for (const float value : constant->values()) rounded.push_back(round_to(dtype, value));
      return Constant(constant->extents(), std::move(rounded));
    }
    if (type != wire::kInt32 && type != wire::kInt64) {
      refuse("casts of constants to floats, int32 and int64", wire::element_name(type),
             "store the constant in that type");
    }
    const float limit = type == wire::kInt32 ? 0x1p31f : 0x1p63f;
    Integers integers{.extents = constant->extents(), .values = {}};
    for (const float value : constant->values()) {
      if (!(value < limit && value >= -limit)) {
        refuse(text("values of ", wire::element_name(type)), text(value), "use smaller ones");
      }
      integers.values.push_back(Integer::of_number(static_cast<std::int64_t>(value)));
    }
    return integers;
  }
  const Integers& integers = std::get<Integers>(x);
  if (!wire::is_float(type)) {
    if (type == wire::kInt64) return x;
    for (const Integer& value : integers.values) {
      if (type == wire::kInt32 && value.number >= -(std::int64_t{1} << 31) &&
          value.number < std::int64_t{1} << 31) {
        continue;
      }
      refuse("casts of integers to floats, int64 and int32 that hold them",
             text(wire::element_name(type), " of ", value.number), "use int64");
    }
    return x;
  }
  std::vector<float> values;
  for (const Integer& value : integers.values) {
    if (value.kind != Integer::Kind::number) {
      refuse("casts of integers that are known", "it depends on an extent that is open",
             "fix the extents of the model's inputs");
    }
    values.push_back(static_cast<float>(value.number));
  }
  return Constant(integers.extents, std::move(values));
}

}  // namespace foldconv::onnx
