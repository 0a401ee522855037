// Residual blocks with data, and the convolutions they consist of.
#include "compute/block_workload.hpp"

#include <gtest/gtest.h>

#include <string>

#include "block_workload_of.hpp"
#include "compute/block_convs.hpp"

namespace foldconv::tool {
namespace {

BlockConvs convs_of(const BlockWorkload& workload) {
  return tool::convs_of(workload.blocks.front().weights, workload.dtype, workload.input().shape);
}

TEST(BlockConvs, OfABottleneckWithTheStrideOnItsMiddle) {
  const BlockWorkload workload = workload_of("mb2ih9iw8_ic64mid32oc128_s2g4");
  const BlockConvs convs = convs_of(workload);
  ASSERT_EQ(convs.line.size(), 3U);
  EXPECT_EQ(to_string(convs.line[0].problem), "n2 9x8x64 -> 9x8x32 1x1 s1 p0 f16 relu");
  EXPECT_EQ(to_string(convs.line[1].problem), "n2 9x8x32 -> 5x4x32 3x3 s2 p1 g4 f16 relu");
  EXPECT_EQ(convs.line[2].problem.output(), (Shape{2, 5, 4, 128}));
  EXPECT_TRUE(convs.line[2].problem.residual);
  ASSERT_TRUE(convs.downsample);
  EXPECT_EQ(to_string(convs.downsample->problem), "n2 9x8x64 -> 5x4x128 1x1 s2 p0 f16");
  EXPECT_EQ(convs.output(), convs.downsample->problem.output());
}

TEST(BlockConvs, OfABottleneckWithTheStrideOnItsFirst) {
  const BlockWorkload workload = workload_of("ih9_ic64mid32oc128_s2v1");
  const BlockConvs convs = convs_of(workload);
  EXPECT_EQ(convs.line[0].problem.stride.h, 2);
  EXPECT_EQ(convs.line[1].problem.stride.h, 1);
  EXPECT_EQ(convs.output(), (Shape{1, 5, 5, 128}));
}

TEST(BlockConvs, OfABasicBlock) {
  const BlockWorkload workload = workload_of("ih9_ic16oc16");
  const BlockConvs convs = convs_of(workload);
  ASSERT_EQ(convs.line.size(), 2U);
  EXPECT_FALSE(convs.downsample);
  EXPECT_EQ(convs.flops(), 2 * 2.0 * 81 * 16 * 16 * 9);
  EXPECT_EQ(convs.weight_elements(), 2 * 16 * 16 * 9);
}

TEST(BlockWorkload, FollowsTheOptions) {
  Options options;
  options.dtype = DataType::bf16;
  options.activation = Activation::silu;
  options.batch_norm = false;
  options.conv_bias = true;
  const BlockWorkload workload = workload_of("mb3_ih8_ic16mid8oc16", options);
  EXPECT_EQ(workload.dtype, DataType::bf16);
  EXPECT_EQ(workload.problem.n, 3);
  const auto& weights = std::get<BottleneckWeights>(workload.blocks.front().weights);
  EXPECT_EQ(weights.inner, Activation::silu);
  EXPECT_EQ(weights.last, Activation::silu);
  EXPECT_FALSE(weights.conv1.batch_norm);
  EXPECT_EQ(weights.conv3.conv.bias.size(), 16U);
}

TEST(BlockWorkload, EveryLayerHasDataOfItsOwn) {
  const BlockWorkload workload = workload_of("ih8_ic16oc16x2");
  const auto& first = std::get<BasicBlockWeights>(workload.blocks[0].weights);
  const auto& second = std::get<BasicBlockWeights>(workload.blocks[1].weights);
  const auto value = [](const BlockLayer& layer) { return layer.conv.values.front(); };
  EXPECT_NE(value(first.conv1), value(first.conv2));
  EXPECT_NE(value(first.conv1), value(second.conv1));
  Options options;
  options.seed = 2;
  const BlockWorkload other = workload_of("ih8_ic16oc16x2", options);
  EXPECT_NE(value(std::get<BasicBlockWeights>(other.blocks[0].weights).conv1), value(first.conv1));
  EXPECT_NE(other.x, workload.x);
}

TEST(BlockWorkload, SizesThatNoConvolutionTakesAreErrors) {
  for (const std::string text : {"ih2147483647_ic8oc8", "ih8_ic2147483647oc2147483646"}) {
    const Result<BlockDescriptor> descriptor = parse_block_descriptor(text);
    ASSERT_TRUE(descriptor.ok()) << descriptor.status().message();
    const Result<BlockWorkload> workload = make_block_workload(*descriptor, Options{});
    EXPECT_FALSE(workload.ok()) << text;
  }
}

TEST(BlockWorkload, LargeBatchesHoldCopies) {
  const BlockWorkload workload = workload_of("mb64_ih28_ic512mid128oc512");
  EXPECT_LT(workload.distinct, 64);
  EXPECT_GE(workload.distinct, 1);
  EXPECT_EQ(workload.x.size(), static_cast<std::size_t>(workload.distinct) * 28 * 28 * 512);
  EXPECT_EQ(workload.encoded_x(64).size(), workload.input().bytes());
}

}  // namespace
}  // namespace foldconv::tool
