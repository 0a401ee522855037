// SPDX-License-Identifier: MIT
// The data: deterministic, exact in the dtype, and in integer mode free of any rounding.
#include <gtest/gtest.h>

#include <cmath>

#include "harness/oracle/simulated_kernel.hpp"

namespace foldconv::oracle {
namespace {

ConvProblem deep(DataType dtype) {
  return {.dtype = dtype,
          .n = 1,
          .h = 5,
          .w = 5,
          .c = 256,
          .k = 24,
          .r = 3,
          .s = 3,
          .pad = {1, 1, 1, 1},
          .activation = Activation::relu,
          .residual = true};
}

TEST(Data, SameSeedSameNumbersOtherSeedOthers) {
  const ConvProblem problem = deep(DataType::f16);
  const RawConv first = make_raw(problem, {.seed = 5}), again = make_raw(problem, {.seed = 5});
  EXPECT_EQ(first.x, again.x);
  EXPECT_EQ(first.weights, again.weights);
  EXPECT_EQ(first.gamma, again.gamma);
  EXPECT_NE(first.x, make_raw(problem, {.seed = 6}).x);
  EXPECT_EQ(first.x[0], 0.0693359375f) << "another generator: recorded results no longer apply";
}

TEST(Data, SizesAndOptionalParts) {
  const ConvProblem problem = deep(DataType::bf16);
  const RawConv all = make_raw(problem, {.conv_bias = true});
  EXPECT_EQ(all.x.size(), 25u * 256);
  EXPECT_EQ(all.weights.size(), 24u * 256 * 9);
  EXPECT_EQ(all.residual.size(), 25u * 24);
  EXPECT_EQ(all.conv_bias.size(), 24u);
  EXPECT_EQ(all.variance.size(), 24u);
  ConvProblem plain = problem;
  plain.residual = false;
  const RawConv none = make_raw(plain, {.batch_norm = false});
  EXPECT_TRUE(none.residual.empty() && none.conv_bias.empty() && none.gamma.empty() &&
              none.beta.empty() && none.mean.empty() && none.variance.empty());
}

TEST(Data, InputsAreExactInTheDtype) {
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    const RawConv raw = make_raw(deep(dtype), {});
    EXPECT_EQ(decode(dtype, encode(dtype, raw.x)), raw.x);
    EXPECT_EQ(decode(dtype, encode(dtype, raw.residual)), raw.residual);
  }
}

TEST(Data, RandomOutputsAreNearOne) {
  const ConvProblem problem = deep(DataType::f32);
  const Expected expected = conv(problem, plain_inputs(problem, make_raw(problem, {})));
  double squares = 0;
  for (const double y : expected.y) squares += y * y;
  const double root_mean_square = std::sqrt(squares / static_cast<double>(expected.y.size()));
  EXPECT_GT(root_mean_square, 0.3);
  EXPECT_LT(root_mean_square, 3);
}

// Any order of accumulation gives the same integers, and they fill a good part of the range.
TEST(Data, IntegersAreExactInEveryOrder) {
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    const ConvProblem problem = deep(dtype);
    const ConvInputs inputs =
        plain_inputs(problem, make_raw(problem, {.conv_bias = true, .integers = true}));
    const Expected expected = conv(problem, inputs);
    const double limit = dtype == DataType::f16 ? 2048 : 256;
    double largest = 0;
    for (const auto accumulation : {Accumulation::fused_multiply_add, Accumulation::tensor_core}) {
      const std::vector<float> got = simulate(problem, inputs, {.accumulation = accumulation});
      for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_EQ(static_cast<double>(got[i]), expected.y[i]);
        ASSERT_EQ(std::round(expected.y[i]), expected.y[i]);
        largest = std::max(largest, expected.y[i]);
      }
    }
    EXPECT_LE(largest, limit);
    EXPECT_GT(largest, limit / 32);
  }
}

}  // namespace
}  // namespace foldconv::oracle
