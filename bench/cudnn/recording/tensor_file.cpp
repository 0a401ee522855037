// SPDX-License-Identifier: MIT
#include "cudnn/recording/tensor_file.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>

#include "harness/error.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::cudnn {
namespace {

const char* name_of(DataType dtype) {
  switch (dtype) {
    case DataType::f16:
      return "F16";
    case DataType::bf16:
      return "BF16";
    case DataType::f32:
      break;
  }
  return "F32";
}

std::string quoted(std::string text) {
  for (char& c : text) {
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') c = '\'';
  }
  return '"' + text + '"';
}

}  // namespace

void TensorFile::add(const std::string& name, DataType dtype,
                     const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  const std::vector<std::byte> bytes = oracle::encode(dtype, values);
  const std::size_t begin = data_.size();
  data_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string sizes;
  for (const std::int64_t size : shape) sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
  entries_ += "," + quoted(name) + ":{\"dtype\":\"" + name_of(dtype) + "\",\"shape\":[" + sizes +
              "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data_.size()) +
              "]}";
}

std::size_t TensorFile::write(const std::filesystem::path& file) const {
  static_assert(std::endian::native == std::endian::little);
  std::string texts;
  for (const auto& [key, value] : metadata) {
    texts += (texts.empty() ? "" : ",") + quoted(key) + ":" + quoted(value);
  }
  const std::string header = "{\"__metadata__\":{" + texts + "}" + entries_ + "}";
  const std::uint64_t length = header.size();
  char prefix[sizeof length];
  std::memcpy(prefix, &length, sizeof length);
  std::ofstream out(file, std::ios::binary);
  out.write(prefix, sizeof prefix);
  out << header << data_;
  out.close();
  if (!out) {
    throw harness::Error(ErrorCode::invalid_argument, "cannot write " + file.string());
  }
  return sizeof prefix + header.size() + data_.size();
}

}  // namespace foldconv::cudnn
