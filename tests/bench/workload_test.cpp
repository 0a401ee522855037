// The judge must not let a wrong result pass: each test plants a fault in a right one.
#include "compute/workload.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "compute/judge.hpp"

namespace foldconv::tool {
namespace {

class Judge : public testing::Test {
 protected:
  void SetUp() override {
    Result<FoldedConv> folded = workload_.folded();
    ASSERT_TRUE(folded.ok()) << folded.status().message();
    expected_ = expected_of(workload_, workload_.problem, *folded);
    std::vector<float> rounded;
    for (const double y : expected_.y) rounded.push_back(round_to(DataType::f16, y));
    for (int repeat = 0; repeat < kImages / kDistinct; ++repeat) {
      const std::vector<std::byte> images = oracle::encode(DataType::f16, rounded);
      y_.insert(y_.end(), images.begin(), images.end());
    }
  }

  static constexpr int kImages = 4, kDistinct = 2;

  static Workload make() {
    Options options;
    const ConvProblem problem{.dtype = DataType::f16,
                              .n = kImages,
                              .h = 5,
                              .w = 6,
                              .c = 8,
                              .k = 4,
                              .r = 3,
                              .s = 3,
                              .pad = {1, 1, 1, 1},
                              .activation = Activation::relu};
    Workload workload = make_workload(problem, options);
    // As if the reference could afford only two images.
    ConvProblem fewer = problem;
    fewer.n = kDistinct;
    Workload smaller = make_workload(fewer, options);
    workload.raw = smaller.raw;
    workload.distinct = kDistinct;
    return workload;
  }

  // Flips a bit of an element's exponent, so that no bound allows it.
  void corrupt(std::size_t element) { y_[element * 2 + 1] ^= std::byte{0x20}; }

  Workload workload_ = make();
  oracle::Expected expected_;
  std::vector<std::byte> y_;
};

TEST_F(Judge, PassesTheRoundedReference) {
  const Verdict verdict = judge(workload_.y(), expected_, y_);
  EXPECT_TRUE(verdict.pass) << verdict.reason;
  EXPECT_EQ(verdict.reason, "");
  EXPECT_LE(verdict.worst_share, 1);
}

TEST_F(Judge, CatchesAWrongElement) {
  corrupt(17);
  const Verdict verdict = judge(workload_.y(), expected_, y_);
  EXPECT_FALSE(verdict.pass);
  // 4 channels a pixel, 6 pixels a row.
  EXPECT_NE(verdict.reason.find("image 0, row 0, column 4, channel 1"), std::string::npos)
      << verdict.reason;
}

TEST_F(Judge, CatchesAWrongCopy) {
  const std::size_t image_elements = y_.size() / 2 / kImages;
  corrupt(3 * image_elements + 5);
  const Verdict verdict = judge(workload_.y(), expected_, y_);
  EXPECT_FALSE(verdict.pass);
  EXPECT_EQ(verdict.reason, "image 3 differs from its copy, image 1");
}

TEST_F(Judge, CatchesAnElementThatWasNeverWritten) {
  std::memset(y_.data() + 40, 0xFF, 2);
  EXPECT_FALSE(judge(workload_.y(), expected_, y_).pass);
}

TEST_F(Judge, SaysWhereBitsDiffer) {
  const std::vector<std::byte> right = y_;
  EXPECT_EQ(difference(workload_.y(), right, y_), "");
  corrupt(17);
  corrupt(18);
  EXPECT_EQ(difference(workload_.y(), right, y_),
            "2 of 480 elements, the first at image 0, row 0, column 4, channel 1");
}

TEST(WorkloadData, CopiesImagesInTurn) {
  Options options;
  const ConvProblem problem{.n = 5, .h = 2, .w = 2, .c = 8, .k = 8, .residual = true};
  Workload workload = make_workload(problem, options);
  ASSERT_EQ(workload.distinct, 5);
  workload.distinct = 1;
  workload.raw.x.resize(workload.raw.x.size() / 5);
  const std::vector<std::byte> x = workload.x(3);
  ASSERT_EQ(x.size(), 3U * 2 * 2 * 8 * 2);
  EXPECT_EQ(std::memcmp(x.data(), x.data() + x.size() / 3, x.size() / 3), 0);
  EXPECT_EQ(std::memcmp(x.data(), x.data() + 2 * (x.size() / 3), x.size() / 3), 0);
}

TEST(WorkloadData, LargeBatchesHoldCopies) {
  Options options;
  const ConvProblem layer{
      .n = 64, .h = 28, .w = 28, .c = 128, .k = 128, .r = 3, .s = 3, .pad = {1, 1, 1, 1}};
  const Workload workload = make_workload(layer, options);
  EXPECT_LT(workload.distinct, 64);
  EXPECT_GE(workload.distinct, 1);
  EXPECT_EQ(workload.raw.x.size(), static_cast<std::size_t>(workload.distinct) * 28 * 28 * 128);
}

}  // namespace
}  // namespace foldconv::tool
