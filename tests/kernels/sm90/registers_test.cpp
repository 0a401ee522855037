// SPDX-License-Identifier: MIT
// What ptxas made of conv_sm90: its warps fit a multiprocessor before they exchange registers, and none spills.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "kernels/sm90/hand_launch.hpp"

namespace foldconv::kernel_tests {
namespace {

TEST(Sm90Registers, FitAndStay) {
  if (!has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  constexpr int kOfAMultiprocessor = 65536;
  for (const Sm90Kernel& kernel : sm90_kernels()) {
    SCOPED_TRACE(kernel.name);
    cudaFuncAttributes attributes;
    ASSERT_EQ(cudaFuncGetAttributes(&attributes, kernel.entry), cudaSuccess);
    EXPECT_GT(attributes.numRegs, 0);
    EXPECT_LE(attributes.numRegs, 168);
    EXPECT_EQ(attributes.localSizeBytes, 0u);
    EXPECT_LE(attributes.numRegs * kernel.tile.threads(), kOfAMultiprocessor);
    if (!kernel.tile.moves_registers()) continue;
    EXPECT_LE(128 * (kernel.tile.producer_registers() +
                     kernel.tile.consumers * kernel.tile.consumer_registers()),
              attributes.numRegs * kernel.tile.threads());
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
