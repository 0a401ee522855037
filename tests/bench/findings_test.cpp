// SPDX-License-Identifier: MIT
// On the device: what validate finds out, and that it sees what differs.
#include "commands/findings.hpp"

#include <gtest/gtest.h>

#include "harness/kernels_named.hpp"
#include "harness/ways/ways_of.hpp"

namespace foldconv::tool {
namespace {

std::vector<Finding> examined(const harness::Problem& problem) {
  return examine(problem, [](const std::string&) {});
}

TEST(Findings, OfABlockAreEveryCutOrItsReason) {
  const std::vector<Finding> findings = examined(harness::filled_block("mb2_ih6_ic64mid64oc64"));
  ASSERT_EQ(findings.size(), 4U);
  const std::vector<std::string> ways = {"whole", "tails", "chain", "planned"};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const Finding& finding = findings[i];
    EXPECT_EQ(finding.way, ways[i]);
    EXPECT_NE(finding.refusal.empty(), finding.kernels.empty()) << finding.way;
    if (finding.refusal.empty()) {
      EXPECT_TRUE(finding.pass()) << finding.reason;
    }
  }
  EXPECT_EQ(findings[0].kernels.find("block_whole_f16_"), 0U) << findings[0].kernels;
  EXPECT_FALSE(findings[3].taken.empty());
}

// On the emulated A100 plan() mixes cuts for two images, and takes tails for three.
TEST(Findings, AMixtureIsComparedWithWhatALargerBatchTakes) {
  const std::vector<Finding> findings =
      examined(harness::filled_block("mb2_ih14_ic64mid64oc256_s2x2"));
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings.back().way, "planned");
  EXPECT_TRUE(findings.back().pass()) << findings.back().reason;
}

TEST(Findings, OfALayerAreItsFusedKernel) {
  const std::vector<Finding> findings = examined(harness::filled_layer(harness::kLayer));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].way, "planned");
  EXPECT_TRUE(findings[0].pass()) << findings[0].reason;
}

const std::string kTile = test::kernels_named("conv_rxs_f16_").front(),
                  kOtherTile = test::kernels_named("conv_rxs_f16_").back(),
                  kRefused = test::kernels_named("conv_1x1_f16_").front(),
                  kDirect = "direct_f16_sm80";

TEST(Findings, OfKernelsHaveTheBitsOfTheFirstThatSumsAlike) {
  const std::vector<Finding> findings =
      examine_kernels(harness::filled_layer(harness::kLayer),
                      {kRefused, kTile, kDirect, kOtherTile}, [](const std::string&) {});
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0].refusal, "takes 1x1 filters only: r x s = 3x3; nearest: 1x1");
  EXPECT_FALSE(findings[0].same_bits);
  for (std::size_t at = 1; at < 4; ++at) {
    EXPECT_TRUE(findings[at].pass()) << findings[at].reason;
    EXPECT_EQ(findings[at].kernels, findings[at].way);
  }
  EXPECT_FALSE(findings[1].same_bits);  // the first
  EXPECT_EQ(findings[2].beside, kTile);
  EXPECT_FALSE(findings[2].same_promised);
  EXPECT_EQ(findings[3].beside, kTile);
  EXPECT_TRUE(findings[3].same_promised);
  EXPECT_TRUE(findings[3].same_bits.value_or(false));
}

TEST(Findings, OtherBitsOfAKernelThatSumsAlikeAreAFailure) {
  const harness::Images images{DataType::f16, {1, 1, 1, 2}, 1};
  const auto right = [](const std::string& kernel) {
    return Finding{.way = kernel,
                   .ran = true,
                   .verdict = {},
                   .repeatable = true,
                   .batch_invariant = true,
                   .in_bounds = true};
  };
  const harness::Bytes some(4), others = {std::byte{0}, std::byte{0}, std::byte{1}, std::byte{0}};
  Finding first = right(kTile), direct = right(kDirect), second = right(kOtherTile),
          depthwise = right(test::kernels_named("depthwise_f16_").front()),
          wrong = right(kOtherTile), wgmma = right(test::kernels_named("conv_wgmma_f16_").front());
  wrong.reason = "far off";
  compare_bits(images, {{&first, some},
                        {&direct, others},
                        {&second, others},
                        {&depthwise, others},
                        {&wgmma, others},
                        {&wrong, others}});
  EXPECT_TRUE(first.pass());
  EXPECT_FALSE(second.pass());
  EXPECT_EQ(second.reason,
            "other bits than " + kTile +
                ": 1 of 2 elements, the first at image 0, row 0, column 0, channel 1");
  EXPECT_EQ(wrong.reason, "far off");
  // Nothing promises that kernels with and without tensor cores, or of other instructions, sum alike.
  for (const Finding* other : {&direct, &wgmma}) {
    EXPECT_TRUE(other->pass());
    EXPECT_EQ(other->beside, kTile);
    EXPECT_FALSE(other->same_bits.value_or(true));
    EXPECT_FALSE(other->same_promised);
  }
  EXPECT_EQ(depthwise.beside, kDirect);
  EXPECT_TRUE(depthwise.same_promised && depthwise.pass());
}

TEST(Findings, DifferentRunsAreSeen) {
  using harness::Bytes;
  using harness::Checked;
  using harness::Images;
  const Images images{DataType::f16, {2, 1, 1, 1}, 2}, larger{DataType::f16, {3, 1, 1, 1}, 2};
  const auto of = [](std::initializer_list<int> bytes) {
    Checked checked{.wrong = {}, .worst = {}, .y = {}, .in_bounds = true};
    for (const int byte : bytes) checked.y.push_back(static_cast<std::byte>(byte));
    return checked;
  };
  const Checked right = of({1, 2, 3, 4}), more = of({1, 2, 3, 4, 1, 2});
  EXPECT_TRUE(find({right, right, more}, images, larger).pass());
  EXPECT_FALSE(find({right, of({1, 2, 3, 5}), more}, images, larger).repeatable);
  for (const Checked& other : {of({1, 2, 3, 4, 3, 4}), of({1, 2, 0, 4, 1, 2}), of({1, 2, 3, 4})}) {
    const Finding finding = find({right, right, other}, images, larger);
    EXPECT_TRUE(finding.repeatable);
    EXPECT_FALSE(finding.batch_invariant);
    EXPECT_FALSE(finding.pass());
  }
  const auto outside = [](Checked checked) {
    checked.in_bounds = false;
    return checked;
  };
  for (const Runs& runs : {Runs{outside(right), right, more}, Runs{right, outside(right), more},
                           Runs{right, right, outside(more)}}) {
    const Finding finding = find(runs, images, larger);
    EXPECT_FALSE(finding.pass());
    EXPECT_EQ(finding.reason, "the kernel wrote outside of its tensors");
  }
  Checked wrong = right;
  wrong.wrong = "far off";
  wrong.worst.pass = false;
  EXPECT_FALSE(find({wrong, right, more}, images, larger).pass());
  EXPECT_EQ(find({wrong, right, more}, images, larger).reason, "far off");
}

}  // namespace
}  // namespace foldconv::tool
