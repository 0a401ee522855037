// SPDX-License-Identifier: MIT
#include "kernels/support/cudnn_agreement.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "harness/device/buffer.hpp"
#include "harness/error.hpp"
#include "harness/ways/library.hpp"
#include "kernels/support/block_bound.hpp"

namespace foldconv::kernel_tests {
namespace {

DataType dtype_of(const BlockGolden& golden) {
  return golden.name.ends_with("_bf16") ? DataType::bf16 : DataType::f16;
}

}  // namespace

std::vector<BlockGolden> read_cudnn_blocks(const std::string& folder) {
  return std::filesystem::exists(folder + "/blocks/index.txt")
             ? read_block_goldens(folder + "/blocks")
             : std::vector<BlockGolden>();
}

// The bound is for our K order. cuDNN's is not known; errors of sums are a small part of the bound,
// which is that of the roundings between the convolutions.
oracle::Comparison compare_block(const BlockGolden& golden, BlockCut cut) {
  const DataType dtype = dtype_of(golden);
  oracle::Expected allowed = expect_block(golden, dtype);
  for (std::size_t i = 0; i < allowed.y.size(); ++i) {
    allowed.y[i] = static_cast<double>(golden.y[i]);
    allowed.bound[i] *= 2;
  }
  const BlockPlan plan = harness::value_of(
      create_block(golden, dtype).plan({golden.n, golden.h, golden.w}, {.cut = cut}), golden.name);
  const harness::DeviceBuffer x(oracle::encode(dtype, golden.x));
  const harness::DeviceBuffer y(golden.y.size() * size_of(dtype));
  const harness::DeviceBuffer workspace(plan.workspace_bytes());
  harness::launch_of(plan, x, y, workspace)(nullptr);
  harness::check(cudaDeviceSynchronize(), golden.name);
  return oracle::compare(oracle::decode(dtype, y.download()), allowed);
}

void expect_agreement(const std::string& folder) {
  for (const CudnnGolden& golden : read_cudnn_goldens(folder)) {
    const oracle::Comparison result = compare_with_library(golden);
    EXPECT_TRUE(result.pass) << golden.name << " (" << golden.witness
                             << "): " << result.to_string();
  }
  for (const BlockGolden& golden : read_cudnn_blocks(folder)) {
    for (const BlockCut cut : {BlockCut::automatic, BlockCut::chain}) {
      const oracle::Comparison result = compare_block(golden, cut);
      EXPECT_TRUE(result.pass) << golden.name << ", " << to_string(cut) << ": "
                               << result.to_string();
    }
  }
}

}  // namespace foldconv::kernel_tests
