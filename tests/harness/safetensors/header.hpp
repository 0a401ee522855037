// SPDX-License-Identifier: MIT
// The header of a safetensors file: what tensors there are, and where.
//
//   {"__metadata__": {"format": "pt"},
//    "conv1.weight": {"dtype": "F32", "shape": [64, 3, 7, 7], "data_offsets": [0, 37632]}, ...}
//
// (https://github.com/huggingface/safetensors#format)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace foldconv::harness {

struct TensorInfo {
  std::string name;
  std::string dtype;  // as the file says it: "F32", "I64", ...
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0, end = 0;  // bytes, from the beginning of the data

  std::uint64_t elements() const;  // 1 for a scalar
};

// "[64, 3, 7, 7]"
std::string to_string(const std::vector<std::uint64_t>& shape);

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // sorted by name
  std::map<std::string, std::string> metadata;
};

// `json` is the header's text, `data_bytes` what follows it in the file. Throws Error
// (invalid_argument), naming the file and the tensor: text that is no JSON in UTF-8 or no object of
// objects as above, further members of a tensor (nobody writes any), names twice, unknown dtypes,
// more than 64 dimensions, offsets outside the data or of another size than dtype and shape say,
// bytes of the data that belong to two tensors or to none, metadata that is no text.
SafetensorsHeader parse_safetensors_header(const std::string& file, std::string_view json,
                                           std::uint64_t data_bytes);

}  // namespace foldconv::harness
