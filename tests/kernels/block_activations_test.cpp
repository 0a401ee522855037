// SPDX-License-Identifier: MIT
// Activations of a block, each where it belongs in every cut: all of them inside the block and after
// the sum, never the same one in both places.
#include "foldconv/block.hpp"
#include "kernels/support/block_cases.hpp"

namespace foldconv::kernel_tests {
namespace {

// With a slope that no default has.
Activation numbered(int kind) {
  return {static_cast<Activation::Kind>(kind % kActivationCount), 0.375f};
}

class BlockActivations : public testing::TestWithParam<int> {
 protected:
  static BlockShape activated(BlockShape shape) {
    shape.inner = numbered(GetParam());
    shape.last = numbered(GetParam() + 2);
    return shape;
  }
};

void expect_bits_by_hand(const BlockShape& shape, std::initializer_list<BlockCut> cuts) {
  const TestBlock test(shape, DataType::f16);
  const auto expected = test.run_by_hand();
  for (const BlockCut cut : cuts)
    EXPECT_EQ(test.run(plan_cut(test.create(), test.problem(), cut)), expected) << to_string(cut);
}

TEST_P(BlockActivations, IdentityBlock) {
  expect_bits_by_hand(activated({"identity", 1, 5, 9, 64, 64, 64}),
                      {BlockCut::whole, BlockCut::tails, BlockCut::chain});
}

TEST_P(BlockActivations, Projection) {
  BlockShape shape = activated({"projection", 1, 9, 5, 64, 64, 72});
  shape.downsample = true;
  expect_bits_by_hand(shape, {BlockCut::whole, BlockCut::tails, BlockCut::chain});
}

// The channels that fill up the middle tensor become what the activation makes of 0.
TEST_P(BlockActivations, NarrowMiddle) {
  expect_bits_by_hand(activated({"narrow", 1, 5, 9, 64, 16, 64}),
                      {BlockCut::whole, BlockCut::chain});
}

// Two convolutions of 16 channels, and the same ones wired by hand.
TEST_P(BlockActivations, BasicBlock) {
  const Shape shape{1, 5, 6, 16};
  std::vector<float> values, x;
  for (int i = 0; i < 2 * 16 * 16 * 9; ++i)
    values.push_back(static_cast<float>(i * 37 % 17 - 8) / 64);
  for (int i = 0; i < shape.elements(); ++i) x.push_back(static_cast<float>(i * 29 % 31 - 15) / 16);
  const auto layer = [&](std::size_t i) {
    return BlockLayer{{.values = std::span(values).subspan(i * 16 * 16 * 9, 16 * 16 * 9),
                       .k = 16,
                       .c_per_group = 16,
                       .r = 3,
                       .s = 3}};
  };
  BasicBlockWeights weights{.conv1 = layer(0), .conv2 = layer(1)};
  weights.inner = numbered(GetParam());
  weights.last = numbered(GetParam() + 2);

  const auto input = oracle::encode(DataType::f16, x);
  const DeviceBuffer in(input), middle(input.size()), out(input.size());
  const auto run = [&](const BlockLayer& from, const Activation& activation,
                       const ConvBuffers& buffers) {
    const auto conv = Conv::create(*fold(from.conv, {}));
    const auto plan =
        conv->plan({shape.n, shape.h, shape.w}, {.pad = Padding::same(1),
                                                 .activation = activation,
                                                 .residual = buffers.residual != nullptr});
    ASSERT_TRUE(plan.ok() && plan->run(buffers).ok());
  };
  run(weights.conv1, weights.inner, {.x = in.data(), .y = middle.data()});
  run(weights.conv2, weights.last, {.x = middle.data(), .residual = in.data(), .y = out.data()});
  check(cudaDeviceSynchronize(), "run");

  const auto block = Block::create(weights);
  ASSERT_TRUE(block.ok()) << block.status().message();
  EXPECT_EQ(run_block(plan_cut(*block, {shape.n, shape.h, shape.w}, BlockCut::automatic),
                      DataType::f16, input),
            out.download());
}

INSTANTIATE_TEST_SUITE_P(All, BlockActivations, testing::Range(0, kActivationCount),
                         [](const auto& test) {
                           return std::string(to_string(static_cast<Activation::Kind>(test.param)));
                         });

TEST(BlockSlopes, InnerAndLastHaveTheirOwn) {
  BlockShape shape{"slopes", 1, 5, 9, 64, 64, 64};
  shape.inner = Activation::leaky_relu(0.375f);
  shape.last = Activation::leaky_relu(-0.25f);
  expect_bits_by_hand(shape, {BlockCut::whole, BlockCut::tails, BlockCut::chain});
}

}  // namespace
}  // namespace foldconv::kernel_tests
