// SPDX-License-Identifier: MIT
// The library against a recording of what cuDNN computed.
#pragma once

#include "harness/oracle/oracle.hpp"
#include "kernels/support/golden.hpp"

namespace foldconv::kernel_tests {

// The library's result in a way ("planned", "chain") against cuDNN's, by the sum of both error bounds.
oracle::Comparison compare_with_library(const Golden& golden, const std::string& way = "planned");

// Reports a test failure for every convolution and block of the folder on which the two do not agree.
void expect_agreement(const std::string& folder);

}  // namespace foldconv::kernel_tests
