// SPDX-License-Identifier: MIT
// The judge must not let a wrong result pass: each test plants a fault in a right one.
#include "harness/ways/judge.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "harness/problem/data.hpp"
#include "harness/ways/library.hpp"
#include "harness/ways/steps.hpp"

namespace foldconv::harness {
namespace {

constexpr int kImages = 4, kDistinct = 2;

class Judge : public testing::Test {
 protected:
  void SetUp() override {
    Problem problem = make_layer({.n = kDistinct,
                                  .h = 5,
                                  .w = 6,
                                  .c = 8,
                                  .k = 4,
                                  .r = 3,
                                  .s = 3,
                                  .pad = {1, 1, 1, 1},
                                  .activation = Activation::relu});
    fill(problem);
    const LineConv& conv = problem.lines.front().convs.front();
    expected_ = expected_conv(conv.problem, kDistinct, folded(conv))(problem.x, {});
    std::vector<float> rounded;
    for (const double y : expected_.y) rounded.push_back(round_to(DataType::f16, y));
    y_ = images_.encode(rounded);
  }

  Verdict judged(Copies copies = Copies::same_bits) const {
    return judge(images_, expected_, y_, copies);
  }
  // Flips a bit of an element's exponent, so that no bound allows it; or its last one.
  void corrupt(std::size_t element) { y_[element * 2 + 1] ^= std::byte{0x20}; }
  void nudge(std::size_t element) { y_[element * 2] ^= std::byte{1}; }

  // As if the oracle could afford only two images.
  const Images images_{DataType::f16, {kImages, 5, 6, 4}, kDistinct};
  const std::size_t image_elements_ = 5 * 6 * 4;
  oracle::Expected expected_;
  Bytes y_;
};

TEST_F(Judge, PassesTheRoundedReference) {
  EXPECT_TRUE(judged().pass) << judged().reason;
  EXPECT_EQ(judged().reason, "");
  EXPECT_LE(judged().worst_share, 1);
}

TEST_F(Judge, CatchesAWrongElement) {
  corrupt(17);
  EXPECT_FALSE(judged().pass);
  // 4 channels a pixel, 6 pixels a row.
  EXPECT_NE(judged().reason.find("image 0, row 0, column 4, channel 1"), std::string::npos)
      << judged().reason;
}

TEST_F(Judge, CatchesAWrongCopy) {
  corrupt(3 * image_elements_ + 5);
  EXPECT_FALSE(judged().pass);
  EXPECT_EQ(judged().reason, "image 3 differs from its copy, image 1");
  EXPECT_FALSE(judged(Copies::within_bound).pass);
  EXPECT_EQ(judged(Copies::within_bound).reason.find("image 3: OUTSIDE"), 0U)
      << judged(Copies::within_bound).reason;
}

TEST_F(Judge, OnlyOthersMayGiveCopiesOtherBits) {
  const Bytes right = y_;
  for (const std::size_t image : {2, 3}) {
    y_ = right;
    // An element that lies so near the middle of two numbers that either may be stored.
    std::size_t element = image * image_elements_;
    const std::size_t end = element + image_elements_;
    for (; element < end; ++element) {
      nudge(element);
      if (judged(Copies::within_bound).pass) break;
      nudge(element);
    }
    ASSERT_LT(element, end) << image;
    EXPECT_FALSE(judged().pass);
  }
}

TEST_F(Judge, CatchesAnElementThatWasNeverWritten) {
  std::memset(y_.data() + 40, 0xFF, 2);
  EXPECT_FALSE(judged().pass);
}

TEST_F(Judge, SaysWhereBitsDiffer) {
  const Bytes right = y_;
  EXPECT_EQ(difference(images_, right, y_), "");
  corrupt(17);
  corrupt(18);
  EXPECT_EQ(difference(images_, right, y_),
            "2 of 480 elements, the first at image 0, row 0, column 4, channel 1");
}

}  // namespace
}  // namespace foldconv::harness
