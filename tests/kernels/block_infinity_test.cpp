// SPDX-License-Identifier: MIT
// Values that overflow: every cut gives the infinities of the chain, and no NaN of its own.
#include <algorithm>
#include <limits>

#include "foldconv/block.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

// Weights that are all the same, so that an infinity meets no other sign and makes no NaN.
struct EvenBlock {
  int c, middle, k;
  bool downsample = false;

  Block create() const {
    const std::vector<float> values(std::size_t(std::max({c, middle, k})) * 256 * 9, 1.0f / 64);
    const auto layer = [&](int to, int from, int r) {
      return BlockLayer{{.values = std::span(values).first(std::size_t(to * from * r * r)),
                         .k = to,
                         .c_per_group = from,
                         .r = r,
                         .s = r}};
    };
    BottleneckWeights weights{.conv1 = layer(middle, c, 1),
                              .conv2 = layer(middle, middle, 3),
                              .conv3 = layer(k, middle, 1)};
    if (downsample) weights.downsample = layer(k, c, 1);
    return value_of(Block::create(weights));
  }
};

// Channels past the last one are zeros whatever the sums beside them are: infinity times a zero weight
// would be NaN.
TEST(BlockInfinity, TheChannelsThatFillUpASliceStayZero) {
  const std::vector<std::pair<std::vector<EvenBlock>, BlockCut>> stages = {
      {{{64, 16, 64}, {64, 64, 72, true}}, BlockCut::whole},
      {{{72, 72, 72}, {72, 72, 72}}, BlockCut::tails},
      {{{72, 72, 72}, {72, 104, 136, true}, {136, 64, 136}}, BlockCut::tails}};
  for (const auto& [blocks, cut] : stages) {
    std::vector<Block> created;
    for (const EvenBlock& block : blocks) created.push_back(block.create());
    const Stage stage = *Stage::create(created);
    const Images problem{1, 7, 9};
    std::vector<float> x(std::size_t(problem.h * problem.w * blocks.front().c), 0.25f);
    x[std::size_t(blocks.front().c) * 31 + 5] = std::numeric_limits<float>::infinity();
    const auto input = oracle::encode(DataType::f16, x);
    const auto run = [&](BlockCut each) {
      return run_block(value_of(stage.plan(problem, {.cut = each})), DataType::f16, input);
    };
    const auto chain = run(BlockCut::chain);
    const auto values = oracle::decode(DataType::f16, chain);
    ASSERT_TRUE(std::ranges::none_of(values, [](float value) { return value != value; }));
    ASSERT_TRUE(std::ranges::count(values, std::numeric_limits<float>::infinity()) > 0);
    EXPECT_EQ(run(cut), chain) << to_string(cut);
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
