// SPDX-License-Identifier: MIT
#include "onnx/wire/elements.hpp"

#include <bit>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "onnx/wire/parse.hpp"
#include "onnx/wire/printable.hpp"

namespace foldconv::onnx::wire {
namespace {

using host::text;

static_assert(std::endian::native == std::endian::little, "bytes are taken as they are");

constexpr const char* kRepair = "repair how the file is written";

// Which of a tensor's fields holds the values that are not raw.
enum class Field { floats, int32s, int64s, doubles, uint64s, strings };

struct Element {
  const char* name;
  int bits;
  Field field;
};

// By TensorProto.DataType, from 1 on.
constexpr Element kElements[] = {
    {"float", 32, Field::floats},        {"uint8", 8, Field::int32s},
    {"int8", 8, Field::int32s},          {"uint16", 16, Field::int32s},
    {"int16", 16, Field::int32s},        {"int32", 32, Field::int32s},
    {"int64", 64, Field::int64s},        {"string", 0, Field::strings},
    {"bool", 8, Field::int32s},          {"float16", 16, Field::int32s},
    {"double", 64, Field::doubles},      {"uint32", 32, Field::uint64s},
    {"uint64", 64, Field::uint64s},      {"complex64", 64, Field::floats},
    {"complex128", 128, Field::doubles}, {"bfloat16", 16, Field::int32s},
    {"float8e4m3fn", 8, Field::int32s},  {"float8e4m3fnuz", 8, Field::int32s},
    {"float8e5m2", 8, Field::int32s},    {"float8e5m2fnuz", 8, Field::int32s},
    {"uint4", 4, Field::int32s},         {"int4", 4, Field::int32s},
    {"float4e2m1", 4, Field::int32s},    {"float8e8m0", 8, Field::int32s},
    {"uint2", 2, Field::int32s},         {"int2", 2, Field::int32s},
};

const Element* element(std::int32_t type) {
  constexpr std::int32_t kKnown = sizeof kElements / sizeof *kElements;
  return type >= 1 && type <= kKnown ? &kElements[type - 1] : nullptr;
}

Result<std::int64_t> elements_of(const TensorProto& tensor) {
  std::int64_t elements = 1;
  bool overflows = false;
  for (const std::int64_t size : tensor.dims) {
    if (size < 0) return host::invalid("a negative size", tensor_text(tensor), kRepair);
    overflows |= __builtin_mul_overflow(elements, size, &elements);
  }
  if (overflows) return host::invalid("more than 2^63 elements", tensor_text(tensor), kRepair);
  return elements;
}

// Integers of a repeated field, each in `bytes` bytes.
Result<std::vector<char>> narrowed(const TensorProto& tensor, const Numbers& numbers, int bytes) {
  const Result<std::vector<std::int64_t>> values = varints(numbers);
  if (!values) return host::at(tensor_text(tensor), values.status());
  std::vector<char> narrow;
  narrow.reserve(values->size() * static_cast<std::size_t>(bytes));
  for (const std::int64_t value : *values) {
    const int bits = 8 * bytes;
    if (bits < 64 && (value < -(std::int64_t{1} << (bits - 1)) || value >> bits > 0)) {
      return host::invalid("a value beyond its type", text(tensor_text(tensor), " holds ", value),
                           kRepair);
    }
    for (int byte = 0; byte < bytes; ++byte) {
      narrow.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * byte)));
    }
  }
  return narrow;
}

TensorBytes owning(std::vector<char> bytes) {
  auto owned = std::make_shared<const std::vector<char>>(std::move(bytes));
  const std::string_view view(owned->data(), owned->size());
  return {.bytes = view, .keeper = std::move(owned)};
}

// Values that are not raw.
Result<TensorBytes> typed_values(const TensorProto& tensor, const Element& type) {
  if (type.field == Field::floats || type.field == Field::doubles) {
    const bool floats = type.field == Field::floats;
    std::vector<char> joined;
    const Result<std::string_view> bytes = fixed(floats ? tensor.float_data : tensor.double_data,
                                                 floats ? sizeof(float) : sizeof(double), joined);
    if (!bytes) return host::at(tensor_text(tensor), bytes.status());
    return joined.empty() ? TensorBytes{.bytes = *bytes} : owning(std::move(joined));
  }
  const Numbers& numbers = type.field == Field::int32s   ? tensor.int32_data
                           : type.field == Field::int64s ? tensor.int64_data
                                                         : tensor.uint64_data;
  Result<std::vector<char>> narrow = narrowed(tensor, numbers, (type.bits + 7) / 8);
  if (!narrow) return narrow.status();
  return owning(*std::move(narrow));
}

}  // namespace

std::string element_name(std::int32_t type) {
  const Element* known = element(type);
  return known != nullptr ? known->name : text("type ", type);
}

bool is_float(std::int32_t type) {
  return type == kFloat || type == kDouble || type == kFloat16 || type == kBfloat16;
}

std::string dims_text(const std::vector<std::int64_t>& dims) {
  std::string list;
  for (const std::int64_t size : dims) list += text(list.empty() ? "" : ", ", size);
  return text("[", list, "]");
}

std::string tensor_text(const TensorProto& tensor) {
  return text("tensor ", printable(tensor.name), ", ", element_name(tensor.data_type), " ",
              dims_text(tensor.dims));
}

Result<std::int64_t> bytes_of_values(const TensorProto& tensor) {
  const Result<std::int64_t> elements = elements_of(tensor);
  if (!elements) return elements.status();
  const Element* type = element(tensor.data_type);
  if (type == nullptr) {
    return host::invalid("an unknown element type", tensor_text(tensor), kRepair);
  }
  if (type->field == Field::strings) {
    return host::error(ErrorCode::unsupported, "a tensor of strings", tensor_text(tensor),
                       "cut the graph behind it");
  }
  const auto bits = host::checked_product({*elements, type->bits});
  if (!bits) return host::invalid("more than 2^63 bits", tensor_text(tensor), kRepair);
  return *bits / 8 + (*bits % 8 != 0 ? 1 : 0);
}

Result<TensorBytes> values_in_file(const TensorProto& tensor) {
  const Result<std::int64_t> expected = bytes_of_values(tensor);
  if (!expected) return expected.status();
  if (tensor.data_location != 0) {
    return host::error(ErrorCode::unsupported, "values outside the file", tensor_text(tensor),
                       "read the model by its path, with its data beside it");
  }
  const Element& type = *element(tensor.data_type);
  const bool has_raw = tensor.raw_data.has_value() && !tensor.raw_data->empty();
  Result<TensorBytes> values = typed_values(tensor, type);
  if (!values) return values;
  if (has_raw) {
    if (!values->bytes.empty()) {
      return host::invalid("values twice, raw and typed", tensor_text(tensor), kRepair);
    }
    *values = {.bytes = *tensor.raw_data};
  }
  if (values->bytes.size() != static_cast<std::size_t>(*expected)) {
    return host::invalid(
        "values of another number than the shape says",
        text(tensor_text(tensor), " needs ", *expected, " bytes, and has ", values->bytes.size()),
        kRepair);
  }
  values->elements = elements_of(tensor).value();
  return values;
}

}  // namespace foldconv::onnx::wire
