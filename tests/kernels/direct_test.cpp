// SPDX-License-Identifier: MIT
// The direct kernel: every dtype and every problem, those that no tensor-core kernel takes first.
#include <gtest/gtest.h>

#include <string>

#include "kernels/support/kernel_list.hpp"
#include "kernels/support/shapes.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

const ShapeCase kCases[] = {
    {"one_of_everything", {.h = 1, .w = 1, .c = 1, .k = 1, .residual = true}},
    {"depthwise",
     {.n = 2, .h = 9, .w = 7, .c = 33, .k = 33, .r = 3, .s = 3, .pad = {1, 1, 1, 1}, .groups = 33}},
    {"depthwise_stride_2_5x5",
     {.n = 1,
      .h = 12,
      .w = 11,
      .c = 16,
      .k = 16,
      .r = 5,
      .s = 5,
      .stride = {2, 2},
      .pad = {2, 2, 2, 2},
      .groups = 16,
      .residual = true}},
    {"depthwise_multiplier_2",
     {.n = 2, .h = 6, .w = 5, .c = 10, .k = 20, .r = 3, .s = 3, .pad = {1, 1, 1, 1}, .groups = 10}},
    {"groups_of_3",
     {.n = 2, .h = 7, .w = 6, .c = 12, .k = 20, .r = 3, .s = 3, .pad = {1, 0, 0, 1}, .groups = 4}},
    {"groups_2_deep",
     {.n = 1,
      .h = 5,
      .w = 4,
      .c = 200,
      .k = 26,
      .r = 3,
      .s = 1,
      .pad = {1, 1, 0, 0},
      .groups = 2,
      .residual = true}},
    {"c_65", {.n = 1, .h = 6, .w = 7, .c = 65, .k = 19, .r = 3, .s = 3, .pad = {1, 1, 1, 1}}},
    {"c_128_1x1", {.n = 2, .h = 5, .w = 5, .c = 128, .k = 40, .residual = true}},
    {"stem",
     {.n = 1,
      .h = 23,
      .w = 21,
      .c = 3,
      .k = 24,
      .r = 7,
      .s = 7,
      .stride = {2, 2},
      .pad = {3, 3, 3, 3}}},
    {"filter_beyond_tensor_cores",
     {.n = 1, .h = 9, .w = 20, .c = 4, .k = 8, .r = 3, .s = 17, .pad = {1, 1, 8, 8}}},
    {"dilated_cropped",
     {.n = 2,
      .h = 15,
      .w = 14,
      .c = 9,
      .k = 7,
      .r = 2,
      .s = 3,
      .stride = {3, 2},
      .pad = {-1, 2, 3, -2},
      .dilation = {3, 2}}},
    {"one_row", {.n = 3, .h = 1, .w = 29, .c = 8, .k = 5, .r = 1, .s = 7, .pad = {0, 0, 3, 3}}},
};

struct DirectCase {
  DirectKernel kernel;
  ShapeCase shape;
  int index;
};

std::ostream& operator<<(std::ostream& out, const DirectCase& direct_case) {
  return out << direct_case.kernel << " " << direct_case.shape.name;
}

std::vector<DirectCase> direct_cases() {
  std::vector<DirectCase> cases;
  for (const DirectKernel& kernel : kDirectKernels) {
    int index = 0;
    for (const ShapeCase& shape : kCases) {
      cases.push_back({kernel, shape, index++});
      cases.back().shape.problem.dtype = kernel.dtype;
    }
  }
  return cases;
}

class Direct : public testing::TestWithParam<DirectCase> {};

TEST_P(Direct, IntegersAreExact) {
  ConvProblem problem = GetParam().shape.problem;
  problem.activation = GetParam().index % 2 == 0 ? Activation::relu : Activation::none;
  const TestConv test = make_conv(problem, {.conv_bias = true, .integers = true});
  expect_exact(test, run(test, {.kernel = GetParam().kernel.name, .guards = Guards::none}));
}

TEST_P(Direct, RandomIsWithinTheBound) {
  ConvProblem problem = GetParam().shape.problem;
  problem.activation.kind = static_cast<Activation::Kind>(GetParam().index % kActivationCount);
  const TestConv test = make_conv(problem, {.conv_bias = true, .seed = 31});
  expect_within_bound(test, run(test, {.kernel = GetParam().kernel.name, .in_place = true}));
}

INSTANTIATE_TEST_SUITE_P(, Direct, testing::ValuesIn(direct_cases()), [](const auto& direct_case) {
  return std::string(direct_case.param.kernel.name) + "__" + direct_case.param.shape.name;
});

// TF32 keeps 11 significant bits of an operand: 1 + 2^-20 would become 1.
TEST(DirectF32, KeepsAllBitsOfItsOperands) {
  const ConvProblem problem{.dtype = DataType::f32, .h = 1, .w = 1, .c = 2, .k = 1};
  const float above_one = 1 + 0x1p-20f;
  const TestConv test = make_conv(problem, oracle::RawConv{.x = {above_one, 1},
                                                           .residual = {},
                                                           .weights = {1, -1},
                                                           .conv_bias = {},
                                                           .gamma = {},
                                                           .beta = {},
                                                           .mean = {},
                                                           .variance = {}});
  EXPECT_EQ(run(test), std::vector<float>{0x1p-20f});
}

// More outputs than threads in the largest grid: the loop goes round again.
TEST(DirectF16, LargerThanTheGrid) {
  const ConvProblem problem{.h = 550, .w = 551, .c = 1, .k = 4, .activation = Activation::relu};
  const TestConv test = make_conv(problem, {.integers = true, .seed = 32});
  expect_exact(test, run(test, {.kernel = "direct_f16_sm80"}));
}

// No tensor-core kernel takes these; the table ends in the direct one.
TEST(DirectSelection, TakesWhatNoOtherKernelTakes) {
  for (const DirectCase& direct_case : direct_cases()) {
    const bool depthwise = direct_case.shape.problem.c == direct_case.shape.problem.groups;
    if (direct_case.kernel.dtype != DataType::f32 && !depthwise) continue;
    const TestConv test = make_conv(direct_case.shape.problem, {.integers = true});
    EXPECT_TRUE(takes(test, direct_case.kernel.name)) << to_string(test.problem);
    expect_exact(test, run(test));
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
