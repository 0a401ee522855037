// SPDX-License-Identifier: MIT
#include "commands/classifier.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "harness/caught.hpp"

namespace foldconv::tool {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Classifier, RanksTheLikeliestFirst) {
  EXPECT_EQ(ranked({1, 3, 2, 3}), (std::vector<std::size_t>{1, 3, 2, 0}));
  EXPECT_EQ(ranked({1, kNan, 2}), (std::vector<std::size_t>{2, 0, 1}));
}

TEST(Classifier, ComparesWithWhatWasRecorded) {
  const std::vector<float> recorded = {1, 5, 4, 3, 2};
  const Comparison near = compare({1.04f, 5, 4, 3, 2}, recorded, 0.05);
  EXPECT_TRUE(near.right);
  EXPECT_NEAR(near.difference, 0.04, 1e-6);
  EXPECT_EQ(near.same_top, 5U);
  EXPECT_FALSE(compare({1.06f, 5, 4, 3, 2}, recorded, 0.05).right);
  EXPECT_TRUE(compare({1.06f, 5, 4, 3, 2}, recorded, 0.4).right);
  EXPECT_FALSE(compare({1.04f, 5, 4, 3, 2}, recorded, 0.001).right);
  EXPECT_FALSE(compare({1, 5, 4, 3, kNan}, recorded, 0.05).right);
  EXPECT_FALSE(compare({1, 5, kNan, 3, 2}, recorded, 0.05).right);
  EXPECT_TRUE(harness::names(harness::message_of([&] { compare({1}, recorded, 0.05); }),
                             "a record of 5 logits"));
}

// Two that are close may change places, but among the first three.
TEST(Classifier, WantsTheSameTopThree) {
  const std::vector<float> recorded = {4, 3, 2, 1.02f, 1};
  const Comparison behind = compare({4, 3, 2, 1, 1.02f}, recorded, 0.05);
  EXPECT_TRUE(behind.right);
  EXPECT_EQ(behind.same_top, 3U);
  EXPECT_FALSE(compare({4, 2, 2.01f, 1, 0}, {4, 2.01f, 2, 1, 0}, 0.05).right);
  EXPECT_FALSE(compare({2.99f, 3, 2, 1, 0}, {3, 2.99f, 2, 1, 0}, 0.05).right);
  EXPECT_TRUE(compare({1, 0}, {1, 0}, 0.05).right);
}

}  // namespace
}  // namespace foldconv::tool
