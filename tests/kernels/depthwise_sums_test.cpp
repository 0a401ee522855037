// SPDX-License-Identifier: MIT
// The sums of channels that the depthwise kernel makes beside y: of what it stores, in the order of tile/mean_order.hpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "catalog/depthwise.hpp"
#include "conv/conv_data.hpp"
#include "fold/pack.hpp"
#include "harness/problem/data.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_conv.hpp"
#include "kernels/support/test_layer.hpp"

namespace foldconv::kernel_tests {
namespace {

// By the words of the documentation.
std::vector<float> sums_of(const std::vector<float>& y, const Shape& shape) {
  std::vector<float> sums;
  for (int image = 0; image < shape.n; ++image) {
    for (int top = 0; top < shape.h; top += 8) {
      for (int left = 0; left < shape.w; left += 8) {
        for (int channel = 0; channel < shape.c; ++channel) {
          float tile = 0;
          for (int column = left; column < left + 8 && column < shape.w; ++column) {
            float sum = 0;
            for (int row = top; row < top + 8 && row < shape.h; ++row) {
              sum += y[static_cast<std::size_t>(
                  ((image * shape.h + row) * shape.w + column) * shape.c + channel)];
            }
            tile += sum;
          }
          sums.push_back(tile);
        }
      }
    }
  }
  return sums;
}

struct SumsCase {
  int n, h, w, c, filter, stride;
};
// Maps below a tile, tails in both directions, one column beyond a tile and beyond half of one; channels of one and of
// several cuts, and such as break 16-byte pieces.
constexpr SumsCase kSumsCases[] = {
    {2, 7, 7, 72, 3, 1},   {1, 1, 1, 8, 3, 1},    {1, 8, 8, 64, 3, 1},  {3, 14, 14, 40, 5, 1},
    {1, 9, 5, 136, 3, 1},  {1, 5, 9, 16, 5, 1},   {1, 13, 4, 24, 3, 1}, {2, 29, 21, 32, 3, 2},
    {1, 30, 35, 24, 5, 2}, {2, 10, 12, 37, 3, 1}, {1, 17, 25, 9, 5, 2}, {1, 28, 28, 96, 3, 1},
};

class DepthwiseSums : public testing::TestWithParam<DataType> {};

TEST_P(DepthwiseSums, AreThoseOfY) {
  for (const SumsCase& one : kSumsCases) {
    ConvProblem problem = {.dtype = GetParam(), .n = one.n, .h = one.h, .w = one.w, .c = one.c};
    problem.k = problem.groups = one.c;
    problem.r = problem.s = one.filter;
    problem.stride = {one.stride, one.stride};
    problem.pad = Padding::same(one.filter / 2);
    problem.activation = Activation::hardswish;
    problem.residual = one.c == 40;
    SCOPED_TRACE(to_string(problem));
    TestConv test = make_conv(problem, {.seed = 81});
    test.inputs.x = spread_values(problem.dtype, test.inputs.x.size(), 82);
    const ConvPlan plan = value_of(test.conv.plan(problem));
    const Shape shape = oracle::output_shape(problem);
    const harness::Bytes wanted = run_bytes(test);
    const std::vector<float> sums = sums_of(oracle::decode(problem.dtype, wanted), shape);
    ASSERT_EQ(host::sums_bytes(plan), sums.size() * sizeof(float));
    const DeviceBuffer x(oracle::encode(problem.dtype, test.inputs.x), Guards::shifted),
        residual(oracle::encode(problem.dtype, test.inputs.residual), Guards::shifted),
        y(wanted.size(), Guards::shifted), got(sums.size() * sizeof(float), Guards::shifted);
    check(host::run_with_sums(
        plan,
        {.x = x.data(), .residual = problem.residual ? residual.data() : nullptr, .y = y.data()},
        static_cast<float*>(got.data()), nullptr));
    check(cudaDeviceSynchronize(), "depthwise");
    EXPECT_TRUE(y.download() == wanted) << "other y";
    EXPECT_EQ(oracle::decode(DataType::f32, got.download()), sums);
  }
}

INSTANTIATE_TEST_SUITE_P(, DepthwiseSums,
                         testing::Values(DataType::f16, DataType::bf16, DataType::f32),
                         [](const auto& test) { return std::string(to_string(test.param)); });

// Launched by hand, for small problems are cut into CTAs of one tile: several warps and tiles, side by side and below each
// other. Pixels of y lie apart, sums do not.
TEST(DepthwiseSum, EveryCutMakesTheSame) {
  constexpr DepthwiseTile kTile = {3};
  const host::ConvKernel* kernel = host::find_conv_kernel("depthwise_f16_3x3_sm80");
  ASSERT_NE(kernel, nullptr);
  ConvProblem problem = {.n = 2, .h = 35, .w = 21, .c = 72, .k = 72, .r = 3, .s = 3};
  problem.pad = Padding::same(1);
  problem.groups = 72;
  const oracle::RawConv raw = oracle::make_raw(problem, {.seed = 83});
  TestConv test = make_conv(problem, raw);
  test.inputs.x = spread_values(problem.dtype, test.inputs.x.size(), 84);
  const std::vector<float> sums =
      sums_of(oracle::decode(problem.dtype, run_bytes(test)), oracle::output_shape(problem));

  const FoldedConv folded = value_of(fold(harness::weights_of(problem, raw),
                                          harness::batch_norm_of(raw), {.dtype = problem.dtype}));
  const auto bytes_of = [](auto values) {
    const auto bytes = std::as_bytes(values);
    return harness::Bytes(bytes.begin(), bytes.end());
  };
  const DeviceBuffer x(oracle::encode(problem.dtype, test.inputs.x)), w(host::pack(folded)),
      scale(bytes_of(folded.scale()), Guards::none), bias(bytes_of(folded.bias()), Guards::none);
  problem.pitch.y = 80;
  std::size_t most_threads = 0;
  for (const DepthwiseCut& cut : host::depthwise_cuts(kTile, problem)) {
    const DeviceBuffer y(std::size_t{2} * 35 * 21 * 80 * 2), got(sums.size() * sizeof(float));
    DepthwiseParams params = host::depthwise_params(cut, problem);
    params.x = x.data();
    params.w = w.data();
    params.scale = static_cast<const float*>(scale.data());
    params.bias = static_cast<const float*>(bias.data());
    params.y = y.data();
    params.sums = static_cast<float*>(got.data());
    check(host::launch(kernel->entry, host::depthwise_launch_shape(kTile, cut, problem), &params,
                       nullptr));
    check(cudaDeviceSynchronize(), "depthwise");
    EXPECT_EQ(oracle::decode(DataType::f32, got.download()), sums)
        << cut.log_pairs << " " << cut.tiles_w << " " << cut.tiles_h;
    most_threads = std::max(most_threads, static_cast<std::size_t>(cut.threads()));
  }
  EXPECT_EQ(most_threads, std::size_t{DepthwiseTile::kMaxThreads});
}

TEST(DepthwiseSum, OtherKernelsMakeNone) {
  const TestConv test = make_conv({.h = 5, .w = 5, .c = 64, .k = 64}, {.seed = 82});
  EXPECT_EQ(host::sums_bytes(value_of(test.conv.plan(test.problem))), 0u);
}

}  // namespace
}  // namespace foldconv::kernel_tests
