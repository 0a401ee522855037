// SPDX-License-Identifier: MIT
// The bound accepts what correct kernels compute and rejects the faults that kernels have had.
#include <gtest/gtest.h>

#include <string>

#include "harness/oracle/simulated_kernel.hpp"

namespace foldconv::oracle {
namespace {

ConvProblem problem_with(int channels, int taps) {
  return {.dtype = DataType::f16,
          .n = 2,
          .h = 6,
          .w = 7,
          .c = channels,
          .k = 24,
          .r = taps,
          .s = taps,
          .pad = {taps / 2, taps / 2, taps / 2, taps / 2},
          .activation = Activation::relu,
          .residual = true};
}

Comparison judge(const ConvProblem& problem, const SimulationOptions& options,
                 std::uint64_t seed = 1) {
  const ConvInputs inputs =
      plain_inputs(problem, make_raw(problem, {.conv_bias = true, .seed = seed}));
  return compare(simulate(problem, inputs, options), conv(problem, inputs));
}

const char* name_of(Accumulation accumulation) {
  return accumulation == Accumulation::tensor_core ? "tensor core" : "fused multiply-add";
}

TEST(Bound, AcceptsCorrectKernels) {
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    for (const int channels : {3, 16, 64, 200, 512}) {
      for (const int taps : {1, 3}) {
        for (const auto accumulation :
             {Accumulation::fused_multiply_add, Accumulation::tensor_core}) {
          // Strict fp32 does not run on tensor cores.
          if (dtype == DataType::f32 && accumulation == Accumulation::tensor_core) continue;
          ConvProblem problem = problem_with(channels, taps);
          problem.dtype = dtype;
          const Comparison result =
              judge(problem, {.accumulation = accumulation}, static_cast<std::uint64_t>(channels));
          EXPECT_TRUE(result.pass)
              << to_string(problem) << " " << name_of(accumulation) << ": " << result.to_string();
        }
      }
    }
  }
}

struct Mutant {
  const char* name;
  Fault fault;
};

class BoundRejects : public testing::TestWithParam<Mutant> {};

// In shallow sums and in deep ones (K = 4608, as in ResNet-50's last stage).
TEST_P(BoundRejects, Fault) {
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    for (const int channels : {64, 128, 512}) {
      ConvProblem problem = problem_with(channels, 3);
      problem.dtype = dtype;
      const Comparison result = judge(problem, {.fault = GetParam().fault});
      EXPECT_FALSE(result.pass) << to_string(problem) << ": " << result.to_string();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    , BoundRejects,
    testing::Values(Mutant{"dropped_tap", Fault::dropped_tap},
                    Mutant{"dropped_product", Fault::dropped_product},
                    Mutant{"swapped_channels", Fault::swapped_channels},
                    Mutant{"swapped_taps", Fault::swapped_taps},
                    Mutant{"missing_bias", Fault::missing_bias},
                    Mutant{"missing_residual", Fault::missing_residual},
                    Mutant{"scaled_bias", Fault::scaled_bias},
                    Mutant{"relu_before_residual", Fault::relu_before_residual},
                    Mutant{"rounded_sum", Fault::rounded_sum},
                    Mutant{"rounded_before_residual", Fault::rounded_before_residual},
                    Mutant{"border_replicated", Fault::border_replicated},
                    Mutant{"residual_of_next_pixel", Fault::residual_of_next_pixel},
                    Mutant{"truncated_store", Fault::truncated_store}),
    [](const auto& mutant) { return std::string(mutant.param.name); });

TEST(Bound, RejectsAnAccumulatorInTheStorageType) {
  ConvProblem problem = problem_with(512, 3);
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    problem.dtype = dtype;
    EXPECT_FALSE(judge(problem, {.fault = Fault::rounded_partial_sums}).pass) << to_string(problem);
  }
}

TEST(Bound, RejectsTensorFloat32InStrictFp32) {
  ConvProblem problem = problem_with(64, 3);
  problem.dtype = DataType::f32;
  const ConvInputs inputs = plain_inputs(problem, make_raw(problem, {}));
  ConvInputs truncated = inputs;
  for (float& x : truncated.x) {  // 11 significant bits, as TF32 keeps
    x = static_cast<float>(round_to_storage(DataType::f16, static_cast<double>(x)));
  }
  EXPECT_FALSE(compare(simulate(problem, truncated), conv(problem, inputs)).pass);
}

TEST(Bound, IsNeverAboveTheWorstCase) {
  const ConvProblem problem = problem_with(512, 3);
  const ConvInputs inputs = plain_inputs(problem, make_raw(problem, {}));
  ConvInputs magnitudes = inputs;
  for (float& x : magnitudes.x) x = std::abs(x);
  for (float& w : magnitudes.weights) w = std::abs(w);
  for (float& scale : magnitudes.scale) scale = std::abs(scale);
  for (float& bias : magnitudes.bias) bias = std::abs(bias);
  for (float& residual : magnitudes.residual) residual = std::abs(residual);
  const Expected expected = conv(problem, inputs);
  const Expected largest = conv(problem, magnitudes);
  const double unit = 0x1p-23 * (512 * 9 + 16 + 3);
  const double gamma = unit / (1 - unit);
  for (std::size_t i = 0; i < expected.y.size(); ++i) {
    const double rounding = 0x1p-11 * (std::abs(expected.y[i]) + gamma * largest.y[i]) + 0x1p-24;
    ASSERT_LE(expected.bound[i], gamma * largest.y[i] + rounding) << "element " << i;
  }
}

TEST(Compare, ReportsTheWorstElement) {
  const Expected expected{.y = {1, 2, 3}, .bound = {0.5, 0.1, 0.5}};
  const Comparison result = compare(std::vector<float>{1.25f, 2.25f, 3.375f}, expected);
  EXPECT_FALSE(result.pass);
  EXPECT_EQ(result.worst_index, 1);
  EXPECT_DOUBLE_EQ(result.worst_share, 2.5);
  EXPECT_EQ(result.got, 2.25);
  EXPECT_EQ(result.expected, 2);
  EXPECT_EQ(result.bound, 0.1);
  EXPECT_DOUBLE_EQ(result.max_abs_error, 0.375);
  EXPECT_NE(result.to_string().find("worst element 1"), std::string::npos);
}

TEST(Compare, NanAndInfinity) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const auto passes = [](float got, double expected, double bound) {
    return compare(std::vector<float>{got}, {.y = {expected}, .bound = {bound}}).pass;
  };
  EXPECT_TRUE(passes(kNan, kNan, 1));
  EXPECT_FALSE(passes(0, kNan, 1));
  EXPECT_FALSE(passes(kNan, 0, 1));
  EXPECT_FALSE(passes(kNan, 0, kInf));
  EXPECT_TRUE(passes(kInf, kInf, 0));
  EXPECT_FALSE(passes(-kInf, kInf, 0));
  EXPECT_FALSE(passes(65504, kInf, 0));
  EXPECT_FALSE(passes(kInf, 65504, 16));
  EXPECT_TRUE(passes(kInf, 65519, kInf));
}

TEST(Compare, AnotherNumberOfElementsFails) {
  EXPECT_FALSE(compare({}, {.y = {}, .bound = {}}).pass);
  EXPECT_FALSE(compare(std::vector<float>{1}, {.y = {1, 2}, .bound = {1, 1}}).pass);
}

}  // namespace
}  // namespace foldconv::oracle
