// SPDX-License-Identifier: MIT
// What others computed, as it was recorded: see tests/golden. All readers throw std::runtime_error where a
// file is missing or not what it should be.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "harness/oracle/oracle.hpp"
#include "harness/problem/problem.hpp"

namespace foldconv::kernel_tests {

// tests/golden of the source tree, unless the environment names another place: a test program may
// run on a machine that it was not built on.
inline std::string golden_folder() {
  const char* folder = std::getenv("FOLDCONV_GOLDEN_FOLDER");
  return folder != nullptr ? folder : FOLDCONV_GOLDEN_FOLDER;
}

// A convolution by ONNX Runtime: make_onnxruntime.py.
struct ConvGolden {
  std::string name;
  ConvProblem problem;  // dtype f32
  oracle::RawConv raw;
  std::vector<float> y;  // NPQK, computed in fp32
};
std::vector<ConvGolden> read_convs(const std::string& folder);

struct Golden {
  std::string name, witness;
  harness::Problem problem;  // with weights and x, and no copies of images
  std::vector<float> y;
};

// Residual blocks by PyTorch: make_blocks.py. x and the weights are exact in f16 and bf16, y was computed
// in fp64 and rounded to fp32. Sorted by name.
std::vector<Golden> read_blocks(const std::string& folder);
harness::Problem in_type(const Golden& block, DataType dtype);

// Convolutions and blocks by cuDNN: bench/cudnn/recording/record.hpp. Each convolution's BatchNorm is one that
// folds to just the scale and bias that cuDNN read. Sorted by name; none where there is no such folder.
std::vector<Golden> read_cudnn(const std::string& folder);

}  // namespace foldconv::kernel_tests
