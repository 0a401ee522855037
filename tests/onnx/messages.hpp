// SPDX-License-Identifier: MIT
// Writes ONNX files for tests: protobuf messages from their fields, by hand.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace foldconv::test::pb {

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value > 127; value >>= 7) bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}

inline std::string number(std::uint32_t field, std::int64_t value) {
  return varint(field << 3) + varint(static_cast<std::uint64_t>(value));
}
inline std::string bytes(std::uint32_t field, std::string_view value) {
  return (varint(field << 3 | 2) + varint(value.size())).append(value);
}
inline std::string float32(std::uint32_t field, float value) {
  std::string encoded(sizeof value, '\0');
  std::memcpy(encoded.data(), &value, sizeof value);
  return varint(field << 3 | 5) + encoded;
}

template <class Number>
std::string raw(const std::vector<Number>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Number)};
}

inline std::string dims(const std::vector<std::int64_t>& sizes) {
  std::string packed;
  for (const std::int64_t size : sizes) packed += varint(static_cast<std::uint64_t>(size));
  return bytes(1, packed);
}
// TensorProto. `values`: raw bytes.
inline std::string tensor(std::string_view name, std::int64_t type,
                          const std::vector<std::int64_t>& sizes, std::string_view values) {
  return dims(sizes) + number(2, type) + bytes(8, name) + bytes(9, values);
}
inline std::string floats(std::string_view name, const std::vector<std::int64_t>& sizes,
                          const std::vector<float>& values) {
  return tensor(name, 1, sizes, raw(values));
}
inline std::string int64s(std::string_view name, const std::vector<std::int64_t>& values) {
  return tensor(name, 7, {static_cast<std::int64_t>(values.size())}, raw(values));
}

// AttributeProto.
inline std::string integer(std::string_view name, std::int64_t value) {
  return bytes(1, name) + number(3, value) + number(20, 2);
}
inline std::string attribute(std::string_view name, float value) {
  return bytes(1, name) + float32(2, value) + number(20, 1);
}
inline std::string attribute(std::string_view name, std::string_view value) {
  return bytes(1, name) + bytes(4, value) + number(20, 3);
}
inline std::string integers(std::string_view name, const std::vector<std::int64_t>& values) {
  std::string list = bytes(1, name) + number(20, 7);
  for (const std::int64_t value : values) list += number(8, value);
  return list;
}
inline std::string tensor_attribute(std::string_view name, std::string_view tensor) {
  return bytes(1, name) + bytes(5, tensor) + number(20, 4);
}

using Names = std::vector<std::string_view>;

// NodeProto.
inline std::string node(std::string_view op, const Names& inputs, const Names& outputs,
                        const std::vector<std::string>& attributes = {},
                        std::string_view name = {}) {
  std::string message;
  for (const std::string_view input : inputs) message += bytes(1, input);
  for (const std::string_view output : outputs) message += bytes(2, output);
  message += bytes(3, name) + bytes(4, op);
  for (const std::string& attribute : attributes) message += bytes(5, attribute);
  return message;
}

// ValueInfoProto of a tensor; a size of -1 has a name, "batch".
inline std::string value_info(std::string_view name, const std::vector<std::int64_t>& sizes,
                              std::int64_t type = 1) {
  std::string shape;
  for (const std::int64_t size : sizes) {
    shape += bytes(1, size < 0 ? bytes(2, "batch") : number(1, size));
  }
  return bytes(1, name) + bytes(2, bytes(1, number(1, type) + bytes(2, shape)));
}

struct Model {
  std::vector<std::string> nodes = {}, initializers = {}, inputs = {}, outputs = {};
  std::int64_t opset = 17;

  std::string graph() const {
    std::string message;
    for (const std::string& node : nodes) message += bytes(1, node);
    message += bytes(2, "test");
    for (const std::string& tensor : initializers) message += bytes(5, tensor);
    for (const std::string& input : inputs) message += bytes(11, input);
    for (const std::string& output : outputs) message += bytes(12, output);
    return message;
  }
  std::string to_bytes() const {
    return number(1, 8) + bytes(7, graph()) + bytes(8, number(2, opset));
  }
};

}  // namespace foldconv::test::pb
