// SPDX-License-Identifier: MIT
// The library against a recording of what cuDNN computed.
#pragma once

#include <string>
#include <vector>

#include "kernels/support/block_golden.hpp"
#include "kernels/support/cudnn_golden.hpp"

namespace foldconv::kernel_tests {

// None where the folder holds no blocks.
std::vector<BlockGolden> read_cudnn_blocks(const std::string& folder);

// The library's result of a cut against cuDNN's.
oracle::Comparison compare_block(const BlockGolden& golden, BlockCut cut);

// Reports a test failure for every convolution and block of the folder on which the two do not agree.
void expect_agreement(const std::string& folder);

}  // namespace foldconv::kernel_tests
