// SPDX-License-Identifier: MIT
// The blocks of published networks at their own sizes: every cut that a kernel takes gives the
// chain's bits, and the cuts that should be taken are.
#include <utility>

#include "foldconv/block.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

struct NetworkBlock {
  BlockShape shape;
  bool whole, tails;  // whether the cut takes the block
};

BlockShape grouped(BlockShape shape, int groups) {
  shape.block.groups = groups;
  return shape;
}

// Both conventions of the stride; a block of stride 1 is the same in both.
const NetworkBlock kResNet50[] = {
    {with_downsample({"stage2_first", 1, 56, 56, 64, 64, 256}), true, true},
    {{"stage2_identity", 1, 56, 56, 256, 64, 256}, true, true},
    {with_downsample({"stage3_first_v1", 1, 56, 56, 256, 128, 512}, 2, StrideAt::conv1), false,
     true},
    {with_downsample({"stage3_first", 1, 56, 56, 256, 128, 512}, 2), false, true},
    {{"stage3_identity", 1, 28, 28, 512, 128, 512}, false, true},
    {with_downsample({"stage4_first_v1", 1, 28, 28, 512, 256, 1024}, 2, StrideAt::conv1), false,
     false},
    {with_downsample({"stage4_first", 1, 28, 28, 512, 256, 1024}, 2), false, false},
    {{"stage4_identity", 1, 14, 14, 1024, 256, 1024}, false, true},
    {with_downsample({"stage5_first_v1", 1, 14, 14, 1024, 512, 2048}, 2, StrideAt::conv1), false,
     false},
    {with_downsample({"stage5_first", 1, 14, 14, 1024, 512, 2048}, 2), false, false},
    {{"stage5_identity", 1, 7, 7, 2048, 512, 2048}, false, false},
};

const NetworkBlock kOthers[] = {
    {{"wide_resnet_stage2", 1, 56, 56, 256, 128, 256}, false, true},
    {with_downsample({"wide_resnet_stage2_first", 1, 56, 56, 64, 128, 256}), false, true},
    {{"wide_resnet_stage3", 1, 28, 28, 512, 256, 512}, false, true},
    {grouped({"resnext_stage2", 1, 56, 56, 256, 128, 256}, 32), false, false},
    {grouped(with_downsample({"resnext_stage3_first", 1, 56, 56, 256, 256, 512}, 2), 32), false,
     false},
    {{"resnet164_cifar", 1, 32, 32, 64, 16, 64}, true, false},
};

// Stage 4's first block, tails, holds x and t2 of 64 pixels beside the ring: 224 KiB.
bool taken(const NetworkBlock& block, BlockCut cut, bool large_shared_memory) {
  if (cut == BlockCut::whole) return block.whole;
  return block.tails ||
         (large_shared_memory && block.shape.block.c == 512 && block.shape.block.middle == 256);
}

bool large_shared_memory() {
  int bytes = 0;
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), "attribute");
  return bytes >= 227 * 1024;
}

class BlockNetworks : public testing::TestWithParam<std::pair<NetworkBlock, DataType>> {};

TEST_P(BlockNetworks, EveryCutHasTheBitsOfTheChain) {
  const auto& [block, dtype] = GetParam();
  const TestBlocks test(block.shape, dtype);
  std::vector<std::byte> chain;
  for (const BlockCut cut : {BlockCut::whole, BlockCut::tails}) {
    const auto plan = test.plan({.cut = cut});
    EXPECT_EQ(plan.ok(), taken(block, cut, large_shared_memory()))
        << to_string(cut) << ": " << plan.status().message();
    if (!plan.ok()) continue;
    if (chain.empty()) chain = test.run(BlockCut::chain);
    EXPECT_EQ(test.run(*plan), chain) << to_string(cut);
  }
  // A chain that nothing is compared with runs for the emulator's checks, where it is small.
  if (chain.empty() && (block.shape.h < 10 || block.shape.block.groups > 1)) {
    test.run(BlockCut::chain);
  }
}

auto blocks_of(std::span<const NetworkBlock> network, int images, int h, int w, DataType dtype) {
  std::vector<std::pair<NetworkBlock, DataType>> cases;
  for (NetworkBlock block : network) {
    block.shape.n = images;
    if (h > 0) {
      block.shape.h = h;
      block.shape.w = w;
    }
    cases.emplace_back(block, dtype);
  }
  return testing::ValuesIn(cases);
}
constexpr auto kName = [](const auto& info) {
  return std::string(info.param.first.shape.name) + '_' + to_string(info.param.second);
};

INSTANTIATE_TEST_SUITE_P(ResNet50, BlockNetworks, blocks_of(kResNet50, 1, 0, 0, DataType::f16),
                         kName);
INSTANTIATE_TEST_SUITE_P(ResNet50Batch2, BlockNetworks,
                         blocks_of(kResNet50, 2, 13, 11, DataType::f16), kName);
INSTANTIATE_TEST_SUITE_P(ResNet50Batch3, BlockNetworks,
                         blocks_of(kResNet50, 3, 9, 10, DataType::bf16), kName);
INSTANTIATE_TEST_SUITE_P(ResNet50Batch4, BlockNetworks,
                         blocks_of(kResNet50, 4, 7, 7, DataType::bf16), kName);
INSTANTIATE_TEST_SUITE_P(ResNet50OddSizes, BlockNetworks,
                         blocks_of(kResNet50, 1, 57, 43, DataType::f16), kName);
INSTANTIATE_TEST_SUITE_P(Others, BlockNetworks, blocks_of(kOthers, 1, 0, 0, DataType::f16), kName);
INSTANTIATE_TEST_SUITE_P(OthersOddSizes, BlockNetworks,
                         blocks_of(kOthers, 2, 15, 17, DataType::bf16), kName);

}  // namespace
}  // namespace foldconv::kernel_tests
