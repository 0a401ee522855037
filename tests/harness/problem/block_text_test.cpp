// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <string>

#include "harness/caught.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {
namespace {

std::vector<BlockShape> blocks(const std::string& text) {
  std::vector<BlockShape> shapes;
  for (const Line& line : parse_block(text).lines) shapes.push_back(shape_of(line));
  return shapes;
}

BlockShape block(const std::string& text) {
  EXPECT_EQ(blocks(text).size(), 1U);
  return blocks(text).front();
}

std::string block_error(const std::string& text, ErrorCode code = ErrorCode::invalid_argument) {
  return message_of([&] { parse_block(text); }, code);
}

TEST(BlockText, ReadsEveryEntry) {
  const std::string text = R"(mb3_ih56iw40_ic128mid64oc256_s2g4_v1_projn"all of them")";
  EXPECT_EQ(parse_block(text).input().shape, (Shape{3, 56, 40, 128}));
  const BlockShape expected{.c = 128,
                            .middle = 64,
                            .k = 256,
                            .stride = 2,
                            .stride_at = StrideAt::conv1,
                            .groups = 4,
                            .projection = true};
  EXPECT_EQ(block(text), expected);
  EXPECT_EQ(parse_block(text).name, "all of them");
}

TEST(BlockText, LeftOutEntriesHaveDefaults) {
  EXPECT_EQ(parse_block("ih56_ic256mid64oc256").input().shape, (Shape{1, 56, 56, 256}));
  const BlockShape expected{.c = 256, .middle = 64, .k = 256};
  EXPECT_EQ(block("ih56_ic256mid64oc256"), expected);
}

TEST(BlockText, AProjectionIsImpliedWhereTheShapesDiffer) {
  EXPECT_FALSE(block("ih8_ic64mid16oc64").projection);
  EXPECT_TRUE(block("ih8_ic64mid16oc128").projection);
  EXPECT_TRUE(block("ih8_ic64mid16oc64_s2").projection);
  EXPECT_TRUE(block("ih8_ic64mid16oc64_proj").projection);
}

TEST(BlockText, WithoutAMiddleItIsABasicBlock) {
  const BlockShape basic = block("ih56_ic64oc128_s2");
  EXPECT_TRUE(basic.basic());
  EXPECT_EQ(basic.stride, 2);
  EXPECT_TRUE(basic.projection);
}

TEST(BlockText, OrderAndUnderscoresAreFreeAndTheLastOneCounts) {
  const BlockShape usual = block("mb1_ih56_ic64mid32oc128_s2_v1");
  EXPECT_EQ(block("v1s2oc128mid32ic64ih56mb1"), usual);
  EXPECT_EQ(block("_v1__s2_oc128_mid32_ic64_ih56_mb1_"), usual);
  EXPECT_EQ(block("v1_5v1s1s2oc128mid99mid32ic64ih56mb1"), usual);
  EXPECT_EQ(block("v1v1_5oc128mid32ic64ih56s2").stride_at, StrideAt::conv2);
}

TEST(BlockText, AStageGoesOnWithIdentityBlocks) {
  const std::vector<BlockShape> stage = blocks("ih56_ic128mid64oc256s2g2x3_v1");
  ASSERT_EQ(stage.size(), 3U);
  EXPECT_EQ(stage[0].stride, 2);
  EXPECT_TRUE(stage[0].projection);
  const BlockShape identity{.c = 256, .middle = 64, .k = 256, .groups = 2};
  EXPECT_EQ(stage[1], identity);
  EXPECT_EQ(stage[2], identity);
}

TEST(BlockText, ADepthwiseMakesAnInvertedBlock) {
  const BlockShape strided{.c = 16, .middle = 96, .k = 24, .stride = 2, .depthwise = 5};
  EXPECT_EQ(block("ih8_ic16mid96oc24_s2dw5"), strided);
  const BlockShape plain{.c = 16, .k = 16, .depthwise = 3};
  EXPECT_EQ(block("ih8_ic16oc16_dw3_plain"), plain);
  const BlockShape residual{.c = 16, .k = 16, .depthwise = 3, .residual = true};
  EXPECT_EQ(block("ih8_ic16oc16_dw3"), residual);
  EXPECT_FALSE(block("ih8_ic16oc24_dw3").residual);
  EXPECT_FALSE(block("ih8_ic16oc24_dw3").projection);
}

TEST(BlockText, AnInvertedStageGoesOnWithTheSameExpansion) {
  const std::vector<BlockShape> stage = blocks("ih8_ic16mid96oc24_s2dw3x2");
  ASSERT_EQ(stage.size(), 2U);
  const BlockShape second{.c = 24, .middle = 144, .k = 24, .depthwise = 3, .residual = true};
  EXPECT_EQ(stage[1], second);
  EXPECT_FALSE(blocks("ih8_ic16mid96oc24_s2dw3x2_plain")[1].residual);
  EXPECT_TRUE(names(block_error("ih8_ic16mid24oc24dw3x2"), "character 9: the blocks behind"));
}

TEST(BlockText, PadsAnInvertedBlockAsTensorFlowDoes) {
  const auto pad = [](const std::string& text) {
    const Line line = parse_block(text).lines.front();
    return line.convs[line.convs.size() - 2].problem.pad;
  };
  EXPECT_EQ(pad("ih8iw9_ic16oc24_s2dw3"), Padding::same(1));
  EXPECT_EQ(pad("ih8iw9_ic16oc24_s2dw3_tf"), (Padding{0, 1, 1, 1}));
  EXPECT_EQ(pad("ih8iw9_ic16oc24_s2dw5_tf"), (Padding{1, 2, 2, 2}));
  EXPECT_EQ(pad("ih8iw9_ic16oc24dw5_tf"), Padding::same(2));
  EXPECT_EQ(parse_block("ih8iw9_ic16oc24_s2dw5_tf").output().shape, (Shape{1, 4, 5, 24}));
}

TEST(BlockText, ANameEndsTheDescriptor) {
  EXPECT_EQ(parse_block("ih8_ic8oc8nstage2.x3").name, "stage2.x3");
  EXPECT_EQ(parse_block("ih8_ic8oc8n\"a b\"").label, "a b");
  EXPECT_EQ(parse_block("ih8_ic8oc8").label, "ih8_ic8oc8");
}

TEST(BlockText, WritesWhatItReads) {
  for (const std::string text :
       {"mb2_ih56_ic64mid64oc256", "mb1_ih20iw30_ic256mid128oc512_s2_g32_v1", "mb1_ih8_ic64oc64",
        "mb1_ih8_ic64mid16oc64_proj", "mb4_ih56_ic64oc128_s2_x2", "mb1_ih56_ic64mid64oc256_x3",
        "mb1_ih9iw8_ic16mid96oc24_s2_dw5_tf", "mb1_ih8_ic16oc16_dw3_plain",
        "mb2_ih8_ic16mid96oc16_dw3_x2", "mb1_ih8_ic256mid128oc256_g32_x2"}) {
    EXPECT_EQ(descriptor_of(parse_block(text)), text);
  }
}

TEST(BlockText, BlocksThatAreNoStageStandOneBehindTheOther) {
  Problem problem = parse_block("mb1_ih8_ic64oc128_s2_x2");
  problem.lines.push_back(parse_block("mb1_ih4_ic128mid32oc128").lines.front());
  EXPECT_EQ(descriptor_of(problem),
            "mb1_ih8_ic64oc128_s2 + mb1_ih4_ic128oc128 + mb1_ih4_ic128mid32oc128");
}

TEST(BlockTextErrors, NameTheCharacter) {
  EXPECT_TRUE(
      names(block_error("ih56_kh3"), "character 6: no entry begins with `kh`; known are mb"));
  EXPECT_TRUE(names(block_error("ih56_icX"), "character 8: `ic` needs a number"));
  EXPECT_TRUE(names(block_error("ih56_ic-4"), "character 8: `ic` needs a number"));
  EXPECT_TRUE(names(block_error("ih56_ic"), "character 8: `ic` needs a number"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8_v2"), "character 12: no entry begins with `v2`"));
}

TEST(BlockTextErrors, NameWhatIsMissingOrZero) {
  EXPECT_TRUE(names(block_error(""), "character 1: `ih` is missing"));
  EXPECT_TRUE(names(block_error("ih8_oc8"), "character 8: `ic` is missing"));
  EXPECT_TRUE(names(block_error("ih8_ic8"), "character 8: `oc` is missing"));
  EXPECT_TRUE(names(block_error("ih8_ic8mid0oc8"), "character 8: `mid` is 0"));
  EXPECT_TRUE(names(block_error("ih8iw0_ic8oc8"), "character 4: `iw` is 0"));
  EXPECT_TRUE(names(block_error("mb0_ih8_ic8oc8"), "character 1: `mb` is 0"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8x0"), "character 11: `x` is 0"));
}

TEST(BlockTextErrors, WhatNoBlockHas) {
  EXPECT_TRUE(
      names(block_error("ih8_ic8oc8s3"), "character 11: a block's stride is 1 or 2, not 3"));
  EXPECT_TRUE(
      names(block_error("ih8_ic8oc8s0"), "character 11: a block's stride is 1 or 2, not 0"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8g2"), "character 11: a basic block has no groups"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8v1"), "character 11: `v1` says which"));
  EXPECT_TRUE(names(block_error("ih8_ic8mid9oc8g2"), "character 8: `mid9` counts the channels"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8x101"), "character 11: a stage has at most 100 blocks"));
}

TEST(BlockTextErrors, WhatNoInvertedBlockHas) {
  EXPECT_TRUE(names(block_error("ih8_ic8oc8dw4"), "character 11: `dw4` is even"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8dw0"), "character 11: `dw` is 0"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8g2dw3"), "character 11: an inverted block has no `g2`"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8dw3v1"), "an inverted block has no `v1`"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8dw3_proj"), "an inverted block has no `proj`"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8_tf"), "character 12: `tf` is of inverted blocks"));
  EXPECT_TRUE(names(block_error("ih8_ic8oc8_plain"), "`plain` is of inverted blocks"));
}

TEST(BlockTextErrors, SizesThatNeedMoreThan31Bits) {
  EXPECT_TRUE(names(block_error("ih8_ic99999999999oc8", ErrorCode::unsupported),
                    "character 7: `ic` is too large"));
}

}  // namespace
}  // namespace foldconv::harness
