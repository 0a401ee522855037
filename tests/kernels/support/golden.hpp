// SPDX-License-Identifier: MIT
// Convolutions that another library computed: see tests/golden/make_onnxruntime.py.
#pragma once

#include <string>
#include <vector>

#include "harness/oracle/oracle.hpp"

namespace foldconv::kernel_tests {

struct Golden {
  std::string name;
  ConvProblem problem;  // dtype f32
  oracle::RawConv raw;
  std::vector<float> y;  // NPQK, computed in fp32
};

// Throws std::runtime_error if a file is missing or holds something else than the index says.
std::vector<Golden> read_goldens(const std::string& folder);

}  // namespace foldconv::kernel_tests
