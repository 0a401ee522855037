// Reads .safetensors files that the tests trust: well-formed, small, of float16, bfloat16, float32
// and int64.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace foldconv::kernel_tests {

struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // empty for int64
};

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;
};

// Throws std::runtime_error if the file is missing or not what it should be.
TensorFile read_safetensors(const std::string& path);

}  // namespace foldconv::kernel_tests
