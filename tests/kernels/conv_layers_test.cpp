// SPDX-License-Identifier: MIT
// Layers of real networks at batch 1, in the kernel that is chosen: deep sums, real images.
#include <gtest/gtest.h>

#include <string>

#include "kernels/support/shapes.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

// ResNet-50 v1.5 at 224: one layer of each kind.
const ShapeCase kLayers[] = {
    {"stem",
     {.h = 112,
      .w = 112,
      .c = 3,
      .k = 64,
      .r = 7,
      .s = 7,
      .stride = {2, 2},
      .pad = {3, 3, 3, 3},
      .activation = Activation::relu}},
    {"stage2_reduce", {.h = 56, .w = 56, .c = 256, .k = 64, .activation = Activation::relu}},
    {"stage2_3x3",
     {.h = 56,
      .w = 56,
      .c = 64,
      .k = 64,
      .r = 3,
      .s = 3,
      .pad = kSame3,
      .activation = Activation::relu}},
    {"stage2_expand",
     {.h = 56, .w = 56, .c = 64, .k = 256, .activation = Activation::relu, .residual = true}},
    {"stage3_3x3_stride_2",
     {.h = 56,
      .w = 56,
      .c = 128,
      .k = 128,
      .r = 3,
      .s = 3,
      .stride = {2, 2},
      .pad = kSame3,
      .activation = Activation::relu}},
    {"stage3_projection", {.h = 56, .w = 56, .c = 256, .k = 512, .stride = {2, 2}}},
    {"stage4_3x3",
     {.h = 14,
      .w = 14,
      .c = 256,
      .k = 256,
      .r = 3,
      .s = 3,
      .pad = kSame3,
      .activation = Activation::relu}},
    {"stage5_3x3",
     {.h = 7,
      .w = 7,
      .c = 512,
      .k = 512,
      .r = 3,
      .s = 3,
      .pad = kSame3,
      .activation = Activation::relu}},
    {"stage5_expand",
     {.h = 7, .w = 7, .c = 512, .k = 2048, .activation = Activation::relu, .residual = true}},
    {"stage5_reduce", {.h = 7, .w = 7, .c = 2048, .k = 512, .activation = Activation::relu}},
    {"classifier", {.h = 1, .w = 1, .c = 2048, .k = 1000}},
    {"resnext_groups_32",
     {.h = 14,
      .w = 14,
      .c = 512,
      .k = 512,
      .r = 3,
      .s = 3,
      .pad = kSame3,
      .groups = 32,
      .activation = Activation::relu}},
    {"inception_1x7",
     {.h = 17,
      .w = 17,
      .c = 192,
      .k = 192,
      .r = 1,
      .s = 7,
      .pad = {0, 0, 3, 3},
      .activation = Activation::relu}},
    {"yolo_silu",
     {.h = 20,
      .w = 20,
      .c = 128,
      .k = 256,
      .r = 3,
      .s = 3,
      .stride = {2, 2},
      .pad = kSame3,
      .activation = Activation::silu}},
};

class ConvLayers : public testing::TestWithParam<ShapeCase> {};

TEST_P(ConvLayers, Float16) {
  const TestConv test = make_conv(GetParam().problem, {.seed = 71});
  expect_within_bound(test, run(test));
}

TEST_P(ConvLayers, Bfloat16) {
  ConvProblem problem = GetParam().problem;
  problem.dtype = DataType::bf16;
  const TestConv test = make_conv(problem, {.seed = 72});
  expect_within_bound(test, run(test));
}

INSTANTIATE_TEST_SUITE_P(, ConvLayers, testing::ValuesIn(kLayers),
                         [](const auto& layer) { return std::string(layer.param.name); });

}  // namespace
}  // namespace foldconv::kernel_tests
