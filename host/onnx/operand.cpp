// SPDX-License-Identifier: MIT
#include "onnx/operand.hpp"

#include <bit>
#include <cstring>
#include <limits>

#include "base/text.hpp"
#include "onnx/refusal.hpp"
#include "onnx/wire/elements.hpp"

namespace foldconv::onnx {
namespace {

using host::text;

template <class Stored>
std::vector<Stored> stored(std::string_view bytes) {
  std::vector<Stored> values(bytes.size() / sizeof(Stored));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(Stored));
  return values;
}

float from_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31u,
                      fraction = bits & 0x3ffu;
  if (exponent == 0) {  // 2^-24 a step
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t widened = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

float from_bfloat(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

template <class Stored, class Convert>
std::vector<float> converted(std::string_view bytes, Convert&& convert) {
  std::vector<float> values;
  values.reserve(bytes.size() / sizeof(Stored));
  for (const Stored value : stored<Stored>(bytes)) values.push_back(convert(value));
  return values;
}

Constant floats_of(const wire::TensorProto& tensor, const wire::TensorBytes& values) {
  switch (tensor.data_type) {
    case wire::kFloat16:
      return Constant(tensor.dims, converted<std::uint16_t>(values.bytes, from_half));
    case wire::kBfloat16:
      return Constant(tensor.dims, converted<std::uint16_t>(values.bytes, from_bfloat));
    case wire::kDouble:
      return Constant(tensor.dims, converted<double>(values.bytes, [](double value) {
                        return static_cast<float>(value);
                      }));
    default:
      break;
  }
  const char* data = values.bytes.data();
  const bool aligned = reinterpret_cast<std::uintptr_t>(data) % alignof(float) == 0;
  if (values.keeper == nullptr || !aligned) {
    return Constant(tensor.dims, stored<float>(values.bytes));
  }
  return Constant(tensor.dims,
                  std::span(reinterpret_cast<const float*>(data), values.bytes.size() / 4),
                  values.keeper);
}

template <class Stored>
Integers integers_from(const wire::TensorProto& tensor, std::string_view bytes) {
  Integers integers{.extents = tensor.dims, .values = {}};
  integers.values.reserve(bytes.size() / sizeof(Stored));
  for (const Stored value : stored<Stored>(bytes)) {
    if constexpr (sizeof(Stored) == 8 && std::is_unsigned_v<Stored>) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        refuse("integers up to 2^63 - 1", text(wire::tensor_text(tensor), " holds ", value),
               "use smaller ones");
      }
    }
    integers.values.push_back(Integer::of_number(static_cast<std::int64_t>(value)));
  }
  return integers;
}

Integers integers_of(const wire::TensorProto& tensor, const wire::TensorBytes& values) {
  constexpr std::int64_t kMost = 1 << 20;  // they are shapes and axes
  if (values.elements > kMost) {
    refuse(text("integer tensors of up to ", kMost, " elements"), wire::tensor_text(tensor),
           "fold quantised weights back to floats");
  }
  const std::string_view bytes = values.bytes;
  switch (tensor.data_type) {
    case 2:
    case wire::kBool:
      return integers_from<std::uint8_t>(tensor, bytes);
    case 3:
      return integers_from<std::int8_t>(tensor, bytes);
    case 4:
      return integers_from<std::uint16_t>(tensor, bytes);
    case 5:
      return integers_from<std::int16_t>(tensor, bytes);
    case wire::kInt32:
      return integers_from<std::int32_t>(tensor, bytes);
    case wire::kInt64:
      return integers_from<std::int64_t>(tensor, bytes);
    case 12:
      return integers_from<std::uint32_t>(tensor, bytes);
    case 13:
      return integers_from<std::uint64_t>(tensor, bytes);
    default:
      refuse("element types of 16-bit floats, float, double and integers of 8 bits or more",
             wire::tensor_text(tensor), "convert the model");
  }
}

}  // namespace

std::size_t Budget::spend(const Extents& extents) {
  std::int64_t elements = 1;
  for (const std::int64_t extent : extents) {
    if (extent < 0) reject("extents of 0 or more", foldconv::to_string(extents));
    if (__builtin_mul_overflow(elements, extent, &elements) || elements > left_) {
      refuse("constants that are computed hold fewer elements", foldconv::to_string(extents),
             "store them in the file");
    }
  }
  left_ -= elements;
  return static_cast<std::size_t>(elements);
}

Operand operand_of(const wire::TensorProto& tensor, wire::TensorFiles& files) {
  const wire::TensorBytes values = value_or_refuse(files.values(tensor));
  if (wire::is_float(tensor.data_type)) return floats_of(tensor, values);
  return integers_of(tensor, values);
}

std::string shape_text(const Operand& x, const Graph& graph) {
  if (const Value* value = std::get_if<Value>(&x)) return to_string(graph.extents(*value));
  return is_known(x) ? to_string(extents_of(x)) : "";
}

const Extents& extents_of(const Operand& known) {
  if (const Integers* integers = std::get_if<Integers>(&known)) return integers->extents;
  return std::get<Constant>(known).extents();
}

}  // namespace foldconv::onnx
