// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "harness/caught.hpp"
#include "harness/problem/list.hpp"
#include "harness/problem/text.hpp"

namespace foldconv::harness {
namespace {

TEST(BatchSizes, AreAListOfNumbers) {
  EXPECT_EQ(parse_batch_sizes("8"), std::vector<int>{8});
  EXPECT_EQ(parse_batch_sizes("1,8,32,128"), (std::vector<int>{1, 8, 32, 128}));
  EXPECT_EQ(parse_batch_sizes("2147483647"), std::vector<int>{2147483647});
}

TEST(BatchSizes, AnythingElseIsAnErrorThatSaysWhich) {
  for (const char* text : {"", "x", "0", "-1", "1,", ",1", "1,,2", "1;2", "1, 2", "8x", "1.5",
                           "2147483648", "99999999999999999999"}) {
    EXPECT_NE(message_of([&] { parse_batch_sizes(text); }), "") << text;
  }
  EXPECT_TRUE(names(message_of([] { parse_batch_sizes("1,8,x"); }), "batch size 3 of \"1,8,x\""));
}

std::vector<Problem> both() {
  return {parse_layer("mb2ic8oc8_ih8kh1n\"layer\""), parse_block("mb2_ih8_ic16oc16x2")};
}

TEST(BatchSizes, EachProblemIsRunAtEach) {
  std::vector<Problem> problems = both();
  at_batch_sizes({1, 32}, problems);
  ASSERT_EQ(problems.size(), 4U);
  EXPECT_EQ(problems[0].input().shape.n, 1);
  EXPECT_EQ(problems[1].input().shape.n, 32);
  EXPECT_EQ(problems[1].label, "layer mb32");
  EXPECT_EQ(problems[2].label, "mb2_ih8_ic16oc16x2 mb1");
  for (const LineConv* conv : problems[3].convs()) EXPECT_EQ(conv->problem.n, 32) << conv->name;
}

TEST(BatchSizes, OneNeedsNoName) {
  std::vector<Problem> problems = both();
  at_batch_sizes({4}, problems);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].output().shape.n, 4);
  EXPECT_EQ(problems[0].label, "layer");
}

TEST(BatchSizes, NoneLeavesTheListAlone) {
  std::vector<Problem> problems = both();
  at_batch_sizes({}, problems);
  for (const Problem& problem : problems) EXPECT_EQ(problem.input().shape.n, 2);
}

}  // namespace
}  // namespace foldconv::harness
