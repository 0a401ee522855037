// The blocks of published networks at their own sizes: every cut that a kernel takes gives the
// chain's bits, and the cuts that should be taken are.
#include <utility>

#include "foldconv/block.hpp"
#include "kernels/support/block_cases.hpp"

namespace foldconv::kernel_tests {
namespace {

struct NetworkBlock {
  BlockShape shape;
  bool whole, rotated;  // whether the cut takes the block
};

// Both conventions of the stride; a block of stride 1 is the same in both.
const NetworkBlock kResNet50[] = {
    {{.name = "stage2_first",
      .n = 1,
      .h = 56,
      .w = 56,
      .c = 64,
      .middle = 64,
      .k = 256,
      .downsample = true},
     true,
     true},
    {{"stage2_identity", 1, 56, 56, 256, 64, 256}, true, true},
    {{.name = "stage3_first_v1",
      .n = 1,
      .h = 56,
      .w = 56,
      .c = 256,
      .middle = 128,
      .k = 512,
      .stride = 2,
      .stride_at = StrideAt::conv1,
      .downsample = true},
     false,
     true},
    {{.name = "stage3_first",
      .n = 1,
      .h = 56,
      .w = 56,
      .c = 256,
      .middle = 128,
      .k = 512,
      .stride = 2,
      .downsample = true},
     false,
     true},
    {{"stage3_identity", 1, 28, 28, 512, 128, 512}, false, true},
    {{.name = "stage4_first_v1",
      .n = 1,
      .h = 28,
      .w = 28,
      .c = 512,
      .middle = 256,
      .k = 1024,
      .stride = 2,
      .stride_at = StrideAt::conv1,
      .downsample = true},
     false,
     false},
    {{.name = "stage4_first",
      .n = 1,
      .h = 28,
      .w = 28,
      .c = 512,
      .middle = 256,
      .k = 1024,
      .stride = 2,
      .downsample = true},
     false,
     false},
    {{"stage4_identity", 1, 14, 14, 1024, 256, 1024}, false, true},
    {{.name = "stage5_first_v1",
      .n = 1,
      .h = 14,
      .w = 14,
      .c = 1024,
      .middle = 512,
      .k = 2048,
      .stride = 2,
      .stride_at = StrideAt::conv1,
      .downsample = true},
     false,
     false},
    {{.name = "stage5_first",
      .n = 1,
      .h = 14,
      .w = 14,
      .c = 1024,
      .middle = 512,
      .k = 2048,
      .stride = 2,
      .downsample = true},
     false,
     false},
    {{"stage5_identity", 1, 7, 7, 2048, 512, 2048}, false, false},
};

const NetworkBlock kOthers[] = {
    {{"wide_resnet_stage2", 1, 56, 56, 256, 128, 256}, false, true},
    {{.name = "wide_resnet_stage2_first",
      .n = 1,
      .h = 56,
      .w = 56,
      .c = 64,
      .middle = 128,
      .k = 256,
      .downsample = true},
     false,
     true},
    {{"wide_resnet_stage3", 1, 28, 28, 512, 256, 512}, false, true},
    {{.name = "resnext_stage2",
      .n = 1,
      .h = 56,
      .w = 56,
      .c = 256,
      .middle = 128,
      .k = 256,
      .groups = 32},
     false,
     false},
    {{.name = "resnext_stage3_first",
      .n = 1,
      .h = 56,
      .w = 56,
      .c = 256,
      .middle = 256,
      .k = 512,
      .stride = 2,
      .groups = 32,
      .downsample = true},
     false,
     false},
    {{"resnet164_cifar", 1, 32, 32, 64, 16, 64}, true, false},
};

// Stage 4's first block, rotated, holds x and t2 of 64 pixels beside the ring: 224 KiB.
bool taken(const NetworkBlock& block, BlockCut cut, bool large_shared_memory) {
  if (cut == BlockCut::whole) return block.whole;
  return block.rotated ||
         (large_shared_memory && block.shape.c == 512 && block.shape.middle == 256);
}

bool large_shared_memory() {
  int bytes = 0;
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), "attribute");
  return bytes >= 227 * 1024;
}

class BlockNetworks : public testing::TestWithParam<std::pair<NetworkBlock, DataType>> {};

TEST_P(BlockNetworks, EveryCutHasTheBitsOfTheChain) {
  const auto& [block, dtype] = GetParam();
  const TestBlock test(block.shape, dtype);
  const Bottleneck bottleneck = test.create();
  const auto chain = test.run(plan_cut(bottleneck, test.problem(), BlockCut::chain));
  for (const BlockCut cut : {BlockCut::whole, BlockCut::rotated}) {
    const auto plan = bottleneck.plan(test.problem(), {.cut = cut});
    EXPECT_EQ(plan.ok(), taken(block, cut, large_shared_memory()))
        << to_string(cut) << ": " << plan.status().message();
    if (!plan.ok()) continue;
    EXPECT_EQ(test.run(*plan), chain) << to_string(cut);
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
