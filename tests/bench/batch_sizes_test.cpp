#include "problems/batch_sizes.hpp"

#include <gtest/gtest.h>

namespace foldconv::tool {
namespace {

TEST(BatchSizes, AreAListOfNumbers) {
  EXPECT_EQ(*parse_batch_sizes("8"), std::vector<int>{8});
  EXPECT_EQ(*parse_batch_sizes("1,8,32,128"), (std::vector<int>{1, 8, 32, 128}));
  EXPECT_EQ(*parse_batch_sizes("2147483647"), std::vector<int>{2147483647});
}

TEST(BatchSizes, AnythingElseIsAnErrorThatSaysWhich) {
  for (const char* text : {"", "x", "0", "-1", "1,", ",1", "1,,2", "1;2", "1, 2", "8x", "1.5",
                           "2147483648", "99999999999999999999"}) {
    const Result<std::vector<int>> sizes = parse_batch_sizes(text);
    EXPECT_FALSE(sizes.ok()) << text;
    EXPECT_EQ(sizes.status().code(), ErrorCode::invalid_argument);
  }
  EXPECT_NE(parse_batch_sizes("1,8,x").status().message().find("batch size 3 of \"1,8,x\""),
            std::string::npos);
}

ProblemList list_of_both() {
  ProblemList list;
  list.problems = {*parse_descriptor("mb2ic8oc8_ih8kh1n\"layer\"")};
  list.blocks = {*parse_block_descriptor("mb2_ih8_ic16oc16")};
  return list;
}

TEST(BatchSizes, EachProblemIsRunAtEach) {
  ProblemList list = list_of_both();
  at_batch_sizes({1, 32}, list);
  ASSERT_EQ(list.problems.size(), 2U);
  EXPECT_EQ(list.problems[0].problem.n, 1);
  EXPECT_EQ(list.problems[1].problem.n, 32);
  EXPECT_EQ(label(list.problems[1]), "layer mb32");
  ASSERT_EQ(list.blocks.size(), 2U);
  EXPECT_EQ(list.blocks[1].problem.n, 32);
  EXPECT_EQ(label(list.blocks[0]), "mb2_ih8_ic16oc16 mb1");
}

TEST(BatchSizes, OneNeedsNoName) {
  ProblemList list = list_of_both();
  at_batch_sizes({4}, list);
  ASSERT_EQ(list.problems.size(), 1U);
  EXPECT_EQ(list.problems[0].problem.n, 4);
  EXPECT_EQ(label(list.problems[0]), "layer");
}

TEST(BatchSizes, NoneLeavesTheListAlone) {
  ProblemList list = list_of_both();
  at_batch_sizes({}, list);
  EXPECT_EQ(list.problems[0].problem.n, 2);
  EXPECT_EQ(list.blocks[0].problem.n, 2);
}

}  // namespace
}  // namespace foldconv::tool
