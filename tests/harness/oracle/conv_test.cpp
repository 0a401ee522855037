// SPDX-License-Identifier: MIT
// The oracle's convolution against results worked out by hand and a plain loop over all indices.
#include <gtest/gtest.h>

#include <cmath>

#include "harness/oracle/pointwise.hpp"
#include "harness/oracle/simulated_kernel.hpp"

namespace foldconv::oracle {
namespace {

// x[n][h][w][c] = 100 h + 10 w + c + 1000 n, small enough to be exact in every dtype used here.
ConvInputs counted(const ConvProblem& problem) {
  ConvInputs inputs;
  for (int n = 0; n < problem.n; ++n) {
    for (int h = 0; h < problem.h; ++h) {
      for (int w = 0; w < problem.w; ++w) {
        for (int c = 0; c < problem.c; ++c) {
          inputs.x.push_back(static_cast<float>(1000 * n + 100 * h + 10 * w + c));
        }
      }
    }
  }
  inputs.weights.assign(
      static_cast<std::size_t>(problem.k * problem.c / problem.groups * problem.r * problem.s), 0);
  inputs.scale.assign(static_cast<std::size_t>(problem.k), 1);
  inputs.bias.assign(static_cast<std::size_t>(problem.k), 0);
  return inputs;
}

TEST(OracleByHand, OneTapOneChannel) {
  const ConvProblem problem{.dtype = DataType::f32, .h = 2, .w = 2, .c = 1, .k = 1};
  const ConvInputs inputs{
      .x = {1, 2, 3, 4}, .weights = {3}, .scale = {2}, .bias = {-1}, .residual = {}};
  EXPECT_EQ(conv(problem, inputs).y, (std::vector<double>{5, 11, 17, 23}));
}

// Cross-correlation: tap (0, 2) of a 3x3 filter reads the pixel above and to the right.
TEST(OracleByHand, TapReadsItsNeighbour) {
  const ConvProblem problem{
      .dtype = DataType::f32, .h = 3, .w = 3, .c = 1, .k = 1, .r = 3, .s = 3, .pad = {1, 1, 1, 1}};
  ConvInputs inputs = counted(problem);
  inputs.weights[0 * 3 + 2] = 1;
  EXPECT_EQ(conv(problem, inputs).y, (std::vector<double>{0, 0, 0, 10, 20, 0, 110, 120, 0}));
}

TEST(OracleByHand, AsymmetricPaddingStrideAndDilation) {
  // Rows: h = 2p - 1 + 2r, columns: w = 3q - 0 + s; one row of zeros above, two columns right.
  const ConvProblem problem{.dtype = DataType::f32,
                            .h = 4,
                            .w = 5,
                            .c = 1,
                            .k = 1,
                            .r = 2,
                            .s = 2,
                            .stride = {2, 3},
                            .pad = {.top = 1, .bottom = 0, .left = 0, .right = 2},
                            .dilation = {2, 1}};
  EXPECT_EQ(output_shape(problem), (Shape{1, 2, 2, 1}));
  ConvInputs inputs = counted(problem);
  inputs.weights = {1, 1, 1, 1};
  // (p0,q0): h = -1, 1; w = 0, 1: 100 + 110. (p0,q1): w = 3, 4: 130 + 140.
  // (p1,q0): h = 1, 3: 100 + 110 + 300 + 310. (p1,q1): 130 + 140 + 330 + 340.
  EXPECT_EQ(conv(problem, inputs).y, (std::vector<double>{210, 270, 820, 940}));
}

TEST(OracleByHand, NegativePaddingCrops) {
  const ConvProblem problem{.dtype = DataType::f32,
                            .h = 3,
                            .w = 4,
                            .c = 1,
                            .k = 1,
                            .pad = {.top = -1, .bottom = 0, .left = -2, .right = -1}};
  ConvInputs inputs = counted(problem);
  inputs.weights = {1};
  EXPECT_EQ(conv(problem, inputs).y, (std::vector<double>{120, 220}));
}

TEST(OracleByHand, GroupsReadTheirOwnChannels) {
  const ConvProblem problem{.dtype = DataType::f32, .h = 1, .w = 1, .c = 4, .k = 4, .groups = 2};
  const ConvInputs inputs{.x = {1, 10, 100, 1000},
                          .weights = {1, 2, 3, 4, 5, 6, 7, 8},
                          .scale = {1, 1, 1, 1},
                          .bias = {0, 0, 0, 0},
                          .residual = {}};
  EXPECT_EQ(conv(problem, inputs).y, (std::vector<double>{21, 43, 6500, 8700}));
}

TEST(OracleByHand, ResidualIsAddedBeforeTheActivation) {
  const ConvProblem problem{.dtype = DataType::f32,
                            .h = 1,
                            .w = 2,
                            .c = 1,
                            .k = 1,
                            .activation = Activation::relu,
                            .residual = true};
  const ConvInputs inputs{
      .x = {-5, 3}, .weights = {1}, .scale = {1}, .bias = {1}, .residual = {6, -7}};
  EXPECT_EQ(conv(problem, inputs).y, (std::vector<double>{2, 0}));
}

TEST(OracleByHand, OverflowOfTheStorageTypeIsInfinite) {
  const ConvProblem problem{.dtype = DataType::f16, .h = 1, .w = 3, .c = 1, .k = 1};
  const ConvInputs inputs{
      .x = {1, -1, 0.5f}, .weights = {512}, .scale = {256}, .bias = {0}, .residual = {}};
  const Expected expected = conv(problem, inputs);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(expected.y, (std::vector<double>{infinity, -infinity, infinity}));
}

TEST(OracleByHand, NanStaysNan) {
  const ConvProblem problem{.h = 1, .w = 2, .c = 1, .k = 1, .activation = Activation::relu};
  const ConvInputs inputs{
      .x = {std::nanf(""), 1}, .weights = {1}, .scale = {1}, .bias = {0}, .residual = {}};
  const Expected expected = conv(problem, inputs);
  EXPECT_TRUE(std::isnan(expected.y[0]));
  EXPECT_EQ(expected.y[1], 1);
}

// The definition in conv.hpp, index by index.
std::vector<double> seven_loops(const ConvProblem& problem, const ConvInputs& inputs) {
  const Shape y = output_shape(problem);
  const int channels = problem.c / problem.groups, outputs = problem.k / problem.groups;
  std::vector<double> result;
  for (int n = 0; n < y.n; ++n)
    for (int p = 0; p < y.h; ++p)
      for (int q = 0; q < y.w; ++q)
        for (int k = 0; k < y.c; ++k) {
          double sum = 0;
          for (int r = 0; r < problem.r; ++r)
            for (int s = 0; s < problem.s; ++s)
              for (int c = 0; c < channels; ++c) {
                const int h = p * problem.stride.h - problem.pad.top + r * problem.dilation.h;
                const int w = q * problem.stride.w - problem.pad.left + s * problem.dilation.w;
                if (h < 0 || h >= problem.h || w < 0 || w >= problem.w) continue;
                const int group = k / outputs;
                const auto x = static_cast<std::size_t>(
                    ((n * problem.h + h) * problem.w + w) * problem.c + group * channels + c);
                const auto weight =
                    static_cast<std::size_t>(((k * channels + c) * problem.r + r) * problem.s + s);
                sum +=
                    static_cast<double>(inputs.x[x]) * static_cast<double>(inputs.weights[weight]);
              }
          const auto channel = static_cast<std::size_t>(k);
          double v = static_cast<double>(inputs.scale[channel]) * sum +
                     static_cast<double>(inputs.bias[channel]);
          if (problem.residual) v += static_cast<double>(inputs.residual[result.size()]);
          result.push_back(activation_value(problem.activation, v));
        }
  return result;
}

TEST(Oracle, AgreesWithSevenLoops) {
  const std::vector<ConvProblem> problems = {
      {.n = 3, .h = 5, .w = 4, .c = 3, .k = 5, .r = 3, .s = 3, .pad = {1, 1, 1, 1}},
      {.n = 1,
       .h = 9,
       .w = 8,
       .c = 130,
       .k = 19,
       .r = 3,
       .s = 2,
       .stride = {2, 1},
       .pad = {0, 2, 1, 0},
       .activation = Activation::gelu,
       .residual = true},
      {.n = 2,
       .h = 7,
       .w = 11,
       .c = 64,
       .k = 16,
       .r = 1,
       .s = 5,
       .pad = {0, 0, 4, 0},
       .dilation = {1, 2},
       .activation = Activation::silu},
      {.n = 2,
       .h = 6,
       .w = 6,
       .c = 12,
       .k = 18,
       .r = 3,
       .s = 3,
       .stride = {3, 2},
       .pad = {1, 1, -1, 2},
       .groups = 3,
       .activation = Activation::leaky_relu()},
      {.n = 1,
       .h = 8,
       .w = 8,
       .c = 10,
       .k = 10,
       .r = 3,
       .s = 3,
       .pad = {1, 1, 1, 1},
       .groups = 10,
       .activation = Activation::hardswish},
      {.n = 17, .h = 1, .w = 1, .c = 100, .k = 33, .activation = Activation::tanh},
  };
  for (const ConvProblem& problem : problems) {
    const ConvInputs inputs =
        plain_inputs(problem, make_raw(problem, {.conv_bias = true, .seed = 7}));
    const std::vector<double> expected = seven_loops(problem, inputs);
    for (const int threads : {1, 3}) {
      const Expected got = conv(problem, inputs, threads);
      ASSERT_EQ(got.y.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(got.y[i], expected[i], 1e-12) << to_string(problem) << " element " << i;
        ASSERT_GT(got.bound[i], 0);
      }
    }
  }
}

}  // namespace
}  // namespace foldconv::oracle
