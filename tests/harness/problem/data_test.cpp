// SPDX-License-Identifier: MIT
// Problems: what they consist of, who reads what, and their data.
#include "harness/problem/data.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "harness/caught.hpp"
#include "harness/problem/text.hpp"
#include "harness/problem/walk.hpp"

namespace foldconv::harness {
namespace {

Problem filled(const std::string& text, const DataOptions& options = {}) {
  Problem problem = parse_block(text);
  fill(problem, options);
  return problem;
}

TEST(Lines, OfABottleneckWithTheStrideOnItsMiddle) {
  const Problem problem = parse_block("mb2ih9iw8_ic64mid32oc128_s2g4");
  const Line& line = problem.lines.front();
  ASSERT_EQ(line.convs.size(), 3U);
  EXPECT_EQ(to_string(line.convs[0].problem), "n2 9x8x64 -> 9x8x32 1x1 s1 p0 f16 relu");
  EXPECT_EQ(to_string(line.convs[1].problem), "n2 9x8x32 -> 5x4x32 3x3 s2 p1 g4 f16 relu");
  EXPECT_EQ(line.output(), (Shape{2, 5, 4, 128}));
  EXPECT_TRUE(line.convs[2].problem.residual);
  ASSERT_TRUE(line.shortcut);
  EXPECT_EQ(to_string(line.shortcut->problem), "n2 9x8x64 -> 5x4x128 1x1 s2 p0 f16");
  EXPECT_EQ(line.shortcut->problem.output(), line.output());
}

TEST(Lines, OfABottleneckWithTheStrideOnItsFirst) {
  const Problem problem = parse_block("ih9_ic64mid32oc128_s2v1");
  const Line& line = problem.lines.front();
  EXPECT_EQ(line.convs[0].problem.stride.h, 2);
  EXPECT_EQ(line.convs[1].problem.stride.h, 1);
  EXPECT_EQ(line.output(), (Shape{1, 5, 5, 128}));
}

TEST(Lines, OfABasicBlock) {
  const Problem problem = parse_block("ih9_ic16oc16");
  EXPECT_EQ(problem.lines.front().convs.size(), 2U);
  EXPECT_FALSE(problem.lines.front().shortcut);
  EXPECT_EQ(problem.flops(), 2 * 2.0 * 81 * 16 * 16 * 9);
}

// What reads what, as text: "conv2(conv1(x))".
std::string walked(const Problem& problem, const std::vector<bool>& joined = {}) {
  return walk(
      problem, std::string("x"), std::string("z"),
      [](const LineConv& conv, const std::string& x, const std::string* residual) {
        return conv.name + "(" + x + (residual == nullptr ? "" : " + " + *residual) + ")";
      },
      joined,
      [](const Line&, const std::string& t, const std::string& x) {
        return "joined(" + t + " | " + x + ")";
      });
}

TEST(Walk, SaysWhoReadsWhat) {
  EXPECT_EQ(walked(parse_block("ih8_ic64mid16oc64")), "conv3(conv2(conv1(x)) + x)");
  EXPECT_EQ(walked(parse_block("ih8_ic64oc128x2")),
            "conv2(conv1(conv2(conv1(x) + downsample(x))) + conv2(conv1(x) + downsample(x)))");
  EXPECT_EQ(walked(parse_block("ih8_ic64mid16oc128x2"), {true, false}),
            "conv3(conv2(conv1(joined(conv2(conv1(x)) | x))) + joined(conv2(conv1(x)) | x))");
  Problem layer = parse_layer("ic8oc8_ih8kh1");
  EXPECT_EQ(walked(layer), "(x)");
  apply({.residual = true}, layer);
  EXPECT_EQ(walked(layer), "(x + z)");
}

TEST(Settings, ReachEveryConvolution) {
  Problem problem = parse_block("mb3_ih8_ic16mid8oc32");
  apply({.dtype = DataType::bf16, .activation = Activation::leaky_relu(0.5f), .residual = true},
        problem);
  for (const LineConv* conv : problem.convs()) {
    EXPECT_EQ(conv->problem.dtype, DataType::bf16);
    const bool projection = conv->name == "downsample";
    EXPECT_EQ(conv->problem.activation,
              projection ? Activation::none : Activation::leaky_relu(0.5f));
    EXPECT_EQ(conv->problem.residual, conv->name == "conv3");
  }
}

TEST(Data, FollowsTheOptions) {
  const Problem problem = filled("ih8_ic16mid8oc16", {.batch_norm = false, .conv_bias = true});
  for (const LineConv* conv : problem.convs()) {
    EXPECT_FALSE(conv->batch_norm);
    EXPECT_EQ(conv->weights.bias.size(), static_cast<std::size_t>(conv->problem.k));
  }
}

TEST(Data, EveryConvolutionHasItsOwn) {
  const Problem problem = filled("ih8_ic16oc16x2");
  const auto value = [](const Problem& of, std::size_t line, std::size_t conv) {
    return of.lines[line].convs[conv].weights.values.front();
  };
  EXPECT_NE(value(problem, 0, 0), value(problem, 0, 1));
  EXPECT_NE(value(problem, 0, 0), value(problem, 1, 0));
  const Problem other = filled("ih8_ic16oc16x2", {.seed = 2});
  EXPECT_NE(value(other, 0, 0), value(problem, 0, 0));
  EXPECT_NE(other.x, problem.x);
}

TEST(Data, WeightsThatAreThereStay) {
  const std::vector<float> weights(8 * 8, 0.5f);
  Problem problem = parse_layer("ic8oc8_ih8kh1");
  problem.lines.front().convs.front().weights.values = weights;
  fill(problem);
  EXPECT_EQ(problem.lines.front().convs.front().weights.values.data(), weights.data());
  EXPECT_FALSE(problem.x.empty());
}

TEST(Data, SizesThatNoConvolutionTakesAreErrors) {
  for (const std::string text : {"ih2147483647_ic8oc8", "ih8_ic2147483647oc2147483646"}) {
    EXPECT_NE(message_of([&] { filled(text); }), "") << text;
  }
}

TEST(Data, LargeBatchesHoldCopies) {
  const Problem problem = filled("mb64_ih28_ic512mid128oc512");
  EXPECT_LT(problem.distinct, 64);
  EXPECT_GE(problem.distinct, 1);
  EXPECT_EQ(problem.x.size(), static_cast<std::size_t>(problem.distinct) * 28 * 28 * 512);
  Problem without = parse_block("mb64_ih28_ic512mid128oc512");
  set_images(without, problem.distinct + 1);
  fill(without, {}, false);
  EXPECT_EQ(without.distinct, problem.distinct + 1);
}

TEST(Data, CopiesFollowEachOtherInTurn) {
  const Images images{DataType::f16, {5, 1, 1, 2}, 2};
  const Bytes all = images.encode(std::vector<float>{1, 2, 3, 4});
  ASSERT_EQ(all.size(), images.bytes());
  EXPECT_EQ(std::memcmp(all.data(), all.data() + 8, 4), 0);       // image 2 is image 0
  EXPECT_EQ(std::memcmp(all.data() + 4, all.data() + 12, 4), 0);  // image 3 is image 1
  EXPECT_EQ(images.distinct_values(all), (std::vector<float>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace foldconv::harness
