// SPDX-License-Identifier: MIT
// Convolutions that cuDNN computed on a GPU: see bench/cudnn/recording/recording.hpp.
#pragma once

#include <string>
#include <vector>

#include "harness/oracle/oracle.hpp"

namespace foldconv::kernel_tests {

struct CudnnGolden {
  std::string name;
  std::string witness;  // "cuDNN 9.19.0 on ..., engine ..."
  ConvProblem problem;
  oracle::ConvInputs inputs;
  std::vector<float> y;
};

// Sorted by name; none where the folder holds none. Throws std::runtime_error where a file is not
// what it should be.
std::vector<CudnnGolden> read_cudnn_goldens(const std::string& folder);

// The library's result for the golden's inputs against cuDNN's, by the sum of both error bounds.
oracle::Comparison compare_with_library(const CudnnGolden& golden);

}  // namespace foldconv::kernel_tests
