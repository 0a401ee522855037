// SPDX-License-Identifier: MIT
// On the device: what blocks are judged by, and that nothing wrong passes.
#include "harness/ways/by_hand.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "harness/ways/library.hpp"
#include "harness/ways/ways_of.hpp"

namespace foldconv::harness {
namespace {

ByHand by_hand(const Problem& problem) {
  const BlockPlan plan = value_of(plan_blocks(create_blocks(problem), problem));
  return by_hand(problem, joined_projections(plan.explanation()));
}

class RightBlocks : public testing::TestWithParam<const char*> {};

TEST_P(RightBlocks, PassInEveryType) {
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    const Problem problem = filled_block(GetParam(), {}, {.dtype = dtype});
    const ByHand hand = by_hand(problem);
    EXPECT_EQ(hand.checked.wrong, "") << to_string(dtype);
    EXPECT_LE(hand.checked.worst.worst_share, 1);
    EXPECT_TRUE(judge(hand, hand.checked.y).pass);
    // Values of a network's size, so that errors show.
    for (const float value : hand.images.distinct_values(hand.checked.y)) {
      ASSERT_LT(std::fabs(value), 100) << to_string(dtype);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RightBlocks,
                         testing::Values("mb2_ih5iw6_ic64mid16oc64", "ih5_ic24mid16oc64",
                                         "ih7_ic32mid16oc64_s2", "ih7_ic32mid16oc64_s2v1",
                                         "ih5_ic64mid32oc64_g4", "ih5_ic16oc16", "ih5_ic16oc32_s2",
                                         "ih4_ic32mid16oc64x3"));

TEST(BlockJudge, SeesAWrongBit) {
  const ByHand hand = by_hand(filled_block("ih5_ic64mid16oc64"));
  Bytes y = hand.checked.y;
  y[2 * (64 + 3)] ^= std::byte{1};  // the last bit of an element
  const Verdict verdict = judge(hand, y);
  EXPECT_FALSE(verdict.pass);
  EXPECT_EQ(verdict.reason.find("other bits than its convolutions run one by one: 1 of 1600 "
                                "elements, the first at image 0, row 0, column 1, channel 3"),
            0U)
      << verdict.reason;
}

TEST(BlockJudge, SeesWrongWeights) {
  const ByHand hand = by_hand(filled_block("ih5_ic64mid16oc64"));
  const Ways others(filled_block("ih5_ic64mid16oc64", {.seed = 7}));
  for (const Way& way : others.all) {
    if (!way.refusal.empty()) continue;
    EXPECT_FALSE(judge(hand, check(way).y).pass) << way.name;
  }
}

// No cut passes beside convolutions that do not.
TEST(BlockJudge, NothingPassesBesideWrongConvolutions) {
  ByHand hand = by_hand(filled_block("ih4_ic16oc16x2"));
  hand.checked.wrong = "by hand, block 0 of 2, conv1, too far off";
  const Verdict verdict = judge(hand, hand.checked.y);
  EXPECT_FALSE(verdict.pass);
  EXPECT_EQ(verdict.reason, hand.checked.wrong);
}

// A projection that is joined by hand has the bits of the kernels that always join it.
TEST(ByHand, AJoinedProjectionIsWhatTheWholeBlockComputes) {
  const Ways ways(filled_block("mb2_ih9iw5_ic64mid64oc136"));
  const Way& whole = ways.find("whole");
  ASSERT_EQ(whole.refusal, "");
  EXPECT_EQ(check(whole).y, by_hand(ways.problem(), {true}).checked.y);
  EXPECT_NE(check(whole).y, by_hand(ways.problem(), {false}).checked.y);
  // Judged by what the last convolution read, when all else is gone.
  const Verdict verdict =
      judge(by_hand(Problem(ways.problem()), {true}), by_hand(ways.problem(), {false}).checked.y);
  EXPECT_FALSE(verdict.pass);
  EXPECT_GT(verdict.worst_share, 0);
}

TEST(ByHand, MessagesNameTheLine) {
  const Problem problem = filled_block("ih4_ic16oc16x2");
  EXPECT_EQ(conv_prefix(problem, problem.lines[1].convs[0]), "block 1 of 2, conv1, ");
  const Problem one = filled_block("ih4_ic16oc32");
  EXPECT_EQ(conv_prefix(one, *one.lines[0].shortcut), "downsample, ");
}

}  // namespace
}  // namespace foldconv::harness
