// SPDX-License-Identifier: MIT
// What a block computes, by the oracle, and how far a correct one may lie from the exact result.
#pragma once

#include "harness/oracle/oracle.hpp"
#include "harness/problem/problem.hpp"

namespace foldconv::kernel_tests {

// y of one block that is filled, without copies of images, and the bound derived in block_bound.cpp: on
// |computed - exact|, for every division into kernels that block.hpp allows.
oracle::Expected expect_block(const harness::Problem& problem);

}  // namespace foldconv::kernel_tests
