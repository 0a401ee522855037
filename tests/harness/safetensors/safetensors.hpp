// SPDX-License-Identifier: MIT
// Tensors in the safetensors format: PyTorch's state dicts as they are shared.
//
//   8 bytes   length of the header, little-endian
//   header    JSON: see header.hpp
//   data      the tensors, without gaps, little-endian
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/safetensors/byte_source.hpp"
#include "harness/safetensors/header.hpp"

namespace foldconv::harness {

// The longest header that is read: the reference implementation's limit.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;

// A file whose header has been read and checked, whole. Values are read when they are asked for.
// Immutable, thread-safe, cheap to move.
class Safetensors {
 public:
  // Throws Error (invalid_argument), naming the file: one that cannot be read, is too short for its
  // header, has a header above the limit or breaks a rule of parse_safetensors_header(). No length
  // that a file claims is believed before the file's own size has been seen to hold it.
  explicit Safetensors(ByteSource source);

  const std::string& file() const { return source_.name; }                    // for messages
  const std::vector<TensorInfo>& tensors() const { return header_.tensors; }  // sorted by name
  const TensorInfo* find(std::string_view name) const;  // null where there is none
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }

  // The elements, in the file's order. F16, BF16 and F32 are exact; F64 is rounded to nearest.
  // Throws Error: invalid_argument: no such tensor, a finite F64 that fp32 cannot hold, a file that
  // has changed; unsupported: other dtypes.
  std::vector<float> values(std::string_view name) const;

 private:
  ByteSource source_;
  SafetensorsHeader header_;
  std::uint64_t data_begin_ = 0;
};

}  // namespace foldconv::harness
