// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "base/sizes.hpp"
#include "foldconv/conv.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;
using test::kInvalid;

constexpr int kIntMax = std::numeric_limits<int>::max();
constexpr int kIntMin = std::numeric_limits<int>::min();

ConvProblem base() {
  return {.n = 2, .h = 14, .w = 13, .c = 32, .k = 48, .r = 3, .s = 3, .pad = {1, 1, 1, 1}};
}

ConvProblem with(const std::function<void(ConvProblem&)>& change) {
  ConvProblem problem = base();
  change(problem);
  return problem;
}

Status status_with(const std::function<void(ConvProblem&)>& change) {
  return validate(with(change));
}

// p by counting the windows that fit.
int count_windows(int image, int before, int after, int filter, int stride, int dilation) {
  int windows = 0;
  for (int start = -before; start + dilation * (filter - 1) < image + after; start += stride) {
    ++windows;
  }
  return windows;
}

TEST(ConvProblem, OutputSizeCountsTheWindowsThatFit) {
  for (int image = 1; image <= 9; ++image) {
    for (int before = -2; before <= 2; ++before) {
      for (int after = -2; after <= 2; ++after) {
        for (int filter = 1; filter <= 4; ++filter) {
          for (int stride = 1; stride <= 3; ++stride) {
            for (int dilation = 1; dilation <= 3; ++dilation) {
              const ConvProblem problem = {.h = image,
                                           .w = 50,
                                           .c = 1,
                                           .k = 1,
                                           .r = filter,
                                           .stride = {stride, 1},
                                           .pad = {before, after, 0, 0},
                                           .dilation = {dilation, 1}};
              const int expected = count_windows(image, before, after, filter, stride, dilation);
              ASSERT_EQ(problem.p(), expected) << to_string(problem);
              ASSERT_EQ(problem.q(), 50);
              ASSERT_EQ(validate(problem).ok(), expected >= 1) << to_string(problem);
            }
          }
        }
      }
    }
  }
}

TEST(ConvProblem, OutputSizeOfNonsenseIsZero) {
  EXPECT_EQ(with([](auto& p) { p.stride.h = 0; }).p(), 0);
  EXPECT_EQ(with([](auto& p) { p.stride.w = -1; }).q(), 0);
  EXPECT_EQ(with([](auto& p) { p.h = kIntMin; }).p(), 0);
  EXPECT_EQ(with([](auto& p) { p.dilation.h = kIntMax, p.r = kIntMax; }).p(), 0);
  EXPECT_EQ(with([](auto& p) { p.h = kIntMax, p.pad.top = kIntMax; }).p(), 0);
}

TEST(ConvProblem, ShapesAndFlops) {
  const ConvProblem problem = base();
  EXPECT_EQ(problem.input(), (Shape{2, 14, 13, 32}));
  EXPECT_EQ(problem.output(), (Shape{2, 14, 13, 48}));
  EXPECT_EQ(problem.flops(), 2.0 * 2 * 14 * 13 * 48 * 9 * 32);
  EXPECT_EQ(with([](auto& p) { p.groups = 16; }).flops(), 2.0 * 2 * 14 * 13 * 48 * 9 * 2);
}

TEST(ConvProblem, OneLine) {
  EXPECT_EQ(to_string(ConvProblem{.n = 1,
                                  .h = 56,
                                  .w = 56,
                                  .c = 64,
                                  .k = 64,
                                  .r = 3,
                                  .s = 3,
                                  .pad = {1, 1, 1, 1},
                                  .activation = Activation::relu}),
            "n1 56x56x64 -> 56x56x64 3x3 s1 p1 f16 relu");
  EXPECT_EQ(to_string(ConvProblem{.dtype = DataType::bf16,
                                  .n = 3,
                                  .h = 20,
                                  .w = 30,
                                  .c = 32,
                                  .k = 64,
                                  .r = 1,
                                  .s = 5,
                                  .stride = {2, 1},
                                  .pad = {0, 1, 2, -1},
                                  .dilation = {1, 2},
                                  .groups = 4,
                                  .activation = Activation::leaky_relu(0.125f),
                                  .residual = true}),
            "n3 20x30x32 -> 11x23x64 1x5 s2x1 p0,1,2,-1 d1x2 g4 bf16 +residual leaky_relu(0.125)");
  EXPECT_EQ(to_string(ConvProblem{.h = 9, .w = 9, .c = 1, .k = 1, .pad = {1, 1, 2, 2}}),
            "n1 9x9x1 -> 11x13x1 1x1 s1 p1x2 f16");
  EXPECT_EQ(to_string(ConvProblem{.h = 9,
                                  .w = 9,
                                  .c = 24,
                                  .k = 8,
                                  .residual = true,
                                  .pitch = {.x = 256, .residual = 16, .y = 512}}),
            "n1 9x9x24 -> 9x9x8 1x1 s1 p0 f16 +residual x pitch 256 residual pitch 16 y pitch 512");
}

TEST(Validate, TakesOrdinaryProblems) {
  EXPECT_TRUE(validate(base()).ok());
  EXPECT_TRUE(status_with([](auto& p) { p.groups = 16; }).ok());
  EXPECT_TRUE(status_with([](auto& p) { p.pad = {-1, -2, 0, -3}; }).ok());
  EXPECT_TRUE(status_with([](auto& p) { p.stride = {100, 100}; }).ok());
}

TEST(Validate, EverySizeIsAtLeastOne) {
  const auto refused = [](const char* text, const std::function<void(ConvProblem&)>& change) {
    return fails_with(status_with(change), kInvalid, {text, "at least 1"});
  };
  EXPECT_TRUE(refused("n = 0", [](auto& p) { p.n = 0; }));
  EXPECT_TRUE(refused("h = -1", [](auto& p) { p.h = -1; }));
  EXPECT_TRUE(refused("w = 0", [](auto& p) { p.w = 0; }));
  EXPECT_TRUE(refused("c = 0", [](auto& p) { p.c = 0; }));
  EXPECT_TRUE(refused("k = -48", [](auto& p) { p.k = -48; }));
  EXPECT_TRUE(refused("r = 0", [](auto& p) { p.r = 0; }));
  EXPECT_TRUE(refused("s = 0", [](auto& p) { p.s = 0; }));
  EXPECT_TRUE(refused("stride.h = 0", [](auto& p) { p.stride.h = 0; }));
  EXPECT_TRUE(refused("stride.w = -2", [](auto& p) { p.stride.w = -2; }));
  EXPECT_TRUE(refused("dilation.h = 0", [](auto& p) { p.dilation.h = 0; }));
  EXPECT_TRUE(refused("dilation.w = 0", [](auto& p) { p.dilation.w = 0; }));
  EXPECT_TRUE(refused("groups = 0", [](auto& p) { p.groups = 0; }));
}

TEST(Validate, GroupsDivideBothChannelCounts) {
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.groups = 3; }), kInvalid,
                         {"groups = 3, c = 32, k = 48", "use groups = 2 or 4"}));
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.groups = 32; }), kInvalid,
                         {"groups = 32", "use groups = 16"}));
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.c = p.k = 7, p.groups = 2; }), kInvalid,
                         {"use groups = 1 or 7"}));
  // Finds its divisors without counting to 2^31.
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.c = p.k = kIntMax, p.groups = 2; }), kInvalid,
                         {"use groups = 1 or 2147483647"}));
}

TEST(Validate, TheFilterFitsIntoThePaddedImage) {
  EXPECT_TRUE(
      fails_with(status_with([](auto& p) { p.h = 3, p.dilation.h = 3; }), kInvalid,
                 {"along h", "spans 7 (r = 3, dilation.h = 3)", "the image 5", "pad by 2 more"}));
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.pad.left = -13; }), kInvalid,
                         {"along w", "the image 1", "pad.left = -13"}));
  EXPECT_TRUE(
      fails_with(status_with([](auto& p) { p.dilation.w = kIntMax; }), kInvalid, {"along w"}));
}

TEST(Validate, PaddingStaysWithinInt) {
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.pad.top = kIntMax; }), kInvalid,
                         {"along h", "2^31", "pad.top = 2147483647"}));
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.pad.left = kIntMin, p.pad.right = kIntMax; }),
                         kInvalid, {"along w", "pad.left = -2147483648"}));
}

TEST(Validate, ProductsThatOverflow) {
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.n = p.h = p.w = 1 << 20, p.c = 32; }),
                         kInvalid, {"x is 2^63 bytes", "1048576 * 1048576 * 1048576 * 32"}));
  EXPECT_TRUE(fails_with(status_with([](auto& p) {
                           p.n = p.h = p.w = 1 << 20;
                           p.c = 1;
                           p.k = 1 << 10;
                         }),
                         kInvalid, {"y is 2^63 bytes", "* 1024"}));
  EXPECT_TRUE(fails_with(status_with([](auto& p) {
                           p.h = p.w = 100000;
                           p.r = p.s = 50000;
                           p.c = p.k = 1;
                         }),
                         kInvalid, {"weights of one output channel", "r = 50000"}));
  const auto huge_filter = [](ConvProblem& p) {
    p.n = 1;
    p.h = p.w = p.r = p.s = 30000;
    p.pad = {};
    p.dtype = DataType::f32;
    p.k = kIntMax;
  };
  EXPECT_TRUE(fails_with(status_with([&](auto& p) { huge_filter(p), p.c = 2; }), kInvalid,
                         {"the weights are 2^63 bytes", "c / groups = 2"}));
  EXPECT_TRUE(fails_with(status_with([&](auto& p) { huge_filter(p), p.c = 3; }), kInvalid,
                         {"2^31 elements or more", "c / groups = 3"}));
}

TEST(Validate, PitchesAreChannelsOrMoreInWholeChunks) {
  const auto status_of = [](const Pitches& pitch, DataType dtype = DataType::f16, int c = 32) {
    return status_with(
        [&](auto& p) { p.pitch = pitch, p.dtype = dtype, p.c = c, p.residual = true; });
  };
  EXPECT_TRUE(status_of({32, 48, 48}).ok());
  EXPECT_TRUE(status_of({40, 56, 256}).ok());
  EXPECT_TRUE(status_of({35, 0, 0}, DataType::f16, 35).ok());  // dense, though not of whole chunks
  EXPECT_TRUE(status_of({36, 52, 0}, DataType::f32).ok());
  EXPECT_TRUE(fails_with(
      status_of({31, 0, 0}), kInvalid,
      {"pitch.x must be 0 or at least c", "pitch.x = 31, c = 32, f16", "use pitch.x = 32, or 0"}));
  EXPECT_TRUE(fails_with(status_of({-8, 0, 0}), kInvalid, {"pitch.x = -8", "use pitch.x = 32"}));
  EXPECT_TRUE(fails_with(status_of({8, 0, 0}, DataType::f16, 35), kInvalid, {"use pitch.x = 35"}));
  EXPECT_TRUE(fails_with(status_of({0, 0, 51}), kInvalid,
                         {"pitch.y must be k or a multiple of 16 bytes, which are 8 elements",
                          "pitch.y = 51, k = 48", "use pitch.y = 56, or 0"}));
  EXPECT_TRUE(fails_with(status_of({0, 50, 0}, DataType::bf16), kInvalid,
                         {"pitch.residual", "use pitch.residual = 56"}));
  EXPECT_TRUE(fails_with(status_of({33, 0, 0}, DataType::f32), kInvalid,
                         {"4 elements", "use pitch.x = 36"}));
  EXPECT_TRUE(fails_with(status_of({kIntMax, 0, 0}), kInvalid, {"use pitch.x = 2147483640"}));
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.pitch.residual = 64; }), kInvalid,
                         {"a problem without one", "pitch.residual = 64"}));
}

TEST(Validate, ProductsWithPitchesOverflow) {
  const auto status_of = [](const Pitches& pitch) {
    return status_with(
        [&](auto& p) { p.n = p.h = p.w = 1 << 17, p.pitch = pitch, p.residual = true; });
  };
  EXPECT_TRUE(status_of({}).ok());
  EXPECT_TRUE(fails_with(status_of({1 << 12, 0, 0}), kInvalid,
                         {"x is 2^63 bytes", "n * h * w * pitch.x = 131072", "* 4096"}));
  EXPECT_TRUE(fails_with(status_of({0, 1 << 12, 0}), kInvalid, {"the residual is 2^63 bytes"}));
  EXPECT_TRUE(
      fails_with(status_of({0, 0, 1 << 12}), kInvalid, {"y is 2^63 bytes", "n * p * q * pitch.y"}));
}

TEST(Validate, LargeButLegal) {
  // Past 2^31 elements: fine for the direct kernel.
  EXPECT_TRUE(status_with([](auto& p) { p.n = 1 << 20, p.h = p.w = 1 << 10; }).ok());
}

TEST(Validate, ValuesOutsideTheEnums) {
  EXPECT_TRUE(fails_with(status_with([](auto& p) { p.dtype = static_cast<DataType>(3); }), kInvalid,
                         {"static_cast<DataType>(3)", "f16, bf16 or f32"}));
  EXPECT_TRUE(fails_with(
      status_with([](auto& p) { p.activation.kind = static_cast<Activation::Kind>(200); }),
      kInvalid, {"static_cast<Activation::Kind>(200)", "below 11"}));
}

TEST(Validate, SlopeOfLeakyRelu) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(status_with([&](auto& p) { p.activation.alpha = nan; }).ok());
  EXPECT_TRUE(fails_with(status_with([&](auto& p) { p.activation = Activation::leaky_relu(nan); }),
                         kInvalid, {"alpha = nan", "0.01"}));
}

TEST(Validate, ParametersOfHardSigmoidAndClip) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const auto status_of = [](const Activation& activation) {
    return status_with([&](auto& p) { p.activation = activation; });
  };
  EXPECT_TRUE(status_of(Activation::clip(-infinity, infinity)).ok());
  EXPECT_TRUE(status_of(Activation::clip(1, 1)).ok());
  EXPECT_TRUE(fails_with(status_of(Activation::clip(2, 1)), kInvalid, {"low = 2, high = 1"}));
  EXPECT_TRUE(fails_with(status_of(Activation::clip(0, nan)), kInvalid, {"high = nan"}));
  EXPECT_TRUE(fails_with(status_of(Activation::hard_sigmoid(infinity, 0)), kInvalid,
                         {"alpha = inf, beta = 0"}));
  EXPECT_TRUE(fails_with(status_of(Activation::hard_sigmoid(0, nan)), kInvalid, {"beta = nan"}));
}

TEST(Sizes, CheckedProduct) {
  EXPECT_EQ(host::checked_product({3, 4, 5}), 60);
  EXPECT_EQ(host::checked_product({std::int64_t{1} << 31, std::int64_t{1} << 31}),
            std::int64_t{1} << 62);
  EXPECT_EQ(host::checked_product({std::int64_t{1} << 32, std::int64_t{1} << 31}), std::nullopt);
}

}  // namespace
}  // namespace foldconv
