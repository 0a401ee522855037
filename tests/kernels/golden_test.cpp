// SPDX-License-Identifier: MIT
// Fold and run against what ONNX Runtime computed in fp32 from the unfolded model.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "harness/oracle/pointwise.hpp"
#include "kernels/support/golden.hpp"
#include "kernels/support/golden_folder.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

const std::vector<Golden>& conv_goldens() {
  static const std::vector<Golden> all = read_goldens(golden_folder());
  return all;
}

// sum |scale||x||w| + |scale| (|conv_bias| + |mean|) + |beta|: what every error is relative to.
std::vector<double> magnitudes(const Golden& golden) {
  const auto absolute = [](std::vector<float> values) {
    for (float& value : values) value = std::fabs(value);
    return values;
  };
  const oracle::RawConv& raw = golden.raw;
  ConvProblem problem = golden.problem;
  problem.activation = Activation::none;
  oracle::ConvInputs inputs{.x = absolute(raw.x),
                            .weights = absolute(raw.weights),
                            .scale = {},
                            .bias = {},
                            .residual = {}};
  for (std::size_t k = 0; k < static_cast<std::size_t>(problem.k); ++k) {
    const bool batch_norm = !raw.mean.empty();
    const double scale = batch_norm ? std::fabs(static_cast<double>(raw.gamma[k])) /
                                          std::sqrt(static_cast<double>(raw.variance[k]) + raw.eps)
                                    : 1;
    const float conv_bias = raw.conv_bias.empty() ? 0 : std::fabs(raw.conv_bias[k]);
    const float mean = batch_norm ? std::fabs(raw.mean[k]) : 0;
    const float beta = batch_norm ? std::fabs(raw.beta[k]) : 0;
    inputs.scale.push_back(static_cast<float>(scale));
    inputs.bias.push_back(static_cast<float>(scale * static_cast<double>(conv_bias + mean) +
                                             static_cast<double>(beta)));
  }
  return oracle::conv(problem, inputs).y;
}

// The witness sums in fp32 in an order we do not know: gamma_K of Higham's worst case, and ten
// roundings for bias and BatchNorm, through the activation.
double witness_error(const Golden& golden, double magnitude, double y) {
  const ConvProblem& problem = golden.problem;
  const double terms = problem.r * problem.s * problem.c / problem.groups + 10;
  const double unit = 0x1p-24 * terms;
  const double slope = oracle::activation_slope(problem.activation);
  constexpr double kActivationError = 16 * 0x1p-24;
  return slope * unit / (1 - unit) * magnitude + kActivationError * std::fabs(y);
}

// The oracle's verdict, widened by the witness's own error and `rounding`, an error relative to the
// magnitudes.
void expect_near_witness(const Golden& golden, const std::vector<float>& got,
                         oracle::Expected expected, double rounding) {
  const std::vector<double> sizes = magnitudes(golden);
  const double slope = oracle::activation_slope(golden.problem.activation);
  for (std::size_t i = 0; i < expected.y.size(); ++i) {
    expected.y[i] = golden.y[i];
    expected.bound[i] +=
        witness_error(golden, sizes[i], expected.y[i]) + slope * rounding * sizes[i];
  }
  const oracle::Comparison result = oracle::compare(got, expected);
  EXPECT_TRUE(result.pass) << golden.name << ": " << result.to_string();
}

TEST(Goldens, CoverWhatOthersGotWrong) {
  std::string names;
  for (const Golden& golden : conv_goldens()) names += golden.name + " ";
  for (const char* name :
       {"conv_bn_relu ", "conv_bias_bn_relu ", "conv_bn ", "conv_bias_bn ", "conv ", "conv_bias ",
        "conv_relu ", "conv_bias_sigmoid ", "conv_bias_tanh "}) {
    EXPECT_NE(names.find(name), std::string::npos) << name;
  }
}

// The oracle after the library's folding, without any kernel.
TEST(Goldens, OracleAgrees) {
  for (const Golden& golden : conv_goldens()) {
    const TestConv test = make_conv(golden.problem, golden.raw, ScalePlacement::epilogue);
    const oracle::Expected expected = oracle::conv(test.problem, test.inputs);
    expect_near_witness(golden, {expected.y.begin(), expected.y.end()}, expected, 0);
  }
}

// The scale in the epilogue: the stored weights are exact, no rounding but the store's.
TEST(Goldens, KernelsAgreeWithTheScaleInTheEpilogue) {
  for (const Golden& golden : conv_goldens()) {
    for (const DataType dtype : {DataType::f16, DataType::f32}) {
      ConvProblem problem = golden.problem;
      problem.dtype = dtype;
      const TestConv test = make_conv(problem, golden.raw, ScalePlacement::epilogue);
      expect_near_witness(golden, run(test), oracle::conv(test.problem, test.inputs), 0);
    }
  }
}

// The scale in the weights: each of them is rounded once more.
TEST(Goldens, KernelsAgreeWithTheScaleInTheWeights) {
  for (const Golden& golden : conv_goldens()) {
    ConvProblem problem = golden.problem;
    problem.dtype = DataType::f16;
    const TestConv test = make_conv(problem, golden.raw, ScalePlacement::weights);
    expect_near_witness(golden, run(test), oracle::conv(test.problem, test.inputs), 0x1p-11);
  }
}

// On random data a wrong epsilon, a forgotten mean or a dropped bias is far outside.
TEST(Goldens, RejectWrongFolding) {
  for (const Golden& golden : conv_goldens()) {
    if (golden.raw.mean.empty()) continue;
    for (int fault = 0; fault < 3; ++fault) {
      oracle::RawConv wrong = golden.raw;
      if (fault == 0) wrong.eps += 1e-2;
      if (fault == 1) wrong.mean.assign(wrong.mean.size(), 0);
      if (fault == 2) wrong.conv_bias.assign(wrong.gamma.size(), 0.25f);
      const TestConv test = make_conv(golden.problem, wrong, ScalePlacement::epilogue);
      const oracle::Expected expected = oracle::conv(test.problem, test.inputs);
      oracle::Expected witness{.y = {golden.y.begin(), golden.y.end()}, .bound = {}};
      const std::vector<double> sizes = magnitudes(golden);
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        witness.bound.push_back(expected.bound[i] + witness_error(golden, sizes[i], witness.y[i]));
      }
      const std::vector<float> got(expected.y.begin(), expected.y.end());
      EXPECT_FALSE(oracle::compare(got, witness).pass) << golden.name << " fault " << fault;
    }
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
