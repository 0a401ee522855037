// SPDX-License-Identifier: MIT
// The sums of wgmma over rings of stages, against plain loops: exact integers.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "harness/oracle/rounding.hpp"
#include "kernels/sm90/compute_stage_kernels.hpp"
#include "kernels/sm90/hand_launch.hpp"
#include "kernels/stage/buffers.hpp"

namespace foldconv::stage_tests {
namespace {

// The i-th of all stages' elements; no row or column is like another.
int operand(int i) {
  return static_cast<int>(static_cast<std::uint32_t>(i) * 2654435761u >> 16) % 17 - 8;
}

void expect_products(int tile, DataType dtype, int tiles, int k_blocks) {
  SCOPED_TRACE(testing::Message() << "tile " << tile << ", " << tiles << " tiles of " << k_blocks
                                  << " blocks of K");
  const Sm90Tile& t = kProductTiles[tile];
  const int rows = t.block_m + t.block_n, fills = tiles * k_blocks;
  const auto value = [&](int fill, int row, int k) {
    return operand((fill * rows + row) * 64 + k);
  };
  std::vector<float> stored;
  for (int fill = 0; fill < fills; ++fill) {
    for (int row = 0; row < rows; ++row) {
      for (int place = 0; place < 64; ++place) {
        // Of the row's eight chunks of eight elements those of its number lie exchanged.
        const int k = (place / 8 ^ row % 8) * 8 + place % 8;
        stored.push_back(static_cast<float>(value(fill, row, k)));
      }
    }
  }
  const DeviceBuffer stages(oracle::encode(dtype, stored));
  const DeviceBuffer sums(static_cast<std::size_t>(tiles * t.block_m * t.block_n) * 4);
  const DeviceBuffer filled = on_device(std::vector<int>(static_cast<std::size_t>(fills)));
  const DeviceBuffer calls(static_cast<std::size_t>(t.consumers) * 128 * 4);
  launch_products(
      {static_cast<const std::uint16_t*>(stages.data()), static_cast<float*>(sums.data()),
       static_cast<int*>(filled.data()), static_cast<int*>(calls.data()), tiles, k_blocks},
      tile);
  kernel_tests::check(cudaDeviceSynchronize(), "products");

  const std::vector<float> got = downloaded<float>(sums);
  std::size_t at = 0;
  for (int i = 0; i < tiles; ++i) {
    for (int m = 0; m < t.block_m; ++m) {
      for (int n = 0; n < t.block_n; ++n, ++at) {
        int sum = 0;
        for (int fill = i * k_blocks; fill < (i + 1) * k_blocks; ++fill) {
          for (int k = 0; k < 64; ++k) sum += value(fill, m, k) * value(fill, t.block_m + n, k);
        }
        ASSERT_EQ(got[at], static_cast<float>(sum))
            << "tile " << i << ", row " << m << ", column " << n;
      }
    }
  }
  for (const int count : downloaded<int>(calls)) ASSERT_EQ(count, tiles) << "calls of all_arrived";
}

class Sm90Products : public testing::Test {
 protected:
  void SetUp() override {
    if (!kernel_tests::has_wgmma()) GTEST_SKIP() << "no device of compute capability 9.0";
  }
};

TEST_F(Sm90Products, OneAtom) {
  for (const int k_blocks : {1, 2, 3, 7}) expect_products(0, DataType::bf16, 3, k_blocks);
}
TEST_F(Sm90Products, TwoAtomsAndPanels) {
  for (const int k_blocks : {1, 5}) expect_products(1, DataType::f16, 2, k_blocks);
}
TEST_F(Sm90Products, TwoConsumersOfAStage) {
  for (const int k_blocks : {1, 4}) expect_products(2, DataType::f16, 2, k_blocks);
}

}  // namespace
}  // namespace foldconv::stage_tests
