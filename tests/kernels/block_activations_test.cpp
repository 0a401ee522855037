// Activations of a block, each where it belongs in every cut: all of them inside the block and after
// the sum, never the same one in both places.
#include "foldconv/block.hpp"
#include "kernels/support/block_cases.hpp"

namespace foldconv::kernel_tests {
namespace {

Activation other_than(Activation activation) {
  return static_cast<Activation>((static_cast<int>(activation) + 2) % kActivationCount);
}

class BlockActivations : public testing::TestWithParam<int> {
 protected:
  // With a slope that no default has.
  static BlockShape activated(BlockShape shape) {
    shape.inner = static_cast<Activation>(GetParam());
    shape.last = other_than(shape.inner);
    shape.alpha = 0.375f;
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
                      {BlockCut::whole, BlockCut::rotated, BlockCut::chain});
}

TEST_P(BlockActivations, Projection) {
  BlockShape shape = activated({"projection", 1, 9, 5, 64, 64, 72});
  shape.downsample = true;
  expect_bits_by_hand(shape, {BlockCut::whole, BlockCut::rotated, BlockCut::chain});
}

// The channels that fill up the middle tensor become what the activation makes of 0.
TEST_P(BlockActivations, NarrowMiddle) {
  expect_bits_by_hand(activated({"narrow", 1, 5, 9, 64, 16, 64}),
                      {BlockCut::whole, BlockCut::chain});
}

INSTANTIATE_TEST_SUITE_P(All, BlockActivations, testing::Range(0, kActivationCount),
                         [](const auto& test) {
                           return std::string(to_string(static_cast<Activation>(test.param)));
                         });

}  // namespace
}  // namespace foldconv::kernel_tests
