// SPDX-License-Identifier: MIT
// Folding: the arithmetic, where the scale goes, and what the report says.
#include "foldconv/fold.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <type_traits>
#include <vector>

namespace foldconv {
namespace {

// A conv and its BatchNorm with storage of their own.
struct Layer {
  int k = 1, c_per_group = 1, r = 1, s = 1;
  std::vector<float> weights = {1};
  std::vector<float> bias = {};
  std::vector<float> gamma = {}, beta = {}, mean = {0}, variance = {1};
  double eps = 0;

  ConvWeights conv() const {
    return {.values = weights, .k = k, .c_per_group = c_per_group, .r = r, .s = s, .bias = bias};
  }
  BatchNorm batch_norm() const {
    return {.gamma = gamma, .beta = beta, .mean = mean, .variance = variance, .eps = Epsilon(eps)};
  }
  FoldedConv folded(const FoldOptions& options = {}) const {
    Result<FoldedConv> result = fold(conv(), batch_norm(), options);
    if (!result.ok()) throw std::runtime_error(result.status().message());
    return *result;
  }
};

// `channels` channels of one weight each, with neutral BatchNorm.
Layer neutral(std::vector<float> weights) {
  Layer layer;
  layer.k = static_cast<int>(weights.size());
  layer.mean.assign(weights.size(), 0);
  layer.variance.assign(weights.size(), 1);
  layer.weights = std::move(weights);
  return layer;
}

Layer random_layer(unsigned seed, bool conv_bias) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> signed_unit(-1, 1), positive(0.1f, 3);
  Layer layer = {.k = 5, .c_per_group = 3, .r = 2, .s = 3};
  const auto fill = [&](std::vector<float>& values, std::size_t count, auto& distribution) {
    values.resize(count);
    for (float& value : values) value = distribution(random);
  };
  fill(layer.weights, 5 * 3 * 2 * 3, signed_unit);
  if (conv_bias) fill(layer.bias, 5, signed_unit);
  fill(layer.gamma, 5, signed_unit);
  fill(layer.beta, 5, signed_unit);
  fill(layer.mean, 5, signed_unit);
  fill(layer.variance, 5, positive);
  layer.eps = 1e-3;
  return layer;
}

constexpr FoldOptions kF32InWeights = {DataType::f32, ScalePlacement::weights};
constexpr FoldOptions kF32InEpilogue = {DataType::f32, ScalePlacement::epilogue};

// The definition, evaluated in double at one window `x` of the input, against the folded conv at
// the same window.
class Formula : public testing::TestWithParam<std::tuple<DataType, ScalePlacement, bool>> {};

TEST_P(Formula, EqualsConvThenBatchNorm) {
  const auto [dtype, placement, conv_bias] = GetParam();
  const double unit_roundoff = dtype == DataType::f32   ? 0x1p-24
                               : dtype == DataType::f16 ? 0x1p-11
                                                        : 0x1p-8;
  const Layer layer = random_layer(7, conv_bias);
  const FoldedConv folded = layer.folded({dtype, placement});
  EXPECT_EQ(folded.dtype(), dtype);
  ASSERT_EQ(folded.weights().size(), layer.weights.size());
  ASSERT_EQ(folded.scale().size(), 5u);
  ASSERT_EQ(folded.bias().size(), 5u);

  std::mt19937 random(8);
  std::uniform_real_distribution<double> signed_unit(-1, 1);
  const std::size_t taps = 3 * 2 * 3;
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<double> x(taps);
    for (double& value : x) value = signed_unit(random);
    for (std::size_t k = 0; k < 5; ++k) {
      double conv = conv_bias ? layer.bias[k] : 0, folded_conv = 0, magnitude = 0;
      for (std::size_t i = 0; i < taps; ++i) {
        conv += layer.weights[k * taps + i] * x[i];
        folded_conv += folded.weights()[k * taps + i] * x[i];
        magnitude += std::abs(layer.weights[k * taps + i] * x[i]);
      }
      const double deviation = std::sqrt(layer.variance[k] + layer.eps);
      const double expected = layer.gamma[k] * (conv - layer.mean[k]) / deviation + layer.beta[k];
      const double got = folded.scale()[k] * folded_conv + folded.bias()[k];
      const double scale = std::abs(layer.gamma[k]) / deviation;
      // Each weight rounded once, then the scale and the bias to fp32.
      const double bound =
          1.01 * unit_roundoff * scale * magnitude + 0x1p-23 * (std::abs(expected) + 4 * scale + 2);
      EXPECT_NEAR(got, expected, bound) << "channel " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Formula,
    testing::Combine(testing::Values(DataType::f16, DataType::bf16, DataType::f32),
                     testing::Values(ScalePlacement::automatic, ScalePlacement::weights,
                                     ScalePlacement::epilogue),
                     testing::Bool()));

TEST(Fold, WeightsAreRoundedOnceFromDouble) {
  // 1 + 3 * 2^-11 is a tie in f16 that goes up. Times 1 - 2^-41, it lies below the tie; through
  // float, it would be back on it.
  Layer layer = neutral({1 + 0x3p-11f});
  layer.eps = 0x1p-40;
  const FoldedConv folded = layer.folded({DataType::f16, ScalePlacement::weights});
  EXPECT_EQ(round_to(DataType::f16, layer.weights[0]), 1 + 0x1p-9f);
  EXPECT_EQ(folded.weights()[0], 1 + 0x1p-10f);
}

// beta is 1/3 rounded to fp32: all that is left of the shift is beta's own rounding error,
// 11184811 / 2^25 - 1 / 3 = 1 / (3 * 2^25). In fp32 nothing would be left.
TEST(Fold, TermsOfTheShiftThatCancelLeaveWhatDoubleLeaves) {
  Layer layer = neutral({1});
  layer.gamma = {1};
  layer.beta = {1.0f / 3};
  layer.mean = {1};
  layer.variance = {9};
  layer.eps = 0;
  const double expected = 1 / (3 * 0x1p25);
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    EXPECT_NEAR(layer.folded({.dtype = dtype}).bias()[0], expected, 1e-6 * expected);
  }
}

TEST(Fold, ConvBiasChangesOnlyTheShift) {
  // Halves, so that mean - bias is exact and both forms describe the very same function.
  Layer with_bias = random_layer(3, false);
  with_bias.bias = {1.5f, -0.5f, 0, 4, -2.5f};
  with_bias.mean = {0.5f, 0.5f, -3, 2, 1};
  Layer without_bias = with_bias;
  without_bias.bias.clear();
  for (std::size_t k = 0; k < 5; ++k) without_bias.mean[k] -= with_bias.bias[k];
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    for (const auto placement :
         {ScalePlacement::automatic, ScalePlacement::weights, ScalePlacement::epilogue}) {
      const FoldedConv a = with_bias.folded({dtype, placement});
      const FoldedConv b = without_bias.folded({dtype, placement});
      EXPECT_TRUE(std::ranges::equal(a.weights(), b.weights()));
      EXPECT_TRUE(std::ranges::equal(a.scale(), b.scale()));
      EXPECT_TRUE(std::ranges::equal(a.bias(), b.bias()));
    }
  }
}

TEST(Fold, WithoutBatchNormKeepsTheConv) {
  Layer layer = neutral({0.5f, -0.25f});
  const Result<FoldedConv> plain = fold(layer.conv(), std::nullopt);
  ASSERT_TRUE(plain.ok());
  EXPECT_TRUE(std::ranges::equal(plain->weights(), layer.weights));
  EXPECT_TRUE(std::ranges::equal(plain->scale(), std::vector<float>{1, 1}));
  EXPECT_TRUE(std::ranges::equal(plain->bias(), std::vector<float>{0, 0}));
  EXPECT_EQ(plain->report().channels_scaled_in_epilogue, 0);
  EXPECT_EQ(plain->report().summary(), "");

  layer.bias = {3, -7};
  const Result<FoldedConv> biased =
      fold(layer.conv(), std::nullopt, {DataType::f16, ScalePlacement::epilogue});
  ASSERT_TRUE(biased.ok());
  EXPECT_TRUE(std::ranges::equal(biased->bias(), layer.bias));
  EXPECT_TRUE(std::ranges::equal(biased->scale(), std::vector<float>{1, 1}));
}

TEST(Fold, WithoutConvBiasTheShiftIsStillThere) {
  Layer layer = neutral({1});
  layer.gamma = {2};
  layer.beta = {5};
  layer.mean = {3};
  layer.variance = {4};
  EXPECT_EQ(layer.folded(kF32InWeights).bias()[0], -3 * (2 / 2.0f) + 5);
}

TEST(Fold, AbsentGammaAndBetaAreOneAndZero) {
  Layer layer = neutral({3});
  layer.variance = {4};
  layer.mean = {8};
  const FoldedConv folded = layer.folded(kF32InEpilogue);
  EXPECT_EQ(folded.scale()[0], 0.5f);
  EXPECT_EQ(folded.bias()[0], -4.0f);
}

TEST(Fold, EpsilonHasNoDefaultAndIsADouble) {
  static_assert(!std::is_default_constructible_v<Epsilon>);
  static_assert(!std::is_default_constructible_v<BatchNorm>);
  static_assert(!std::is_convertible_v<double, Epsilon>);
  Layer layer = neutral({1});
  layer.variance = {0};
  layer.gamma = {4};  // scale above kLargeScale, so that the report lists it, unrounded
  layer.eps = 1e-5;
  const FoldedConv folded = layer.folded(kF32InWeights);
  ASSERT_EQ(folded.report().channels.size(), 1u);
  EXPECT_EQ(folded.report().channels[0].scale, 4 / std::sqrt(1e-5));
  EXPECT_NE(folded.report().channels[0].scale, 4 / std::sqrt(double{1e-5f}));
}

TEST(Fold, EpsilonIsUsed) {
  Layer layer = neutral({1});
  layer.variance = {3};
  layer.eps = 1;
  EXPECT_EQ(layer.folded(kF32InEpilogue).scale()[0], 0.5f);
}

TEST(Fold, NegativeVarianceAboveMinusEpsIsReported) {
  Layer layer = neutral({1, 1});
  layer.variance = {-0.75f, 0.5f};
  layer.eps = 1;
  const FoldedConv folded = layer.folded(kF32InEpilogue);
  EXPECT_EQ(folded.scale()[0], 2.0f);
  ASSERT_EQ(folded.report().channels.size(), 1u);
  EXPECT_EQ(folded.report().channels[0].channel, 0);
  EXPECT_TRUE(folded.report().channels[0].negative_variance);
  EXPECT_NE(folded.report().summary().find("1 with a negative variance"), std::string::npos);
}

TEST(Fold, VarianceBeyondF16) {
  Layer layer = neutral({1});
  layer.variance = {1e6f};
  layer.gamma = {1000};
  const FoldedConv folded = layer.folded({DataType::f16, ScalePlacement::weights});
  EXPECT_EQ(folded.weights()[0], 1.0f);
}

TEST(Fold, NegativeGammaKeepsItsSign) {
  Layer layer = neutral({2, 2});
  layer.gamma = {-3, 3};
  layer.beta = {1, 1};
  const FoldedConv in_weights = layer.folded(kF32InWeights);
  EXPECT_EQ(in_weights.weights()[0], -6.0f);
  EXPECT_EQ(in_weights.weights()[1], 6.0f);
  const FoldedConv in_epilogue = layer.folded(kF32InEpilogue);
  EXPECT_EQ(in_epilogue.scale()[0], -3.0f);
  EXPECT_EQ(in_epilogue.weights()[0], 2.0f);
  EXPECT_EQ(in_epilogue.bias()[0], 1.0f);
}

TEST(Fold, ZeroGammaLeavesBeta) {
  for (const float other_weight : {0.5f, 0.3f}) {  // all weights exact, and not
    Layer layer = neutral({2, other_weight});
    layer.gamma = {0, 1};
    layer.beta = {1.25f, 0};
    layer.mean = {100, 0};
    for (const auto placement : {ScalePlacement::automatic, ScalePlacement::weights}) {
      const FoldedConv folded = layer.folded({DataType::f16, placement});
      EXPECT_EQ(folded.weights()[0], 0.0f);
      EXPECT_EQ(folded.scale()[0], 1.0f);
      EXPECT_EQ(folded.bias()[0], 1.25f);
      ASSERT_GE(folded.report().channels.size(), 1u);
      EXPECT_TRUE(folded.report().channels[0].zero_gamma);
      EXPECT_EQ(folded.report().channels[0].weights_subnormal, 0);
    }
    EXPECT_EQ(layer.folded({DataType::f16, ScalePlacement::epilogue}).scale()[0], 0.0f);
  }
}

TEST(Fold, LargeScaleIsReported) {
  Layer layer = neutral({1e-3f, 1e-3f});
  layer.gamma = {1000, -1001};
  const FoldedConv folded = layer.folded({DataType::f16, ScalePlacement::weights});
  ASSERT_EQ(folded.report().channels.size(), 1u);
  EXPECT_EQ(folded.report().channels[0].channel, 1);
  EXPECT_TRUE(folded.report().channels[0].large_scale);
}

// --- Where the scale goes

// 0.1f is exact in no 16-bit type, so these weights did not come from a 16-bit checkpoint.
TEST(Placement, InTheWeightsWhereTheyFit) {
  Layer layer = neutral({0.1f, 0.3f});
  layer.gamma = {2, 2};
  const FoldedConv folded = layer.folded();
  EXPECT_FALSE(folded.report().weights_exact);
  EXPECT_EQ(folded.report().channels_scaled_in_epilogue, 0);
  EXPECT_EQ(folded.report().summary(), "");
  EXPECT_EQ(folded.weights()[0], round_to(DataType::f16, 2.0 * 0.1f));
  EXPECT_EQ(folded.scale()[0], 1.0f);
}

TEST(Placement, OverflowingChannelsGoToTheEpilogue) {
  Layer layer = neutral({0.1f, 100.1f});
  layer.gamma = {2, 1000};
  const FoldedConv folded = layer.folded();
  EXPECT_EQ(folded.scale()[0], 1.0f);
  EXPECT_EQ(folded.scale()[1], 1000.0f);
  EXPECT_EQ(folded.weights()[1], round_to(DataType::f16, 100.1f));
  const FoldReport& report = folded.report();
  EXPECT_EQ(report.channels_out_of_range, 1);
  EXPECT_EQ(report.channels_subnormal, 0);
  EXPECT_EQ(report.channels_scaled_in_epilogue, 1);
  ASSERT_EQ(report.channels.size(), 1u);
  EXPECT_EQ(report.channels[0].channel, 1);
  EXPECT_EQ(report.channels[0].weights_out_of_range, 1);
  EXPECT_TRUE(report.channels[0].scale_in_epilogue);
  EXPECT_EQ(report.summary(),
            "channels: 1 would leave the storage type's range, 1 scaled in the epilogue");
}

TEST(Placement, OutOfRangeIsWhatTheStorageTypeRoundsToInfinity) {
  struct Product {
    DataType dtype;
    float weight, gamma;
  };
  const float f16_tie = 65520, bf16_tie = 0x1.ffp127f, f32_largest = 0x1.fffffep127f;
  for (const Product c : {Product{DataType::f16, 1, std::nextafter(f16_tie, 0.0f)},
                          {DataType::f16, 1, f16_tie},
                          {DataType::f16, -1, f16_tie},
                          {DataType::bf16, 1, std::nextafter(bf16_tie, 0.0f)},
                          {DataType::bf16, 1, bf16_tie},
                          {DataType::f32, 1, f32_largest},
                          {DataType::f32, 2, 0x1p127f}}) {
    Layer layer = neutral({c.weight});
    layer.gamma = {c.gamma};
    const bool infinite = std::isinf(round_to(c.dtype, double{c.weight} * c.gamma));
    EXPECT_EQ(layer.folded({.dtype = c.dtype, .placement = ScalePlacement::epilogue})
                  .report()
                  .channels_out_of_range,
              infinite ? 1 : 0)
        << to_string(c.dtype) << " " << c.weight << " * " << c.gamma;
  }
}

TEST(Placement, SubnormalChannelsGoToTheEpilogue) {
  Layer layer = neutral({0.1f, 0.1f, 0.1f});
  layer.gamma = {1e-3f, 1e-4f, 1e-9f};  // 1e-4 is normal in f16, 1e-5 subnormal, 1e-10 rounds to 0
  const FoldedConv folded = layer.folded();
  EXPECT_EQ(folded.scale()[0], 1.0f);
  EXPECT_EQ(folded.scale()[1], 1e-4f);
  EXPECT_EQ(folded.scale()[2], 1e-9f);
  EXPECT_EQ(folded.report().channels_subnormal, 2);
  ASSERT_EQ(folded.report().channels.size(), 2u);
  EXPECT_EQ(folded.report().channels[0].weights_subnormal, 1);
  EXPECT_EQ(folded.weights()[2], round_to(DataType::f16, 0.1f));
}

TEST(Placement, Bf16HasTheRangeThatF16Lacks) {
  Layer layer = neutral({0.1f, 100.1f});
  layer.gamma = {1e-4f, 1000};
  const FoldedConv folded = layer.folded({.dtype = DataType::bf16});
  EXPECT_EQ(folded.report().channels_scaled_in_epilogue, 0);
  EXPECT_TRUE(folded.report().channels.empty());
}

// The given weights leave the range, the folded ones do not: the epilogue would be the wrong place.
TEST(Placement, StaysInTheWeightsWhereTheGivenOnesFareWorse) {
  Layer layer = neutral({1e5f, 1e5f});
  layer.c_per_group = 2;
  layer.k = 1;
  layer.mean = {0};
  layer.variance = {1};
  layer.weights = {1e5f, 0.01f};
  layer.gamma = {1e-3f};
  const FoldedConv folded = layer.folded();
  EXPECT_EQ(folded.scale()[0], 1.0f);
  EXPECT_EQ(folded.weights()[0], 100.0f);
  EXPECT_EQ(folded.report().channels_subnormal, 1);
  EXPECT_EQ(folded.report().channels_scaled_in_epilogue, 0);
}

TEST(Placement, ExactWeightsStayUntouched) {
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    Layer layer = neutral({0.1f, -0.7f, 3.3f});
    for (float& weight : layer.weights) weight = round_to(dtype, weight);
    layer.gamma = {1.1f, 0.9f, -1.3f};
    const FoldedConv folded = layer.folded({.dtype = dtype});
    EXPECT_TRUE(folded.report().weights_exact);
    EXPECT_TRUE(std::ranges::equal(folded.weights(), layer.weights));
    EXPECT_TRUE(std::ranges::equal(folded.scale(), layer.gamma));
    EXPECT_EQ(folded.report().channels_scaled_in_epilogue, 3);
    EXPECT_TRUE(folded.report().channels.empty());

    const FoldedConv forced = layer.folded({dtype, ScalePlacement::weights});
    EXPECT_EQ(forced.report().channels_scaled_in_epilogue, 0);
    EXPECT_EQ(forced.weights()[0], round_to(dtype, double{layer.weights[0]} * layer.gamma[0]));
  }
}

// One folded weight differs from 1 by less than f16 resolves: one inexact weight is enough.
TEST(Placement, OneInexactWeightIsEnough) {
  Layer layer = neutral({1, 1 + 0x1p-12f});
  EXPECT_FALSE(layer.folded().report().weights_exact);
}

TEST(FoldedConv, CannotBeFoldedAgain) {
  static_assert(!std::is_convertible_v<FoldedConv, ConvWeights>);
  static_assert(
      !std::is_invocable_v<decltype(fold), FoldedConv, std::optional<BatchNorm>, FoldOptions>);
}

TEST(FoldedConv, CopiesShareAndMovesLeaveTheSourceWhole) {
  const FoldedConv folded = random_layer(1, true).folded();
  FoldedConv source = folded;
  const FoldedConv target = std::move(source);
  EXPECT_EQ(source.k(), 5);  // a FoldedConv has no empty state
  EXPECT_EQ(target.weights().data(), folded.weights().data());
  EXPECT_EQ(folded.c_per_group(), 3);
  EXPECT_EQ(folded.r(), 2);
  EXPECT_EQ(folded.s(), 3);
}

}  // namespace
}  // namespace foldconv
