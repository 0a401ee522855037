// SPDX-License-Identifier: MIT
// What others computed, as it was recorded (see tests/golden), and whether the library agrees.
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

struct Golden {
  std::string name, witness;
  harness::Problem problem;  // with weights and x, and no copies of images
  std::vector<float> y;
};

// Sorted by name. Throws std::runtime_error where a file is not what it should be, or there is none.
//
// Convolutions by ONNX Runtime, in fp32: make_onnxruntime.py. Convolutions and blocks by cuDNN:
// bench/cudnn/recording/record.hpp. Residual blocks by PyTorch: make_blocks.py; x and the weights are exact in
// f16 and bf16, y was computed in fp64 and rounded to fp32.
std::vector<Golden> read_goldens(const std::string& folder);
harness::Problem in_type(const Golden& block, DataType dtype);

// y of one block that is filled, without copies of images, and the bound derived in block_bound.cpp: on
// |computed - exact|, for every division into kernels that block.hpp allows.
oracle::Expected expect_block(const harness::Problem& problem);

// The library's result in a way ("planned", "chain") against cuDNN's, by the sum of both error bounds.
oracle::Comparison compare_with_library(const Golden& golden, const std::string& way = "planned");

// Reports a test failure for every convolution and block of a folder of cuDNN's on which the two do not agree.
void expect_agreement(const std::string& folder);

}  // namespace foldconv::kernel_tests
