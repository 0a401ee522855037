#include "kernels/support/safetensors.hpp"

#include <bit>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>

#include "harness/oracle/rounding.hpp"

namespace foldconv::kernel_tests {
namespace {

std::vector<float> values_of(const std::string& type, std::span<const std::byte> bytes) {
  if (type == "F16") return oracle::decode(DataType::f16, bytes);
  if (type == "BF16") return oracle::decode(DataType::bf16, bytes);
  if (type == "F32") return oracle::decode(DataType::f32, bytes);
  if (type == "I64") return {};
  throw std::runtime_error("elements of type " + type);
}

// The header's length in 8 little-endian bytes, the header as JSON, the tensors' bytes.
TensorFile parse(std::span<const std::byte> bytes) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t header_bytes = 0;
  if (bytes.size() < sizeof header_bytes) throw std::runtime_error("no header");
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  bytes = bytes.subspan(sizeof header_bytes);
  if (header_bytes > bytes.size()) throw std::runtime_error("the header is cut off");
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const auto header = nlohmann::json::parse(text, text + header_bytes);
  bytes = bytes.subspan(header_bytes);

  TensorFile file;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      entry.get_to(file.metadata);
      continue;
    }
    const auto type = entry.at("dtype").get<std::string>();
    const auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
    const auto end = entry.at("data_offsets").at(1).get<std::size_t>();
    if (begin > end || end > bytes.size()) throw std::runtime_error(name + " is cut off");
    Tensor& tensor = file.tensors[name];
    entry.at("shape").get_to(tensor.shape);
    tensor.values = values_of(type, bytes.subspan(begin, end - begin));
    std::int64_t elements = 1;
    for (const std::int64_t size : tensor.shape) elements *= size;
    if (type != "I64" && std::ssize(tensor.values) != elements) {
      throw std::runtime_error(name + " holds another number of elements than its shape says");
    }
  }
  return file;
}

}  // namespace

TensorFile read_safetensors(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file),
                                std::istreambuf_iterator<char>()};
  try {
    return parse(std::as_bytes(std::span(bytes)));
  } catch (const std::exception& failure) {
    throw std::runtime_error(path + ": " + failure.what());
  }
}

}  // namespace foldconv::kernel_tests
