// SPDX-License-Identifier: MIT
#include "cudnn/recording/tensor_file.hpp"

#include <bit>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "harness/error.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::cudnn {

using nlohmann::json;

std::size_t write(const TensorFile& content, const std::filesystem::path& file) {
  static_assert(std::endian::native == std::endian::little);
  json header = {{"__metadata__", content.metadata}};
  std::string data;
  for (const auto& [name, tensor] : content.tensors) {
    const std::vector<std::byte> bytes = oracle::encode(tensor.dtype, tensor.values);
    const char* dtype = tensor.dtype == DataType::f16    ? "F16"
                        : tensor.dtype == DataType::bf16 ? "BF16"
                                                         : "F32";
    header[name] = {{"dtype", dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + bytes.size()}}};
    data.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  const std::uint64_t length = text.size();
  std::filesystem::path part = file;
  part += ".part";
  std::ofstream out(part, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << text << data;
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(part, file, error);
  if (!out || error) {
    throw harness::Error(ErrorCode::invalid_argument, "cannot write " + file.string());
  }
  return sizeof length + text.size() + data.size();
}

}  // namespace foldconv::cudnn
