// SPDX-License-Identifier: MIT
// The element types of ONNX tensors, and the bytes of a tensor's values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "foldconv/status.hpp"
#include "onnx/wire/messages.hpp"

namespace foldconv::onnx::wire {

// TensorProto.DataType, those that the importer knows by name.
enum ElementType : std::int32_t {
  kFloat = 1,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kBfloat16 = 16,
};

// "float", "int64", ...; "type 99" for one that is not known.
std::string element_name(std::int32_t type);

// Values of a tensor, little-endian and dense; types of less than a byte are packed from the low bits
// on.
struct TensorBytes {
  std::string_view bytes;
  std::int64_t elements = 0;
  std::shared_ptr<const void> keeper = nullptr;  // of the bytes; null: they are the caller's
};

bool is_float(std::int32_t type);  // float, double, float16, bfloat16

// Of a tensor with its values in the file itself. Errors (invalid_argument): dims below 0 or with a
// product past 2^63, an unknown type, values of another number than the dims say, values beyond the
// type, values twice. Unsupported: strings, external data.
Result<TensorBytes> values_in_file(const TensorProto& tensor);

// The bytes that its values take. Errors: of its dims and its type, as above.
Result<std::int64_t> bytes_of_values(const TensorProto& tensor);

// How messages call it: tensor "conv1.weight", float [64, 3, 7, 7].
std::string tensor_text(const TensorProto& tensor);

// "[64, 3, 7, 7]"
std::string dims_text(const std::vector<std::int64_t>& dims);

}  // namespace foldconv::onnx::wire
