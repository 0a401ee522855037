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

class TensorFile {
 public:
  std::map<std::string, std::string> metadata;  // printable; quotes and backslashes become '

  // Rounds to what the dtype holds.
  void add(const std::string& name, DataType dtype, const std::vector<std::int64_t>& shape,
           const std::vector<float>& values);

  // Returns the file's size. Throws Error (invalid_argument): it cannot be written.
  std::size_t write(const std::filesystem::path& file) const;

 private:
  std::string entries_, data_;
};

}  // namespace foldconv::cudnn
