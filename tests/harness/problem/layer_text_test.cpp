// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <string>

#include "harness/caught.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {
namespace {

ConvProblem parsed(const std::string& text) {
  return parse_layer(text).lines.front().convs.front().problem;
}

std::string layer_error(const std::string& text, ErrorCode code = ErrorCode::invalid_argument) {
  return message_of([&] { parse_layer(text); }, code);
}

TEST(LayerText, ReadsEveryEntry) {
  const std::string text =
      R"(g2mb3_ic8oc16_ih20oh9kh3sh2dh1ph1_iw30ow30kw5sw1dw0pw2n"all of them")";
  const ConvProblem expected{.n = 3,
                             .h = 20,
                             .w = 30,
                             .c = 8,
                             .k = 16,
                             .r = 3,
                             .s = 5,
                             .stride = {2, 1},
                             .pad = {1, 1, 2, 2},
                             .dilation = {2, 1},
                             .groups = 2};
  EXPECT_EQ(parsed(text), expected);
  EXPECT_EQ(parse_layer(text).name, "all of them");
}

TEST(LayerText, LeftOutEntriesHaveBenchdnnDefaults) {
  const ConvProblem problem = parsed("ic8oc16ih20kh3");
  EXPECT_EQ(problem.groups, 1);
  EXPECT_EQ(problem.n, 2);
  EXPECT_EQ(problem.stride, (Extent{1, 1}));
  EXPECT_EQ(problem.dilation, (Extent{1, 1}));
  EXPECT_EQ(problem.pad, Padding{});
  EXPECT_EQ(problem.p(), 18);
}

TEST(LayerText, WidthIsAsHeightUnlessGiven) {
  const ConvProblem square = parsed("ic8oc8_ih20kh3sh2dh1ph2");
  EXPECT_EQ(square.w, 20);
  EXPECT_EQ(square.s, 3);
  EXPECT_EQ(square.stride.w, 2);
  EXPECT_EQ(square.dilation.w, 2);
  EXPECT_EQ(square.pad.left, 2);
  // Defaults written out do not make a width.
  EXPECT_EQ(parsed("ic8oc8_ih20kh3sh2ph1sw1dw0pw0"), parsed("ic8oc8_ih20kh3sh2ph1"));
}

TEST(LayerText, OrderAndUnderscoresAreFree) {
  const ConvProblem usual = parsed("mb1_ic64oc32_ih56oh28kh3sh2ph1");
  EXPECT_EQ(parsed("ph1kh3sh2oh28ih56oc32ic64mb1"), usual);
  EXPECT_EQ(parsed("_ph1__kh3_sh2_oh28_ih56_oc32_ic64_mb1_"), usual);
  EXPECT_EQ(parsed("mb7mb1ic64oc32ih56oh28kh3sh2ph1"), usual);  // the last one counts
}

TEST(LayerText, OutputSizeImpliesPadding) {
  // 3x3 on 14 with stride 2: 7 outputs need one row more than there is, and it goes below.
  EXPECT_EQ(parsed("ic8oc8_ih14oh7kh3sh2").pad, (Padding{0, 1, 0, 1}));
  EXPECT_EQ(parsed("ic8oc8_ih14oh14kh3").pad, (Padding{1, 1, 1, 1}));
  EXPECT_EQ(parsed("ic8oc8_ih14oh14kh4").pad, (Padding{1, 2, 1, 2}));
  // Given padding stands above; what the output needs beyond it stands below.
  EXPECT_EQ(parsed("ic8oc8_ih16oh16kh3ph0_iw16ow16kw3pw2").pad, (Padding{0, 2, 2, 0}));
  // Equal padding that gives the same output is preferred to the smallest.
  EXPECT_EQ(parsed("ic3oc64_ih224oh112kh7sh2ph3").pad, (Padding{3, 3, 3, 3}));
  EXPECT_EQ(parsed("ic8oc8_ih56oh28kh1sh2ph0").pad, Padding{});
}

TEST(LayerText, OutputSizeSmallerThanTheInputGivesCropsBelow) {
  const ConvProblem problem = parsed("ic8oc8_ih16oh10kh3ph0");
  EXPECT_EQ(problem.pad.bottom, -4);
  EXPECT_EQ(problem.p(), 10);
}

TEST(LayerText, OnlyAWidthIsOneDimensional) {
  const ConvProblem problem = parsed("ic20oc30_iw33kw5sw2pw2");
  EXPECT_EQ(problem.h, 1);
  EXPECT_EQ(problem.r, 1);
  EXPECT_EQ(problem.stride.h, 1);
  EXPECT_EQ(problem.pad, (Padding{0, 0, 2, 2}));
  EXPECT_EQ(problem.p(), 1);
  EXPECT_EQ(problem.q(), 17);
}

TEST(LayerText, ANameEndsTheDescriptor) {
  EXPECT_EQ(parse_layer("ic8oc8_ih8kh1nresnet:conv1*3").name, "resnet:conv1*3");
  EXPECT_EQ(parse_layer("ic8oc8_ih8kh1_n\"kh3ic5\"").name, "kh3ic5");
  EXPECT_EQ(parse_layer("ic8oc8_ih8kh1").label, "ic8oc8_ih8kh1");
  EXPECT_EQ(parse_layer("ic8oc8_ih8kh1n\"a\"").label, "a");
}

TEST(LayerText, WritesWhatItReads) {
  for (const std::string text :
       {"mb2ic8oc16_ih20oh18kh3ph0", "g2mb3ic8oc16_ih20oh9kh3sh2dh1ph1_iw30ow30kw5pw2",
        "mb1ic3oc64_ih224oh112kh7sh2ph3", "mb2ic8oc8_ih14oh7kh3sh2ph0"}) {
    EXPECT_EQ(descriptor_of(parse_layer(text)), text);
    EXPECT_EQ(parsed(descriptor_of(parse_layer(text))), parsed(text));
  }
}

TEST(LayerTextErrors, NameTheCharacter) {
  EXPECT_TRUE(
      names(layer_error("mb1_ic64oc64_xh56kh3"), "character 14: no entry begins with `xh`"));
  EXPECT_TRUE(names(layer_error("mb1_ic64oc64_ihXkh3"), "character 16: `ih` needs a number"));
  EXPECT_TRUE(names(layer_error("mb1_ic64oc64_ih-5kh3"), "character 16: `ih` needs a number"));
  EXPECT_TRUE(names(layer_error("mb1_ic64oc64_ih"), "character 16: `ih` needs a number"));
  EXPECT_TRUE(names(layer_error("mb1_ic64oc64_ih56kh3 "), "character 21: no entry begins"));
}

TEST(LayerTextErrors, NameWhatIsMissingOrZero) {
  EXPECT_TRUE(names(layer_error(""), "character 1: `ic` is missing"));
  EXPECT_TRUE(names(layer_error("ic8_ih8kh1"), "character 11: `oc` is missing"));
  EXPECT_TRUE(names(layer_error("ic8oc8"), "`ih` and `kh` are missing"));
  EXPECT_TRUE(names(layer_error("ic8oc8_ih8"), "character 11: `kh` is missing"));
  EXPECT_TRUE(names(layer_error("ic8oc8_kh3"), "character 11: `ih` is missing"));
  EXPECT_TRUE(names(layer_error("ic8oc8_ih8kh3_kw3"), "`iw` is missing"));
  EXPECT_TRUE(names(layer_error("ic8oc8_ih8kh1sh0"), "character 14: `sh` is 0"));
  EXPECT_TRUE(names(layer_error("g0ic8oc8_ih8kh1"), "character 1: `g` is 0"));
  EXPECT_TRUE(names(layer_error("mb0ic8oc8_ih8kh1"), "character 1: `mb` is 0"));
}

TEST(LayerTextErrors, GroupsDivideTheChannels) {
  EXPECT_TRUE(names(layer_error("g3ic8oc9_ih8kh1"), "character 3: `ic8`"));
  EXPECT_TRUE(names(layer_error("g3ic9oc8_ih8kh1"), "character 6: `oc8`"));
}

TEST(LayerTextErrors, KernelFitsThePaddedImage) {
  const std::string message = layer_error("ic8oc8_ih4kh3dh2ph1");
  EXPECT_TRUE(names(message, "character 11: `kh` and its dilation span 7 elements"));
  EXPECT_TRUE(names(message, "the padded input has 6"));
}

TEST(LayerTextErrors, ThreeDimensionsAreRefused) {
  EXPECT_TRUE(names(layer_error("ic8oc8_id4ih8kd1kh3", ErrorCode::unsupported),
                    "character 8: a depth makes this a 3-D"));
  EXPECT_TRUE(names(layer_error("ic8oc8_ih8kh3sd2", ErrorCode::unsupported),
                    "character 14: a depth makes this a 3-D"));
  // Depth entries that say nothing are no depth.
  EXPECT_EQ(parsed("ic8oc8_ih8kh3sd1dd0pd0"), parsed("ic8oc8_ih8kh3"));
  // Nor is a depth of 1.
  EXPECT_EQ(parsed("ic8oc8_id1ih8_kd1kh3_od1oh6_sd2_pd0dd1"), parsed("ic8oc8_ih8kh3"));
}

TEST(LayerTextErrors, SizesThatNeedMoreThan31Bits) {
  EXPECT_TRUE(names(layer_error("mb1_ic99999999999oc64_ih5kh3", ErrorCode::unsupported),
                    "character 7: `ic` is too large"));
  EXPECT_TRUE(names(layer_error("ic8oc8_ih8kh3ph2147483647", ErrorCode::unsupported),
                    "needs more than 31 bits"));
  EXPECT_TRUE(names(layer_error("ic8oc8_ih8oh2kh3dh2147483647", ErrorCode::unsupported),
                    "needs more than 31 bits"));
}

}  // namespace
}  // namespace foldconv::harness
