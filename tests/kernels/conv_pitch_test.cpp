// SPDX-License-Identifier: MIT
// Tensors that are parts of the channels of others, in every kernel: the bits of dense ones, from NaN on all sides, which
// stays as it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/pitched_tensor.hpp"
#include "kernels/support/shapes.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

// Channels in whole chunks of 16 bytes, and so many chunks more.
int pitch_over(DataType dtype, int channels, int chunks) {
  const int chunk = static_cast<int>(16 / size_of(dtype));
  return (channels + chunk - 1) / chunk * chunk + chunks * chunk;
}

ConvProblem pitched(ConvProblem problem, int x_chunks, int residual_chunks, int y_chunks) {
  const auto pitch = [&](int channels, int chunks) {
    return pitch_over(problem.dtype, channels, chunks);
  };
  problem.pitch = {pitch(problem.c, x_chunks),
                   problem.residual ? pitch(problem.k, residual_chunks) : 0,
                   pitch(problem.k, y_chunks)};
  return problem;
}

void expect_bits_of_dense(const TestConv& dense, const ConvKernel& kernel) {
  const auto expected = run_bytes(dense, {.kernel = kernel.name, .guards = Guards::none});
  const auto expect_same = [&](const ConvProblem& problem, bool in_place) {
    TestConv test = dense;
    test.problem = problem;
    EXPECT_TRUE(
        run_bytes(test, {.kernel = kernel.name, .guards = Guards::none, .in_place = in_place}) ==
        expected)
        << kernel.name << ": " << to_string(problem);
  };
  const ConvProblem& problem = dense.problem;
  expect_same(pitched(problem, 1, 3, 2), false);
  expect_same(pitched(problem, 25, 0, 0), problem.residual);
}

class ConvPitches : public testing::TestWithParam<ConvKernel> {};

// Two shapes a kernel, so that all kernels of a loader have most of its shapes.
TEST_P(ConvPitches, GiveTheBitsOfDenseTensors) {
  const ConvKernel& kernel = GetParam();
  const auto shapes = kShapesOf.at(kernel.loader);
  std::size_t index = 0;  // of the loader's kernels
  for (const ConvKernel& other : kConvKernels) {
    if (std::string_view(other.name) == kernel.name) break;
    if (other.loader == kernel.loader) ++index;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    ConvProblem problem = shapes[(2 * index + i) % shapes.size()].problem;
    problem.dtype = kernel.dtype;
    problem.activation = Activation::relu;
    problem.residual = i == 0;
    expect_bits_of_dense(make_conv(problem, {.seed = 31}), kernel);
  }
}

INSTANTIATE_TEST_SUITE_P(, ConvPitches, testing::ValuesIn(kConvKernels), kKernelName);

class DirectPitches : public testing::TestWithParam<ConvKernel> {};

TEST_P(DirectPitches, GiveTheBitsOfDenseTensors) {
  const ConvProblem problems[] = {{.n = 2,
                                   .h = 5,
                                   .w = 7,
                                   .c = 33,
                                   .k = 33,
                                   .r = 3,
                                   .s = 3,
                                   .pad = Padding::same(1),
                                   .groups = 33},
                                  {.n = 2,
                                   .h = 7,
                                   .w = 6,
                                   .c = 12,
                                   .k = 20,
                                   .r = 3,
                                   .s = 2,
                                   .stride = {2, 1},
                                   .groups = 4,
                                   .residual = true},
                                  {.n = 1, .h = 3, .w = 3, .c = 70, .k = 5, .residual = true}};
  for (ConvProblem problem : problems) {
    problem.dtype = GetParam().dtype;
    expect_bits_of_dense(make_conv(problem, {.seed = 32}), GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(, DirectPitches, testing::ValuesIn(kDirectKernels), kKernelName);

// A dense block of DenseNet: a convolution reads the first channels of a tensor, and writes those behind them.
class ConvGrows : public testing::TestWithParam<ConvKernel> {};

TEST_P(ConvGrows, ReadsAndWritesOneTensor) {
  const ConvKernel& kernel = GetParam();
  ConvProblem problem = {
      .dtype = kernel.dtype, .n = 2, .h = 5, .w = 7, .c = 72, .k = 24, .residual = true};
  if (kernel.loader == ConvLoader::load_narrow || kernel.loader == ConvLoader::load_rows)
    problem.c = 40;
  if (kernel.loader != ConvLoader::load_1x1) {
    problem.r = problem.s = 3;
    problem.pad = Padding::same(1);
  }
  const TestConv dense = make_conv(problem, {.seed = 33});
  const auto expected = run_bytes(dense, {.kernel = kernel.name});

  const auto x = oracle::encode(problem.dtype, dense.inputs.x);
  const auto residual = oracle::encode(problem.dtype, dense.inputs.residual);
  const auto element = size_of(problem.dtype);
  const auto c = static_cast<std::size_t>(problem.c) * element,
             k = static_cast<std::size_t>(problem.k) * element, all = c + 2 * k;
  const std::size_t pixels = static_cast<std::size_t>(problem.n) * problem.h * problem.w;
  // [ x | y | residual ]
  harness::Bytes content(pixels * all, std::byte{DeviceBuffer::kPoison}), after;
  const auto put = [&](harness::Bytes& to, const harness::Bytes& from, std::size_t size,
                       std::size_t offset) {
    for (std::size_t pixel = 0; pixel < pixels; ++pixel)
      std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(pixel * size), size,
                  to.begin() + static_cast<std::ptrdiff_t>(pixel * all + offset));
  };
  put(content, x, c, 0);
  put(content, residual, k, c + k);
  after = content;
  put(after, expected, k, c);

  const DeviceBuffer tensor(content, Guards::none);
  const int pitch = problem.c + 2 * problem.k;
  problem.pitch = {pitch, pitch, pitch};
  const ConvPlan plan = value_of(dense.conv.plan(problem, {.kernel = kernel.name}));
  auto* begin = static_cast<std::byte*>(tensor.data());
  check(plan.run({.x = begin, .residual = begin + c + k, .y = begin + c}));
  check(cudaDeviceSynchronize(), kernel.name);
  EXPECT_TRUE(tensor.download() == after) << kernel.name;
}

INSTANTIATE_TEST_SUITE_P(TensorCores, ConvGrows, testing::ValuesIn(kConvKernels), kKernelName);
INSTANTIATE_TEST_SUITE_P(Direct, ConvGrows, testing::ValuesIn(kDirectKernels), kKernelName);

}  // namespace
}  // namespace foldconv::kernel_tests
