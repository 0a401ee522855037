// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <set>

#include "harness/caught.hpp"
#include "harness/problem/list.hpp"
#include "harness/problem/text.hpp"
#include "harness/test_folder.hpp"

namespace foldconv::harness {
namespace {

namespace fs = std::filesystem;

class BatchFile : public testing::Test {
 protected:
  BatchFile() { fs::create_directories(folder_ / "shipped"); }

  std::string write(const std::string& name, const std::string& text) const {
    return scratch_.write(name, text).string();
  }

  void read(const std::string& file) { read_list(file, folder_ / "shipped", list_); }
  std::string error_of(const std::string& file) {
    return message_of([&] { read(file); });
  }
  const ConvProblem& first(std::size_t i) const {
    return list_.problems[i].lines.front().convs.front().problem;
  }

  test::TestFolder scratch_;
  const fs::path& folder_ = scratch_.path();
  ProblemList list_;
};

TEST_F(BatchFile, TakesWordsAndSkipsComments) {
  const std::string file = write("list.txt",
                                 "# ic1oc1_ih1kh1\n"
                                 "ic8oc8_ih8kh1n\"first\"  # x3 ic2oc2_ih2kh1\n"
                                 "\n"
                                 "  ic16oc8_ih8kh1 ic24oc8_ih8kh1\n");
  read(file);
  ASSERT_EQ(list_.problems.size(), 3U);
  EXPECT_EQ(list_.problems[0].name, "first");
  EXPECT_EQ(first(1).c, 16);
  EXPECT_EQ(first(2).c, 24);
  EXPECT_TRUE(list_.notes.empty());
}

TEST_F(BatchFile, ABackslashJoinsWords) {
  read(write("list.txt", "ic8oc8_\\\n  ih8kh1 \\\n n\"joined\"\n"));
  ASSERT_EQ(list_.problems.size(), 1U);
  EXPECT_EQ(first(0).h, 8);
  EXPECT_EQ(list_.problems[0].name, "joined");
}

TEST_F(BatchFile, NestsBesideTheFileAndFindsShippedLists) {
  write("inner.txt", "ic16oc8_ih8kh1\n");
  write("shipped/lists.txt", "ic24oc8_ih8kh1\n");
  const std::string file =
      write("outer.txt", "ic8oc8_ih8kh1 --batch=inner.txt --batch=lists ic32oc8_ih8kh1");
  read(file);
  ASSERT_EQ(list_.problems.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(first(i).c, 8 * static_cast<int>(i + 1));
  }
}

TEST_F(BatchFile, MbAppliesUntilReset) {
  const std::string file = write("list.txt",
                                 "mb4ic8oc8_ih8kh1 --mb=9 ic8oc8_ih8kh1 --mb=0 mb5ic8oc8_ih8kh1\n"
                                 "--mb=9 --reset ic8oc8_ih8kh1");
  read(file);
  std::vector<int> images;
  for (const Problem& problem : list_.problems) images.push_back(problem.input().shape.n);
  EXPECT_EQ(images, (std::vector<int>{4, 9, 5, 2}));
}

TEST_F(BatchFile, BackwardProblemsAreSkippedWithANote) {
  const std::string file = write("list.txt",
                                 "--dir=FWD_B ic8oc8_ih8kh1 --dir=BWD_D ic16oc8_ih8kh1\n"
                                 "--dir=FWD_I ic24oc8_ih8kh1");
  read(file);
  ASSERT_EQ(list_.problems.size(), 2U);
  EXPECT_EQ(first(1).c, 24);
  ASSERT_EQ(list_.notes.size(), 1U);
  EXPECT_NE(list_.notes[0].find("`--dir=BWD_D`"), std::string::npos);
}

TEST_F(BatchFile, ThreeDimensionalProblemsAreSkippedWithANote) {
  const std::string file = write("list.txt",
                                 "ic8oc8_ih8kh1\nic8oc8_id8ih8kd3kh3\nic8oc8_id4ih8kd3kh3\n"
                                 "ic16oc8_ih8kh1\n");
  read(file);
  EXPECT_EQ(list_.problems.size(), 2U);
  ASSERT_EQ(list_.notes.size(), 1U);
  EXPECT_EQ(list_.notes[0].find("2 of the problems"), 0U);
  EXPECT_NE(list_.notes[0].find("list.txt:2: descriptor `ic8oc8_id8ih8kd3kh3`"), std::string::npos);
}

TEST_F(BatchFile, ForeignOptionsAreNotedOnce) {
  const std::string file =
      write("list.txt", "--stag=axb --stag=abx\n--attr-post-ops=relu ic8oc8_ih8kh1\n");
  read(file);
  EXPECT_EQ(list_.problems.size(), 1U);
  ASSERT_EQ(list_.notes.size(), 2U);
  EXPECT_NE(list_.notes[1].find("list.txt:2: `--attr-post-ops`"), std::string::npos);
}

TEST_F(BatchFile, ErrorsNameFileAndLine) {
  write("inner.txt", "\n\nic8oc8_ihX\n");
  EXPECT_TRUE(names(error_of(write("outer.txt", "--batch=inner.txt\n")),
                    "inner.txt:3: descriptor `ic8oc8_ihX`, character 10"));
}

TEST_F(BatchFile, AMissingFileIsAnErrorThatNamesTheShippedLists) {
  write("shipped/tails.txt", "");
  const std::string message = error_of("nowhere.txt");
  EXPECT_TRUE(names(message, "`nowhere.txt`"));
  EXPECT_TRUE(names(message, "tails"));
}

TEST_F(BatchFile, AFileThatIncludesItselfIsAnError) {
  EXPECT_TRUE(names(error_of(write("loop.txt", "--batch=loop.txt\n")), "inside each other"));
}

TEST_F(BatchFile, BlocksStandBehindAnOption) {
  const std::string file = write("list.txt",
                                 "ic8oc8_ih8kh1\n"
                                 "--block=ih8_ic64mid16oc64n\"a\"  # x2\n"
                                 "--mb=3 --block=ih8_ic8oc8\n"
                                 "--dir=BWD_D --block=ih8_ic16oc16\n");
  read(file);
  ASSERT_EQ(list_.problems.size(), 3U);
  EXPECT_FALSE(list_.problems[0].blocks);
  EXPECT_TRUE(list_.problems[1].blocks);
  EXPECT_EQ(list_.problems[1].name, "a");
  EXPECT_EQ(first(1).n, 1);
  EXPECT_EQ(first(2).n, 3);
}

TEST_F(BatchFile, ErrorsInBlocksNameFileAndLine) {
  EXPECT_TRUE(names(error_of(write("list.txt", "\n--block=ih8_ic8ocX\n")),
                    "list.txt:2: descriptor `ih8_ic8ocX`, character 10"));
}

TEST_F(BatchFile, BadMbIsAnError) {
  for (const char* text : {"--mb=two ic8oc8_ih8kh1", "--mb=-1 ic8oc8_ih8kh1"}) {
    EXPECT_TRUE(names(error_of(write("list.txt", text)), "needs a number of images"));
  }
}

// What is shipped is well formed, and its names tell the problems apart.
class ShippedList : public testing::TestWithParam<std::string> {};

TEST_P(ShippedList, IsValid) {
  ProblemList list;
  read_list(GetParam(), FOLDCONV_SHAPES, list);
  EXPECT_TRUE(list.notes.empty());
  std::set<std::string> seen;
  for (const Problem& problem : list.problems) {
    EXPECT_FALSE(problem.name.empty()) << problem.label;
    EXPECT_TRUE(seen.insert(problem.name).second) << problem.name << " stands there twice";
    for (const LineConv* conv : problem.convs()) {
      const Status valid = validate(conv->problem);
      EXPECT_TRUE(valid.ok()) << problem.label << ": " << valid.message();
    }
  }
  EXPECT_FALSE(seen.empty());
}

INSTANTIATE_TEST_SUITE_P(All, ShippedList, testing::ValuesIn(list_names(FOLDCONV_SHAPES)),
                         [](const auto& list) { return std::string(list.param); });

TEST(ShippedLists, AreThoseOfTheFolder) {
  EXPECT_EQ(list_names(FOLDCONV_SHAPES),
            (std::vector<std::string>{"densenet121", "efficientnet_lite0", "groups", "mobilenet_v2",
                                      "resnet50", "resnet50_blocks", "resnet50_stages", "resnext50",
                                      "tails", "yolov8n"}));
  EXPECT_TRUE(list_names("/no/such/folder").empty());
}

ProblemList read_shipped(const char* name) {
  ProblemList list;
  read_list(name, FOLDCONV_SHAPES, list);
  return list;
}

TEST(Resnet50List, HasTheDistinctConvolutionsOfV15) {
  const ProblemList list = read_shipped("resnet50");
  EXPECT_EQ(list.problems.size(), 23U);
  std::set<std::string> geometries;
  for (const Problem& layer : list.problems) {
    ASSERT_FALSE(layer.blocks);
    const ConvProblem& problem = layer.lines.front().convs.front().problem;
    EXPECT_EQ(problem.n, 1) << layer.name;
    geometries.insert(descriptor_of(layer));
    // v1.5: no 1x1 strides but in projections.
    if (problem.r == 1 && problem.stride.h == 2) {
      EXPECT_TRUE(names(layer.name, "downsample"));
    }
  }
  EXPECT_EQ(geometries.size(), 23U);
}

TEST(Resnet50BlocksList, HasTheDistinctBlocksOfV15) {
  const ProblemList list = read_shipped("resnet50_blocks");
  ASSERT_EQ(list.problems.size(), 8U);
  for (std::size_t i = 0; i < list.problems.size(); ++i) {
    const Problem& problem = list.problems[i];
    const int stage = static_cast<int>(i / 2);  // 0: the first at 56x56
    const bool first = i % 2 == 0;
    ASSERT_TRUE(problem.blocks && problem.lines.size() == 1);
    const BlockShape block = shape_of(problem.lines.front());
    EXPECT_EQ(problem.input().shape.h, 56 >> (first ? std::max(stage - 1, 0) : stage));
    EXPECT_EQ(block.middle, 64 << stage);
    EXPECT_EQ(block.k, 256 << stage);
    EXPECT_EQ(block.projection, first);
    EXPECT_EQ(block.stride, first && stage > 0 ? 2 : 1);
    EXPECT_EQ(block.stride_at, StrideAt::conv2);
  }
}

TEST(Resnet50StagesList, HasItsSixteenBlocksInAllAndTheyFollowEachOther) {
  const ProblemList list = read_shipped("resnet50_stages");
  ASSERT_EQ(list.problems.size(), 4U);
  std::size_t blocks = 0;
  Shape x{1, 56, 56, 64};
  for (const Problem& stage : list.problems) {
    blocks += stage.lines.size();
    EXPECT_EQ(stage.input().shape, x) << stage.name;
    x = stage.output().shape;
  }
  EXPECT_EQ(blocks, 16U);
}

TEST(Resnext50List, HasTheDistinctConvolutionsAndBlocks) {
  const ProblemList list = read_shipped("resnext50");
  std::size_t convs = 0, narrow = 0;
  std::set<std::string> geometries;
  for (const Problem& problem : list.problems) {
    geometries.insert(descriptor_of(problem));
    if (problem.blocks) continue;
    const ConvProblem& conv = problem.lines.front().convs.front().problem;
    ++convs;
    narrow += conv.groups == 32 && conv.r == 3 && conv.c == conv.k ? 1 : 0;
  }
  EXPECT_EQ(convs, 24U);
  EXPECT_EQ(narrow, 7U);
  EXPECT_EQ(list.problems.size(), 32U);
  EXPECT_EQ(geometries.size(), list.problems.size());
}

// Each distinct block once, so each block of a list is either the first of its shape or counted behind it.
TEST(InvertedBlocksLists, FollowEachOtherFromStemToHead) {
  for (const char* name : {"mobilenet_v2", "efficientnet_lite0"}) {
    SCOPED_TRACE(name);
    const ProblemList list = read_shipped(name);
    Shape x{1, 224, 224, 3};
    std::set<std::string> geometries;
    for (const Problem& problem : list.problems) {
      EXPECT_TRUE(problem.input().shape == x) << problem.name;
      EXPECT_EQ(problem.blocks, problem.lines.front().convs.size() > 1);
      geometries.insert(descriptor_of(problem));
      x = problem.output().shape;
    }
    EXPECT_EQ(geometries.size(), list.problems.size());
    EXPECT_TRUE(x == (Shape{1, 7, 7, 1280}));
  }
}

}  // namespace
}  // namespace foldconv::harness
