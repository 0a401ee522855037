// SPDX-License-Identifier: MIT
// Writes safetensors files for tests, right ones and wrong ones. Knows nothing of the reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace foldconv::test {

// The bytes of elements, one after the other.
template <class Element>
std::string bytes_of(const std::vector<Element>& elements) {
  std::string bytes;
  for (const Element element : elements) {
    char raw[sizeof element];
    std::memcpy(raw, &element, sizeof element);
    bytes.append(raw, sizeof element);
  }
  return bytes;
}

// A file of any header and data; `length` is what it claims of the header.
inline std::string file_text(std::uint64_t length, const std::string& header,
                             const std::string& data = "") {
  return bytes_of(std::vector{length}) + header + data;
}
inline std::string file_text(const std::string& header, const std::string& data = "") {
  return file_text(header.size(), header, data);
}

// A right file, tensor by tensor.
class SafetensorsWriter {
 public:
  void add(const std::string& name, const std::string& dtype, const std::string& shape,
           const std::string& bytes) {
    const std::size_t begin = data_.size();
    data_ += bytes;
    entries_ += (entries_.empty() ? "" : ",") + ("\"" + name) + "\":{\"dtype\":\"" + dtype +
                "\",\"shape\":" + shape + ",\"data_offsets\":[" + std::to_string(begin) + "," +
                std::to_string(data_.size()) + "]}";
  }

  std::string text() const { return file_text("{" + entries_ + "}", data_); }

 private:
  std::string entries_, data_;
};

}  // namespace foldconv::test
