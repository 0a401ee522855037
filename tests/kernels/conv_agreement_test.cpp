// SPDX-License-Identifier: MIT
// One canonical K order: kernels that take the same problem give the same bits, an image gives the
// same bits in any batch, and a second run gives the same bits.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/shapes.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

struct SharedProblem {
  const char* name;
  int kernels;  // at least this many tensor-core kernels of a dtype take it
  ConvProblem problem;
};

const SharedProblem kShared[] = {
    {"unit_taps_element_1x1", 10, {.n = 2, .h = 9, .w = 7, .c = 128, .k = 72, .residual = true}},
    {"unit_taps_element_1x1_tail", 10, {.n = 3, .h = 7, .w = 7, .c = 200, .k = 29}},
    {"unit_narrow_rows_element_1x1",
     13,
     {.n = 2, .h = 9, .w = 7, .c = 40, .k = 72, .residual = true}},
    {"taps_halo_element_3x3",
     11,
     {.n = 2, .h = 9, .w = 8, .c = 136, .k = 72, .r = 3, .s = 3, .pad = {1, 1, 1, 1}}},
    {"taps_halo_element_groups",
     11,
     {.n = 2, .h = 7, .w = 7, .c = 144, .k = 48, .r = 3, .s = 3, .pad = {1, 1, 1, 1}, .groups = 2}},
    {"narrow_rows_element_3x3",
     5,
     {.n = 2,
      .h = 9,
      .w = 8,
      .c = 24,
      .k = 72,
      .r = 3,
      .s = 3,
      .stride = {2, 2},
      .pad = {1, 1, 1, 1}}},
    {"narrow_rows_element_groups",
     5,
     {.n = 2, .h = 7, .w = 7, .c = 48, .k = 40, .r = 3, .s = 3, .pad = {1, 1, 1, 1}, .groups = 2}},
    {"rows_element_3_channels",
     3,
     {.n = 2,
      .h = 19,
      .w = 18,
      .c = 3,
      .k = 24,
      .r = 7,
      .s = 7,
      .stride = {2, 2},
      .pad = {3, 3, 3, 3}}},
};

class ConvAgreement : public testing::TestWithParam<SharedProblem> {};

TEST_P(ConvAgreement, AllTensorCoreKernelsGiveTheSameBits) {
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    ConvProblem problem = GetParam().problem;
    problem.dtype = dtype;
    problem.activation = Activation::silu;
    const TestConv test = make_conv(problem, {.conv_bias = true, .seed = 21});
    std::vector<std::byte> first;
    std::string_view first_kernel;
    int kernels = 0;
    for (const ConvKernel& kernel : kConvKernels) {
      if (kernel.dtype != dtype || !takes(test, kernel.name)) continue;
      const std::vector<std::byte> got = run_bytes(test, {.kernel = kernel.name});
      if (kernels++ == 0) {
        first = got;
        first_kernel = kernel.name;
      }
      EXPECT_TRUE(got == first) << kernel.name << " and " << first_kernel << " differ on "
                                << to_string(problem);
    }
    EXPECT_GE(kernels, GetParam().kernels) << to_string(problem);
  }
}

INSTANTIATE_TEST_SUITE_P(, ConvAgreement, testing::ValuesIn(kShared), kKernelName);

class ConvBatch : public testing::TestWithParam<ConvKernel> {};

// Images cross tile borders at other places in other batches.
TEST_P(ConvBatch, AnImageDoesNotDependOnItsBatch) {
  const ConvKernel& kernel = GetParam();
  constexpr int kImages = 5;
  ConvProblem problem{.dtype = kernel.dtype,
                      .h = 7,
                      .w = 9,
                      .c = 72,
                      .k = 40,
                      .r = 3,
                      .s = 3,
                      .pad = {1, 1, 1, 1},
                      .activation = Activation::gelu,
                      .residual = true};
  if (kernel.loader == ConvLoader::load_1x1) problem.r = problem.s = 1;
  if (kernel.loader == ConvLoader::load_narrow) problem.c = 40;
  if (kernel.loader == ConvLoader::load_rows) problem.c = 5;
  if (kernel.loader == ConvLoader::load_element) problem.c = 19;
  problem.n = kImages;
  const TestConv batch = make_conv(problem, {.seed = 22});
  const std::vector<float> together = run(batch, {.kernel = kernel.name});

  TestConv single = batch;
  single.problem.n = 1;
  const auto x_size = static_cast<std::ptrdiff_t>(problem.input().elements() / kImages);
  const auto y_size =
      static_cast<std::ptrdiff_t>(oracle::output_shape(problem).elements() / kImages);
  for (int image = 0; image < kImages; ++image) {
    const auto part = [image](const std::vector<float>& all, std::ptrdiff_t size) {
      return std::vector<float>(all.begin() + image * size, all.begin() + (image + 1) * size);
    };
    single.inputs.x = part(batch.inputs.x, x_size);
    single.inputs.residual = part(batch.inputs.residual, y_size);
    EXPECT_EQ(run(single, {.kernel = kernel.name}), part(together, y_size)) << "image " << image;
  }
  EXPECT_EQ(run(batch, {.kernel = kernel.name}), together) << "another run";
}

INSTANTIATE_TEST_SUITE_P(, ConvBatch, testing::ValuesIn(kConvKernels), kKernelName);

}  // namespace
}  // namespace foldconv::kernel_tests
