#include "problems/batch_file.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

namespace foldconv::tool {
namespace {

namespace fs = std::filesystem;

class BatchFile : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / (std::string("foldconv_batch_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "shipped");
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  Status read(const std::string& file) { return read_batch_file(file, folder_ / "shipped", list_); }

  fs::path folder_;
  ProblemList list_;
};

TEST_F(BatchFile, TakesWordsAndSkipsComments) {
  const std::string file = write("list.txt",
                                 "# ic1oc1_ih1kh1\n"
                                 "ic8oc8_ih8kh1n\"first\"  # x3 ic2oc2_ih2kh1\n"
                                 "\n"
                                 "  ic16oc8_ih8kh1 ic24oc8_ih8kh1\n");
  ASSERT_TRUE(read(file).ok());
  ASSERT_EQ(list_.problems.size(), 3U);
  EXPECT_EQ(list_.problems[0].name, "first");
  EXPECT_EQ(list_.problems[1].problem.c, 16);
  EXPECT_EQ(list_.problems[2].problem.c, 24);
  EXPECT_TRUE(list_.notes.empty());
}

TEST_F(BatchFile, ABackslashJoinsWords) {
  ASSERT_TRUE(read(write("list.txt", "ic8oc8_\\\n  ih8kh1 \\\n n\"joined\"\n")).ok());
  ASSERT_EQ(list_.problems.size(), 1U);
  EXPECT_EQ(list_.problems[0].problem.h, 8);
  EXPECT_EQ(list_.problems[0].name, "joined");
}

TEST_F(BatchFile, NestsBesideTheFileAndFindsShippedLists) {
  write("inner.txt", "ic16oc8_ih8kh1\n");
  write("shipped/lists.txt", "ic24oc8_ih8kh1\n");
  const std::string file =
      write("outer.txt", "ic8oc8_ih8kh1 --batch=inner.txt --batch=lists ic32oc8_ih8kh1");
  ASSERT_TRUE(read(file).ok());
  ASSERT_EQ(list_.problems.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(list_.problems[i].problem.c, 8 * static_cast<int>(i + 1));
  }
}

TEST_F(BatchFile, MbAppliesUntilReset) {
  const std::string file = write("list.txt",
                                 "mb4ic8oc8_ih8kh1 --mb=9 ic8oc8_ih8kh1 --mb=0 mb5ic8oc8_ih8kh1\n"
                                 "--mb=9 --reset ic8oc8_ih8kh1");
  ASSERT_TRUE(read(file).ok());
  std::vector<int> images;
  for (const Descriptor& descriptor : list_.problems) images.push_back(descriptor.problem.n);
  EXPECT_EQ(images, (std::vector<int>{4, 9, 5, 2}));
}

TEST_F(BatchFile, BackwardProblemsAreSkippedWithANote) {
  const std::string file = write("list.txt",
                                 "--dir=FWD_B ic8oc8_ih8kh1 --dir=BWD_D ic16oc8_ih8kh1\n"
                                 "--dir=FWD_I ic24oc8_ih8kh1");
  ASSERT_TRUE(read(file).ok());
  ASSERT_EQ(list_.problems.size(), 2U);
  EXPECT_EQ(list_.problems[1].problem.c, 24);
  ASSERT_EQ(list_.notes.size(), 1U);
  EXPECT_NE(list_.notes[0].find("`--dir=BWD_D`"), std::string::npos);
}

TEST_F(BatchFile, ThreeDimensionalProblemsAreSkippedWithANote) {
  const std::string file = write("list.txt",
                                 "ic8oc8_ih8kh1\nic8oc8_id8ih8kd3kh3\nic8oc8_id4ih8kd3kh3\n"
                                 "ic16oc8_ih8kh1\n");
  ASSERT_TRUE(read(file).ok());
  EXPECT_EQ(list_.problems.size(), 2U);
  ASSERT_EQ(list_.notes.size(), 1U);
  EXPECT_EQ(list_.notes[0].find("2 of the problems"), 0U);
  EXPECT_NE(list_.notes[0].find("list.txt:2: descriptor `ic8oc8_id8ih8kd3kh3`"), std::string::npos);
}

TEST_F(BatchFile, ForeignOptionsAreNotedOnce) {
  const std::string file =
      write("list.txt", "--stag=axb --stag=abx\n--attr-post-ops=relu ic8oc8_ih8kh1\n");
  ASSERT_TRUE(read(file).ok());
  EXPECT_EQ(list_.problems.size(), 1U);
  ASSERT_EQ(list_.notes.size(), 2U);
  EXPECT_NE(list_.notes[1].find("list.txt:2: `--attr-post-ops`"), std::string::npos);
}

TEST_F(BatchFile, ErrorsNameFileAndLine) {
  write("inner.txt", "\n\nic8oc8_ihX\n");
  const Status status = read(write("outer.txt", "--batch=inner.txt\n"));
  EXPECT_EQ(status.code(), ErrorCode::invalid_argument);
  EXPECT_NE(status.message().find("inner.txt:3: descriptor `ic8oc8_ihX`, character 10"),
            std::string::npos)
      << status.message();
}

TEST_F(BatchFile, AMissingFileIsAnErrorThatNamesTheShippedLists) {
  write("shipped/tails.txt", "");
  const Status status = read("nowhere.txt");
  EXPECT_EQ(status.code(), ErrorCode::invalid_argument);
  EXPECT_NE(status.message().find("`nowhere.txt`"), std::string::npos);
  EXPECT_NE(status.message().find("tails"), std::string::npos);
}

TEST_F(BatchFile, AFileThatIncludesItselfIsAnError) {
  const Status status = read(write("loop.txt", "--batch=loop.txt\n"));
  EXPECT_EQ(status.code(), ErrorCode::invalid_argument);
  EXPECT_NE(status.message().find("inside each other"), std::string::npos);
}

TEST_F(BatchFile, BlocksStandBehindAnOption) {
  const std::string file = write("list.txt",
                                 "ic8oc8_ih8kh1\n"
                                 "--block=ih8_ic64mid16oc64n\"a\"  # x2\n"
                                 "--mb=3 --block=ih8_ic8oc8\n"
                                 "--dir=BWD_D --block=ih8_ic16oc16\n");
  ASSERT_TRUE(read(file).ok());
  EXPECT_EQ(list_.problems.size(), 1U);
  ASSERT_EQ(list_.blocks.size(), 2U);
  EXPECT_EQ(list_.blocks[0].name, "a");
  EXPECT_EQ(list_.blocks[0].problem.n, 1);
  EXPECT_EQ(list_.blocks[1].problem.n, 3);
}

TEST_F(BatchFile, ErrorsInBlocksNameFileAndLine) {
  const Status status = read(write("list.txt", "\n--block=ih8_ic8ocX\n"));
  EXPECT_EQ(status.code(), ErrorCode::invalid_argument);
  EXPECT_NE(status.message().find("list.txt:2: descriptor `ih8_ic8ocX`, character 10"),
            std::string::npos)
      << status.message();
}

TEST_F(BatchFile, BadMbIsAnError) {
  EXPECT_FALSE(read(write("list.txt", "--mb=two ic8oc8_ih8kh1")).ok());
  EXPECT_FALSE(read(write("list.txt", "--mb=-1 ic8oc8_ih8kh1")).ok());
}

// What is shipped is well formed, and its names tell the problems apart.
class ShippedList : public testing::TestWithParam<const char*> {};

TEST_P(ShippedList, IsValid) {
  ProblemList list;
  const Status status = read_batch_file(GetParam(), FOLDCONV_SHAPES, list);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_TRUE(list.notes.empty());
  std::set<std::string> seen;
  for (const Descriptor& descriptor : list.problems) {
    EXPECT_FALSE(descriptor.name.empty()) << descriptor.text;
    EXPECT_TRUE(seen.insert(descriptor.name).second) << descriptor.name << " stands there twice";
    const Status valid = validate(descriptor.problem);
    EXPECT_TRUE(valid.ok()) << descriptor.text << ": " << valid.message();
  }
  for (const BlockDescriptor& descriptor : list.blocks) {
    EXPECT_FALSE(descriptor.name.empty()) << descriptor.text;
    EXPECT_TRUE(seen.insert(descriptor.name).second) << descriptor.name << " stands there twice";
  }
  EXPECT_FALSE(seen.empty());
}

INSTANTIATE_TEST_SUITE_P(All, ShippedList,
                         testing::Values("resnet50", "resnet50_blocks", "resnet50_stages", "tails",
                                         "groups"),
                         [](const auto& list) { return std::string(list.param); });

TEST(Resnet50List, HasTheDistinctConvolutionsOfV15) {
  ProblemList list;
  ASSERT_TRUE(read_batch_file("resnet50", FOLDCONV_SHAPES, list).ok());
  EXPECT_EQ(list.problems.size(), 23U);
  std::set<std::string> geometries;
  for (const Descriptor& descriptor : list.problems) {
    EXPECT_EQ(descriptor.problem.n, 1) << descriptor.name;
    geometries.insert(to_descriptor(descriptor.problem));
    // v1.5: no 1x1 strides but in projections.
    if (descriptor.problem.r == 1 && descriptor.problem.stride.h == 2) {
      EXPECT_NE(descriptor.name.find("downsample"), std::string::npos) << descriptor.name;
    }
  }
  EXPECT_EQ(geometries.size(), 23U);
}

TEST(Resnet50BlocksList, HasTheDistinctBlocksOfV15) {
  ProblemList list;
  ASSERT_TRUE(read_batch_file("resnet50_blocks", FOLDCONV_SHAPES, list).ok());
  EXPECT_TRUE(list.problems.empty());
  ASSERT_EQ(list.blocks.size(), 8U);
  for (std::size_t i = 0; i < list.blocks.size(); ++i) {
    const BlockDescriptor& descriptor = list.blocks[i];
    const int stage = static_cast<int>(i / 2);  // 0: the first at 56x56
    const bool first = i % 2 == 0;
    ASSERT_EQ(descriptor.blocks.size(), 1U);
    const BlockShape& block = descriptor.blocks.front();
    EXPECT_EQ(descriptor.problem.h, 56 >> (first ? std::max(stage - 1, 0) : stage));
    EXPECT_EQ(block.middle, 64 << stage);
    EXPECT_EQ(block.k, 256 << stage);
    EXPECT_EQ(block.projection, first);
    EXPECT_EQ(block.stride, first && stage > 0 ? 2 : 1);
    EXPECT_EQ(block.stride_at, StrideAt::conv2);
  }
}

TEST(Resnet50StagesList, HasItsSixteenBlocksInAllAndTheyFollowEachOther) {
  ProblemList list;
  ASSERT_TRUE(read_batch_file("resnet50_stages", FOLDCONV_SHAPES, list).ok());
  ASSERT_EQ(list.blocks.size(), 4U);
  std::size_t blocks = 0;
  int c = 64, h = 56;
  for (const BlockDescriptor& stage : list.blocks) {
    blocks += stage.blocks.size();
    EXPECT_EQ(stage.blocks.front().c, c) << stage.name;
    EXPECT_EQ(stage.problem.h, h) << stage.name;
    c = stage.blocks.back().k;
    h /= stage.blocks.front().stride;
  }
  EXPECT_EQ(blocks, 16U);
}

}  // namespace
}  // namespace foldconv::tool
