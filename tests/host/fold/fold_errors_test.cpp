// SPDX-License-Identifier: MIT
// What fold() refuses, each with the value and the remedy in the message.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "foldconv/fold.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;
using test::kInvalid;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kFloatInfinity = std::numeric_limits<float>::infinity();

// k 3, 2 channels, 1x1, all arrays present.
struct Arrays {
  std::vector<float> weights = {1, 2, 3, 4, 5, 6};
  std::vector<float> bias = {0, 0, 0};
  std::vector<float> gamma = {1, 1, 1}, beta = {0, 0, 0}, mean = {0, 0, 0}, variance = {1, 1, 1};
  double eps = 1e-5;
  int k = 3, c_per_group = 2, r = 1, s = 1;
  FoldOptions options = {};

  Status status() const {
    return fold({.values = weights,
                 .k = k,
                 .c_per_group = c_per_group,
                 .r = r,
                 .s = s,
                 .bias = bias},
                BatchNorm{.gamma = gamma,
                          .beta = beta,
                          .mean = mean,
                          .variance = variance,
                          .eps = Epsilon(eps)},
                options)
        .status();
  }
};

Status after(const std::function<void(Arrays&)>& change) {
  Arrays arrays;
  change(arrays);
  return arrays.status();
}

TEST(FoldErrors, NoneWithoutAFault) {
  EXPECT_TRUE(Arrays().status().ok());
}

TEST(FoldErrors, SizesBelowOne) {
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.k = 0; }), kInvalid, {"k = 0", "at least 1"}));
  EXPECT_TRUE(
      fails_with(after([](Arrays& a) { a.c_per_group = -2; }), kInvalid, {"c_per_group = -2"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.r = 0; }), kInvalid, {"r = 0"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.s = -1; }), kInvalid, {"s = -1"}));
}

TEST(FoldErrors, LengthsThatDoNotMatch) {
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.weights.pop_back(); }), kInvalid,
                         {"weights.values", "5 elements", "3 * 2 * 1 * 1 = 6"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.r = 2; }), kInvalid, {"6 elements", "= 12"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.bias.push_back(0); }), kInvalid,
                         {"weights.bias", "4 elements", "= 3"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.gamma.pop_back(); }), kInvalid, {"gamma", "2 "}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.beta.pop_back(); }), kInvalid, {"beta", "2 "}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.mean.pop_back(); }), kInvalid, {"mean", "2 "}));
  EXPECT_TRUE(
      fails_with(after([](Arrays& a) { a.variance.pop_back(); }), kInvalid, {"variance", "2 "}));
}

TEST(FoldErrors, ProductsThatOverflow) {
  const auto huge = [](Arrays& a) { a.k = a.c_per_group = a.r = 1 << 30; };
  EXPECT_TRUE(fails_with(after(huge), kInvalid, {"2^63", "1073741824 * 1073741824"}));
}

TEST(FoldErrors, NullData) {
  const ConvWeights weights = {
      .values = {static_cast<const float*>(nullptr), 6}, .k = 3, .c_per_group = 2};
  EXPECT_TRUE(fails_with(fold(weights, std::nullopt), kInvalid, {"weights.values", "null"}));
}

TEST(FoldErrors, MissingStatistics) {
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.mean.clear(); }), kInvalid,
                         {"batch_norm.mean is empty", "running mean and variance"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.variance.clear(); }), kInvalid,
                         {"batch_norm.variance is empty"}));
}

TEST(FoldErrors, NotANumberOrInfinityAnywhere) {
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.weights[5] = kNaN; }), kInvalid,
                         {"weights.values[5] = nan", "channel 2"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.weights[2] = -kFloatInfinity; }), kInvalid,
                         {"weights.values[2] = -inf", "channel 1"}));
  EXPECT_TRUE(
      fails_with(after([](Arrays& a) { a.bias[1] = kNaN; }), kInvalid, {"weights.bias[1] = nan"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.gamma[2] = kFloatInfinity; }), kInvalid,
                         {"batch_norm.gamma[2] = inf"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.beta[0] = kNaN; }), kInvalid,
                         {"batch_norm.beta[0] = nan"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.mean[0] = kNaN; }), kInvalid,
                         {"batch_norm.mean[0] = nan"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.variance[0] = kFloatInfinity; }), kInvalid,
                         {"batch_norm.variance[0] = inf"}));
}

TEST(FoldErrors, Epsilon) {
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.eps = -1e-5; }), kInvalid, {"eps = -1e-05"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.eps = std::nan(""); }), kInvalid, {"eps = nan"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.eps = INFINITY; }), kInvalid, {"eps = inf"}));
}

TEST(FoldErrors, VariancePlusEpsilonNotPositive) {
  EXPECT_TRUE(fails_with(after([](Arrays& a) {
                           a.variance[1] = -0.5f;
                           a.eps = 0.25;
                         }),
                         kInvalid, {"channel 1", "variance = -0.5", "eps = 0.25", "sum = -0.25"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) {
                           a.variance[2] = 0;
                           a.eps = 0;
                         }),
                         kInvalid, {"channel 2", "sum = 0"}));
}

TEST(FoldErrors, ScaleOrShiftOutsideFp32) {
  EXPECT_TRUE(fails_with(after([](Arrays& a) {
                           a.gamma[1] = 1e38f;
                           a.variance[1] = 0;
                           a.eps = 1e-10;
                         }),
                         kInvalid, {"scale of channel 1", "e+42"}));
  EXPECT_TRUE(fails_with(after([](Arrays& a) {
                           a.gamma[2] = 1e20f;
                           a.mean[2] = -1e20f;
                         }),
                         kInvalid, {"shift of channel 2"}));
}

TEST(FoldErrors, WeightsThatOverflowWhereTheyMustGo) {
  const auto large_scale = [](Arrays& a) { a.gamma[0] = 1e5f; };
  EXPECT_TRUE(after(large_scale).ok());  // automatic: in the epilogue
  EXPECT_TRUE(fails_with(after([&](Arrays& a) {
                           large_scale(a);
                           a.options.placement = ScalePlacement::weights;
                         }),
                         kInvalid, {"channel 0", "f16", "ScalePlacement::automatic", "bf16"}));
  const auto large_weights = [](Arrays& a) { a.weights[3] = -7e4f; };
  EXPECT_TRUE(fails_with(after(large_weights), kInvalid, {"channel 1", "70000", "bf16 or f32"}));
  EXPECT_TRUE(fails_with(after([&](Arrays& a) {
                           large_weights(a);
                           a.gamma[1] = 0.5f;
                           a.options.placement = ScalePlacement::epilogue;
                         }),
                         kInvalid, {"channel 1", "70000", "ScalePlacement::automatic"}));
  EXPECT_TRUE(after([&](Arrays& a) {
                large_weights(a);
                a.options.dtype = DataType::bf16;
              }).ok());
}

TEST(FoldErrors, ValuesOutsideTheEnums) {
  EXPECT_TRUE(fails_with(after([](Arrays& a) { a.options.dtype = static_cast<DataType>(9); }),
                         kInvalid, {"static_cast<DataType>(9)", "f16, bf16 or f32"}));
  EXPECT_TRUE(
      fails_with(after([](Arrays& a) { a.options.placement = static_cast<ScalePlacement>(3); }),
                 kInvalid, {"static_cast<ScalePlacement>(3)", "automatic, weights or epilogue"}));
}

}  // namespace
}  // namespace foldconv
