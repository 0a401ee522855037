#include "problems/block_descriptor.hpp"

#include <gtest/gtest.h>

#include <string>

namespace foldconv::tool {
namespace {

BlockDescriptor parsed(const std::string& text) {
  const Result<BlockDescriptor> descriptor = parse_block_descriptor(text);
  EXPECT_TRUE(descriptor.ok()) << descriptor.status().message();
  return descriptor ? *descriptor
                    : BlockDescriptor{.problem = {}, .blocks = {{}}, .name = "", .text = ""};
}

BlockShape block(const std::string& text) {
  const BlockDescriptor descriptor = parsed(text);
  EXPECT_EQ(descriptor.blocks.size(), 1U);
  return descriptor.blocks.front();
}

std::string error_of(const std::string& text, ErrorCode code = ErrorCode::invalid_argument) {
  const Result<BlockDescriptor> descriptor = parse_block_descriptor(text);
  EXPECT_FALSE(descriptor.ok()) << text;
  if (descriptor) return "";
  EXPECT_EQ(descriptor.status().code(), code);
  return descriptor.status().message();
}

testing::AssertionResult names(const std::string& message, const std::string& part) {
  if (message.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "no \"" << part << "\" in \"" << message << '"';
}

TEST(BlockDescriptor, ReadsEveryEntry) {
  const std::string text = R"(mb3_ih56iw40_ic128mid64oc256_s2g4_v1_projn"all of them")";
  const BlockDescriptor descriptor = parsed(text);
  EXPECT_EQ(descriptor.problem.n, 3);
  EXPECT_EQ(descriptor.problem.h, 56);
  EXPECT_EQ(descriptor.problem.w, 40);
  const BlockShape expected{.c = 128,
                            .middle = 64,
                            .k = 256,
                            .stride = 2,
                            .stride_at = StrideAt::conv1,
                            .groups = 4,
                            .projection = true};
  ASSERT_EQ(descriptor.blocks.size(), 1U);
  EXPECT_EQ(descriptor.blocks.front(), expected);
  EXPECT_EQ(descriptor.name, "all of them");
  EXPECT_EQ(descriptor.text, text);
}

TEST(BlockDescriptor, LeftOutEntriesHaveDefaults) {
  const BlockDescriptor descriptor = parsed("ih56_ic256mid64oc256");
  EXPECT_EQ(descriptor.problem.n, 1);
  EXPECT_EQ(descriptor.problem.w, 56);
  const BlockShape expected{.c = 256, .middle = 64, .k = 256};
  EXPECT_EQ(descriptor.blocks, std::vector<BlockShape>{expected});
}

TEST(BlockDescriptor, AProjectionIsImpliedWhereTheShapesDiffer) {
  EXPECT_FALSE(block("ih8_ic64mid16oc64").projection);
  EXPECT_TRUE(block("ih8_ic64mid16oc128").projection);
  EXPECT_TRUE(block("ih8_ic64mid16oc64_s2").projection);
  EXPECT_TRUE(block("ih8_ic64mid16oc64_proj").projection);
}

TEST(BlockDescriptor, WithoutAMiddleItIsABasicBlock) {
  const BlockShape basic = block("ih56_ic64oc128_s2");
  EXPECT_TRUE(basic.basic());
  EXPECT_EQ(basic.stride, 2);
  EXPECT_TRUE(basic.projection);
}

TEST(BlockDescriptor, OrderAndUnderscoresAreFreeAndTheLastOneCounts) {
  const BlockShape usual = block("mb1_ih56_ic64mid32oc128_s2_v1");
  EXPECT_EQ(block("v1s2oc128mid32ic64ih56mb1"), usual);
  EXPECT_EQ(block("_v1__s2_oc128_mid32_ic64_ih56_mb1_"), usual);
  EXPECT_EQ(block("v1_5v1s1s2oc128mid99mid32ic64ih56mb1"), usual);
  EXPECT_EQ(block("v1v1_5oc128mid32ic64ih56s2").stride_at, StrideAt::conv2);
}

TEST(BlockDescriptor, AStageGoesOnWithIdentityBlocks) {
  const std::vector<BlockShape> blocks = parsed("ih56_ic128mid64oc256s2g2x3_v1").blocks;
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].stride, 2);
  EXPECT_TRUE(blocks[0].projection);
  const BlockShape identity{.c = 256, .middle = 64, .k = 256, .groups = 2};
  EXPECT_EQ(blocks[1], identity);
  EXPECT_EQ(blocks[2], identity);
}

TEST(BlockDescriptor, ANameEndsTheDescriptor) {
  EXPECT_EQ(parsed("ih8_ic8oc8nstage2.x3").name, "stage2.x3");
  EXPECT_EQ(label(parsed("ih8_ic8oc8n\"a b\"")), "a b");
  EXPECT_EQ(label(parsed("ih8_ic8oc8")), "ih8_ic8oc8");
}

TEST(BlockDescriptor, WritesWhatItReads) {
  for (const std::string text :
       {"mb2_ih56_ic64mid64oc256", "mb1_ih20iw30_ic256mid128oc512_s2_g32_v1", "mb1_ih8_ic64oc64",
        "mb1_ih8_ic64mid16oc64_proj", "mb4_ih56_ic64oc128_s2_x2", "mb1_ih56_ic64mid64oc256_x3"}) {
    const BlockDescriptor descriptor = parsed(text);
    EXPECT_EQ(to_descriptor(descriptor.problem, descriptor.blocks), text);
  }
}

TEST(BlockDescriptorErrors, NameTheCharacter) {
  EXPECT_TRUE(names(error_of("ih56_kh3"), "character 6: no entry begins with `kh`; known are mb"));
  EXPECT_TRUE(names(error_of("ih56_icX"), "character 8: `ic` needs a number"));
  EXPECT_TRUE(names(error_of("ih56_ic-4"), "character 8: `ic` needs a number"));
  EXPECT_TRUE(names(error_of("ih56_ic"), "character 8: `ic` needs a number"));
  EXPECT_TRUE(names(error_of("ih8_ic8oc8_v2"), "character 12: no entry begins with `v2`"));
}

TEST(BlockDescriptorErrors, NameWhatIsMissingOrZero) {
  EXPECT_TRUE(names(error_of(""), "character 1: `ih` is missing"));
  EXPECT_TRUE(names(error_of("ih8_oc8"), "character 8: `ic` is missing"));
  EXPECT_TRUE(names(error_of("ih8_ic8"), "character 8: `oc` is missing"));
  EXPECT_TRUE(names(error_of("ih8_ic8mid0oc8"), "character 8: `mid` is 0"));
  EXPECT_TRUE(names(error_of("ih8iw0_ic8oc8"), "character 4: `iw` is 0"));
  EXPECT_TRUE(names(error_of("mb0_ih8_ic8oc8"), "character 1: `mb` is 0"));
  EXPECT_TRUE(names(error_of("ih8_ic8oc8x0"), "character 11: `x` is 0"));
}

TEST(BlockDescriptorErrors, WhatNoBlockHas) {
  EXPECT_TRUE(names(error_of("ih8_ic8oc8s3"), "character 11: a block's stride is 1 or 2, not 3"));
  EXPECT_TRUE(names(error_of("ih8_ic8oc8s0"), "character 11: a block's stride is 1 or 2, not 0"));
  EXPECT_TRUE(names(error_of("ih8_ic8oc8g2"), "character 11: a basic block has no groups"));
  EXPECT_TRUE(names(error_of("ih8_ic8oc8v1"), "character 11: `v1` says which"));
  EXPECT_TRUE(names(error_of("ih8_ic8mid9oc8g2"), "character 8: `mid9` counts the channels"));
  EXPECT_TRUE(names(error_of("ih8_ic8oc8x101"), "character 11: a stage has at most 100 blocks"));
}

TEST(BlockDescriptorErrors, SizesThatNeedMoreThan31Bits) {
  EXPECT_TRUE(names(error_of("ih8_ic99999999999oc8", ErrorCode::unsupported),
                    "character 7: `ic` is too large"));
}

}  // namespace
}  // namespace foldconv::tool
