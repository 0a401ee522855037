// SPDX-License-Identifier: MIT
// Writes a file of tensors in the safetensors format (see harness/safetensors/safetensors.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "foldconv/tensor.hpp"

namespace foldconv::cudnn {

using Metadata = std::map<std::string, std::string>;

struct TensorFile {
  struct Tensor {
    DataType dtype;  // to which the values are rounded
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };
  Metadata metadata;
  std::map<std::string, Tensor> tensors;
};

// Returns the file's size; it is there whole or not at all. Throws Error (invalid_argument): it cannot be
// written.
std::size_t write(const TensorFile& content, const std::filesystem::path& file);

}  // namespace foldconv::cudnn
