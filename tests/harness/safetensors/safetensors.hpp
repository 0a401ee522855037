// SPDX-License-Identifier: MIT
// Tensors in the safetensors format: PyTorch's state dicts as they are shared.
//
//   8 bytes   length of the header, little-endian
//   header    JSON, as in
//     {"__metadata__": {"format": "pt"},
//      "conv1.weight": {"dtype": "F32", "shape": [64, 3, 7, 7], "data_offsets": [0, 37632]}, ...}
//   data      the tensors, without gaps, little-endian
//
// (https://github.com/huggingface/safetensors#format)
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/error.hpp"

namespace foldconv::harness {

struct TensorInfo {
  std::string name;
  std::string dtype = {};  // as the file says it: "F32", "I64", ...
  std::vector<std::uint64_t> shape = {};
  std::uint64_t begin = 0, end = 0;  // bytes, from the beginning of the data
};
std::string to_string(const std::vector<std::uint64_t>& shape);  // "[64, 3, 7, 7]"

// `text` in backquotes: control characters as \xNN, and no more than the first 80 bytes, so that
// nothing in a damaged file upsets a terminal. UTF-8 stays UTF-8.
std::string printable(std::string_view text);

// The longest header that is read: the reference implementation's limit.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

// A file whose header has been read and checked, whole. Values are read when they are asked for, by
// one thread at a time.
class Safetensors {
 public:
  // A regular file, which stays open. Throws Error (invalid_argument), naming the file and the tensor:
  // one that cannot be opened, is too short for its header or has one above the limit (no length
  // that a file claims is believed before its own size has been seen to hold it); a header that is no
  // JSON in UTF-8 or no object of objects as above; further members of a tensor (nobody writes any),
  // names twice, unknown dtypes, more than 64 dimensions, offsets outside the data or of another size
  // than dtype and shape say, bytes of the data that belong to two tensors or to none, metadata that
  // is no text.
  explicit Safetensors(const std::filesystem::path& file);
  // The same of a file's bytes, wherever they are.
  Safetensors(std::string name, std::unique_ptr<std::istream> bytes);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // sorted by name
  const TensorInfo* find(std::string_view name) const;                 // null where there is none
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // The elements, in the file's order. F16, BF16 and F32 are exact; F64 is rounded to nearest.
  // Throws Error: invalid_argument: no such tensor, a finite F64 that fp32 cannot hold, a file that
  // has changed or cannot be read; unsupported: other dtypes.
  std::vector<float> values(std::string_view name) const;

  // Throws Error: "FILE: WHAT".
  [[noreturn]] void fail(const std::string& what,
                         ErrorCode code = ErrorCode::invalid_argument) const;

 private:
  bool read(std::uint64_t offset, void* to, std::uint64_t bytes) const;  // whether it could

  std::string name_;
  std::unique_ptr<std::istream> file_;
  std::uint64_t size_ = 0, data_begin_ = 0;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace foldconv::harness
