// SPDX-License-Identifier: MIT
// What a block computes, by the oracle, and how far a correct one may lie from the exact result.
#pragma once

#include "harness/oracle/oracle.hpp"
#include "kernels/support/block_golden.hpp"

namespace foldconv::kernel_tests {

// y of the golden's parameters and x (its own y is not read), and the bound derived in
// block_bound.cpp: on |computed - exact|, for every division into kernels that block.hpp allows.
oracle::Expected expect_block(const BlockGolden& golden, DataType dtype);

}  // namespace foldconv::kernel_tests
