// SPDX-License-Identifier: MIT
// The kernel of read_memory(). Without C++'s library, which nvcc would read in each of its passes.
#pragma once

namespace foldconv::harness {

// Takes (const uint4* from, std::size_t count, unsigned* never): a grid of CTAs of kReadAllThreads reads all pieces.
inline constexpr int kReadAllThreads = 256;
const void* read_all_kernel();

}  // namespace foldconv::harness
