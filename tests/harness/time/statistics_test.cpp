// SPDX-License-Identifier: MIT
#include "harness/time/samples.hpp"

#include <gtest/gtest.h>

namespace foldconv::harness {
namespace {

TEST(Statistics, MedianOfOddAndEvenNumbers) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

TEST(Statistics, NoiseIsTheMedianDeviation) {
  const Timing timing = summarize({3, 1, 2, 100, 4});
  EXPECT_EQ(timing.seconds, 3);
  EXPECT_DOUBLE_EQ(timing.noise, 1.0 / 3);  // deviations 0 1 1 2 97
  EXPECT_EQ(timing.samples, 5U);
}

TEST(Statistics, MoreSamplesLessenTheUncertaintyNotTheNoise) {
  std::vector<double> few, many;
  for (int i = 0; i < 16; ++i) few.push_back(1 + i / 160.0);
  for (int i = 0; i < 1600; ++i) many.push_back(1 + i / 16000.0);
  EXPECT_NEAR(summarize(few).noise, summarize(many).noise, 0.003);
  EXPECT_LT(summarize(many).uncertainty, summarize(few).uncertainty / 5);
}

TEST(Statistics, UncertaintyIsHalfTheIntervalOfTheMedian) {
  std::vector<double> samples;
  for (int i = 0; i < 100; ++i) samples.push_back(1000 + i);
  // Ranks 40 and 61 of 100 hold the median with 95 %.
  EXPECT_DOUBLE_EQ(summarize(samples).uncertainty, (1060 - 1039) / 2.0 / 1049.5);
}

TEST(Statistics, TwoClocksAreNoQuietMachine) {
  std::vector<double> samples;
  for (int i = 0; i < 31; ++i) samples.push_back(i % 2 == 0 ? 9 : 11);
  EXPECT_EQ(summarize(samples).noise, 0);
  EXPECT_GT(summarize(samples).uncertainty, 0.1);
}

TEST(Statistics, NoTimeHasNoNoise) {
  EXPECT_EQ(summarize({0, 0, 0}).noise, 0);
  EXPECT_EQ(summarize({0, 0, 0}).uncertainty, 0);
}

}  // namespace
}  // namespace foldconv::harness
