// SPDX-License-Identifier: MIT
// Activations in double, and error bounds that hold for fp32 code and are not much too wide.
#include "harness/oracle/pointwise.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "harness/oracle/rounding.hpp"

namespace foldconv::oracle {
namespace {

const Activation kAll[kActivationCount] = {Activation::none,
                                           Activation::relu,
                                           Activation::relu6,
                                           Activation::leaky_relu(0.1f),
                                           Activation::silu,
                                           Activation::sigmoid,
                                           Activation::tanh,
                                           Activation::hardswish,
                                           Activation::gelu,
                                           Activation::hard_sigmoid(),
                                           Activation::clip(-0.75f, 2.5f)};

// The formulas of activation.hpp in fp32, as a kernel would evaluate them.
float in_fp32(const Activation& activation, float v) {
  switch (activation.kind) {
    case Activation::Kind::none:
      return v;
    case Activation::Kind::relu:
      return std::max(v, 0.0f);
    case Activation::Kind::relu6:
      return std::min(std::max(v, 0.0f), 6.0f);
    case Activation::Kind::leaky_relu:
      return v > 0 ? v : activation.alpha * v;
    case Activation::Kind::silu:
      return v * (1 / (1 + std::exp(-v)));
    case Activation::Kind::sigmoid:
      return 1 / (1 + std::exp(-v));
    case Activation::Kind::tanh:
      return std::tanh(v);
    case Activation::Kind::hardswish:
      return v * std::min(std::max(v + 3, 0.0f), 6.0f) * (1.0f / 6);
    case Activation::Kind::gelu:
      return v * 0.5f * (1 + std::erf(v * 0.70710678f));
    case Activation::Kind::hard_sigmoid:
      return std::max(0.0f, std::min(1.0f, activation.alpha * v + activation.beta));
    case Activation::Kind::clip:
      return std::min(std::max(v, activation.alpha), activation.beta);
  }
  return 0;
}

TEST(Activations, ValuesByHand) {
  const auto value = activation_value;
  EXPECT_EQ(value(Activation::none, -2), -2);
  EXPECT_EQ(value(Activation::relu, -2), 0);
  EXPECT_EQ(value(Activation::relu, 2), 2);
  EXPECT_EQ(value(Activation::relu6, 7), 6);
  EXPECT_EQ(value(Activation::leaky_relu(0.25f), -2), -0.5);
  EXPECT_EQ(value(Activation::leaky_relu(0.25f), 2), 2);
  EXPECT_EQ(value(Activation::sigmoid, 0), 0.5);
  EXPECT_NEAR(value(Activation::sigmoid, 1), 0.7310585786300049, 1e-15);
  EXPECT_NEAR(value(Activation::silu, -1), -0.2689414213699951, 1e-15);
  EXPECT_NEAR(value(Activation::tanh, 0.5), 0.46211715726000975, 1e-15);
  EXPECT_EQ(value(Activation::hardswish, 4), 4);
  EXPECT_EQ(value(Activation::hardswish, -4), 0);
  EXPECT_NEAR(value(Activation::hardswish, 1), 2.0 / 3, 1e-15);
  EXPECT_EQ(value(Activation::hard_sigmoid(0.25f, 0.5f), 1), 0.75);
  EXPECT_EQ(value(Activation::hard_sigmoid(0.25f, 0.5f), 3), 1);
  EXPECT_EQ(value(Activation::hard_sigmoid(0.25f, 0.5f), -3), 0);
  EXPECT_EQ(value(Activation::clip(-1, 2), -3), -1);
  EXPECT_EQ(value(Activation::clip(-1, 2), 0.5), 0.5);
  EXPECT_EQ(value(Activation::clip(-1, 2), 3), 2);
  EXPECT_NEAR(value(Activation::gelu, 1), 0.8413447460685429, 1e-15);
  for (const Activation& activation : kAll) {
    EXPECT_TRUE(std::isnan(value(activation, std::numeric_limits<double>::quiet_NaN())));
  }
}

TEST(Activations, SlopeIsTheLargestDifferenceQuotient) {
  constexpr double kStep = 1e-4;
  for (const Activation& activation : kAll) {
    double steepest = 0;
    for (double v = -8; v < 8; v += kStep) {
      const double rise = activation_value(activation, v + kStep) - activation_value(activation, v);
      steepest = std::max(steepest, std::fabs(rise) / kStep);
    }
    const double slope = activation_slope(activation);
    EXPECT_LE(steepest, slope * (1 + 1e-9)) << to_string(activation);
    EXPECT_GE(steepest, slope * (1 - 1e-3)) << to_string(activation);
  }
}

// fp32 with the host's functions stays inside; ten times the bound would hide a fast approximation
// (tanh.approx errs by 2^-11).
TEST(Activations, BoundHoldsInFp32AndIsTight) {
  for (const Activation& activation : kAll) {
    double worst_share = 0;
    for (double exact = -30; exact < 30; exact += 0.00137) {
      const auto v = static_cast<float>(exact);
      const Bounded y = activate(activation, {static_cast<double>(v), 0});
      const double error = std::fabs(static_cast<double>(in_fp32(activation, v)) - y.value);
      ASSERT_LE(error, y.error) << to_string(activation) << " at " << v;
      if (error > 0) worst_share = std::max(worst_share, error / y.error);
      ASSERT_LE(y.error, 1e-5 * (std::fabs(exact) + 1)) << to_string(activation) << " at " << v;
    }
    using Kind = Activation::Kind;
    constexpr Kind kExact[] = {Kind::none, Kind::relu, Kind::relu6, Kind::clip};
    const bool exact_in_fp32 = std::ranges::find(kExact, activation.kind) != std::end(kExact);
    EXPECT_TRUE(exact_in_fp32 || worst_share > 0.1) << to_string(activation) << worst_share;
  }
}

TEST(Activations, ErrorOfTheArgumentGrowsWithTheSlope) {
  for (const Activation& activation : kAll) {
    for (double exact = -6; exact < 6; exact += 0.01) {
      constexpr double kError = 1e-3;
      const Bounded y = activate(activation, {exact, kError});
      for (const double shift : {-kError, kError}) {
        const double shifted = activation_value(activation, exact + shift);
        ASSERT_LE(std::fabs(shifted - y.value), y.error)
            << to_string(activation) << " at " << exact;
      }
    }
  }
}

TEST(Store, RoundingErrorIsHalfASpacing) {
  EXPECT_EQ(store(DataType::f16, {1.5, 0}).error, 0x1p-11);
  EXPECT_EQ(store(DataType::f16, {-3, 0.25}).error, 0.25 + 0x1p-10);
  EXPECT_EQ(store(DataType::f16, {0, 0}).error, 0x1p-25);
  EXPECT_EQ(store(DataType::bf16, {1, 0}).error, 0x1p-8);
  EXPECT_EQ(store(DataType::f16, {-7e4, 1}).value, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(store(DataType::f16, {-7e4, 1}).error, 0);
  EXPECT_EQ(store(DataType::f16, {65519, 2}).value, 65519);
  EXPECT_EQ(store(DataType::f16, {65519, 2}).error, std::numeric_limits<double>::infinity());
}

TEST(BatchNormBound, HoldsForBothForms) {
  for (int i = 0; i < 2000; ++i) {
    const float x = std::sin(static_cast<float>(i)) * 4;
    const float gamma = std::cos(static_cast<float>(3 * i)),
                beta = std::sin(static_cast<float>(5 * i));
    const float mean = std::cos(static_cast<float>(7 * i));
    const float variance = 0.01f + std::fabs(std::sin(static_cast<float>(11 * i)));
    constexpr float kEps = 1e-5f;
    const Bounded y = batch_norm(x, gamma, beta, mean, variance, kEps);
    const float inverse = 1 / std::sqrt(variance + kEps);
    const float scale = gamma * inverse;
    const float centred = gamma * (x - mean) * inverse + beta;
    const float shifted = std::fma(x, scale, beta - mean * scale);
    EXPECT_LE(std::fabs(static_cast<double>(centred) - y.value), y.error);
    EXPECT_LE(std::fabs(static_cast<double>(shifted) - y.value), y.error);
    EXPECT_LE(y.error, 1e-5 * (std::fabs(y.value) + 60));
  }
}

}  // namespace
}  // namespace foldconv::oracle
