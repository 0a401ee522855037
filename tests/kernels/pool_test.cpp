// SPDX-License-Identifier: MIT
// Pooling by windows and of whole maps: sizes and padding as ONNX has them, tails of channels, NaN, batches.
#include "layer/pool.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "host/expect_error.hpp"
#include "kernels/support/test_layer.hpp"

namespace foldconv::kernel_tests {
namespace {

using host::PoolProblem;
using test::fails_with;
using test::kInvalid;

PoolProblem problem_of(DataType dtype, const oracle::Pooling& p) {
  return {.dtype = dtype,
          .n = p.x.n,
          .h = p.x.h,
          .w = p.x.w,
          .c = p.x.c,
          .kind = p.average ? PoolProblem::Kind::average : PoolProblem::Kind::max,
          .window = p.window,
          .stride = p.stride,
          .dilation = p.dilation,
          .pad = p.pad,
          .ceil_mode = p.ceil_mode,
          .count_include_pad = p.count_include_pad};
}

void expect_pool(DataType dtype, const oracle::Pooling& pooling) {
  const std::vector<float> x =
      random_values(dtype, static_cast<std::size_t>(pooling.x.elements()), 1);
  const PoolProblem problem = problem_of(dtype, pooling);
  const Shape y = oracle::pooled_shape(pooling);
  ASSERT_EQ(problem.p(), y.h);
  ASSERT_EQ(problem.q(), y.w);
  const host::Layer layer = value_of(host::plan_pool(problem));
  expect_layer(oracle::pool(dtype, pooling, x), dtype,
               run_layer(layer, {.x = oracle::encode(dtype, x),
                                 .z = {},
                                 .y_bytes = static_cast<std::size_t>(y.elements()) * size_of(dtype),
                                 .images = pooling.x.n}));
}

// Every odd one of a network: overlapping, apart, asymmetric padding, rounded up, dilated; channels with a tail.
std::vector<oracle::Pooling> poolings() {
  std::vector<oracle::Pooling> all;
  for (const bool average : {false, true}) {
    all.push_back({.x = {1, 9, 8, 16},
                   .average = average,
                   .window = {3, 3},
                   .stride = {2, 2},
                   .pad = {0, 0, 1, 1}});
    all.push_back({.x = {2, 7, 10, 5},
                   .average = average,
                   .window = {3, 3},
                   .stride = {2, 2},
                   .pad = {1, 1, 1, 1}});
    all.push_back({.x = {1, 6, 5, 24},
                   .average = average,
                   .window = {2, 2},
                   .stride = {2, 2},
                   .ceil_mode = true});
    all.push_back({.x = {1, 7, 7, 3},
                   .average = average,
                   .window = {5, 5},
                   .stride = {1, 1},
                   .pad = {2, 2, 2, 2},
                   .count_include_pad = true});
    all.push_back({.x = {1, 8, 11, 8},
                   .average = average,
                   .window = {3, 2},
                   .stride = {3, 4},
                   .pad = {2, 0, 0, 1},
                   .ceil_mode = true,
                   .count_include_pad = true});
    all.push_back({.x = {1, 11, 9, 4},
                   .average = average,
                   .window = {3, 2},
                   .stride = {2, 1},
                   .dilation = {2, 3},
                   .pad = {1, 2, 0, 3},
                   .ceil_mode = true});
    all.push_back({.x = {1, 4, 5, 1}, .average = average, .window = {1, 1}, .stride = {2, 3}});
  }
  return all;
}

TEST(Pool, AgreesWithTheOracle) {
  for (const DataType dtype : kEveryType) {
    for (const oracle::Pooling& pooling : poolings()) expect_pool(dtype, pooling);
  }
}

// Channels: fewer than a group of a CTA, a tail of pieces, a tail of elements, several groups.
TEST(Pool, WholeMapsAgreeWithTheOracle) {
  for (const DataType dtype : kEveryType) {
    for (const bool average : {false, true}) {
      for (const auto& [h, w, c] : {std::array{7, 7, 72}, std::array{1, 1, 8}, std::array{5, 9, 3},
                                    std::array{23, 19, 37}, std::array{2, 3, 136}}) {
        const oracle::Pooling pooling = {.x = {2, h, w, c}, .average = average, .window = {h, w}};
        const host::Layer layer = value_of(host::plan_pool(problem_of(dtype, pooling)));
        EXPECT_TRUE(std::string(layer.kernel()).starts_with("global_")) << layer.kernel();
        expect_pool(dtype, pooling);
      }
    }
  }
}

// By hand: the ends of a 3-wide window over 1 2 3 4 5.
TEST(Pool, DivisorsByHand) {
  const auto averages = [](bool ceil_mode, bool count_include_pad) {
    const PoolProblem problem{.dtype = DataType::f32,
                              .h = 1,
                              .w = 5,
                              .c = 1,
                              .kind = PoolProblem::Kind::average,
                              .window = {1, 3},
                              .stride = {1, 4},
                              .pad = {0, 0, 1, 0},
                              .ceil_mode = ceil_mode,
                              .count_include_pad = count_include_pad};
    const harness::Bytes y =
        run_layer(value_of(host::plan_pool(problem)),
                  {.x = oracle::encode(DataType::f32, std::vector<float>{1, 2, 3, 4, 5}),
                   .z = {},
                   .y_bytes = static_cast<std::size_t>(problem.q()) * sizeof(float)});
    return oracle::decode(DataType::f32, y);
  };
  EXPECT_EQ(averages(false, false), (std::vector<float>{1.5f}));
  EXPECT_EQ(averages(false, true), (std::vector<float>{1}));
  EXPECT_EQ(averages(true, false), (std::vector<float>{1.5f, 4.5f}));
  EXPECT_EQ(averages(true, true), (std::vector<float>{1, 4.5f}));  // what ceil adds does not count
}

TEST(Pool, NanWinsAndInfinityIsNoPadding) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const bool whole : {false, true}) {
    const PoolProblem problem{.dtype = DataType::f16,
                              .h = 3,
                              .w = 3,
                              .c = 3,
                              .window = {3, 3},
                              .pad = whole ? Padding{} : Padding{1, 0, 0, 0}};
    std::vector<float> x(27, -kInfinity);
    x[1] = kNan;        // the first tap of channel 1
    x[3 * 4 + 2] = -5;  // the middle one of channel 2
    const std::vector<float> y = oracle::decode(
        DataType::f16, run_layer(value_of(host::plan_pool(problem)),
                                 {.x = oracle::encode(DataType::f16, x),
                                  .z = {},
                                  .y_bytes = 6u * static_cast<std::size_t>(problem.p())}));
    const float* last = &y[y.size() - 3];
    EXPECT_EQ(last[0], -kInfinity);
    EXPECT_TRUE(std::isnan(last[1]));
    EXPECT_EQ(last[2], -5);
  }
}

TEST(Pool, SameBitsInEveryBatch) {
  for (const DataType dtype : kEveryType) {
    for (const Extent window : {Extent{3, 3}, Extent{13, 11}}) {
      for (const int c : {16, 9}) {
        const auto plan = [&](int n) {
          return value_of(host::plan_pool({.dtype = dtype,
                                           .n = n,
                                           .h = 13,
                                           .w = 11,
                                           .c = c,
                                           .kind = PoolProblem::Kind::average,
                                           .window = window}));
        };
        const auto images = static_cast<std::size_t>(3 * c);
        const std::size_t outputs = window.h == 3 ? 11 * 9 : 1;
        expect_batch_invariance(
            plan, {.x = oracle::encode(dtype, random_values(dtype, images * 13 * 11, 3)),
                   .z = {},
                   .y_bytes = images * outputs * size_of(dtype)});
      }
    }
  }
}

TEST(Pool, RefusesWhatHasNoMeaning) {
  const PoolProblem good{.h = 5, .w = 5, .c = 8, .window = {3, 3}};
  const auto plan = [&](auto&& change) {
    PoolProblem problem = good;
    change(problem);
    return host::plan_pool(problem);
  };
  EXPECT_TRUE(plan([](auto&) {}).ok());
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.c = 0; }), kInvalid, {"c = 0", "at least 1"}));
  EXPECT_TRUE(
      fails_with(plan([](auto& p) { p.n = p.h = p.w = p.c = 1 << 20; }), kInvalid, {"2^63"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.stride.w = 0; }), kInvalid,
                         {"direction w", "stride = 0", "at least 1"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.pad.top = 3; }), kInvalid,
                         {"less than its window", "pad = 3, 0"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.pad.left = -1; }), kInvalid, {"at least 0"}));
  EXPECT_TRUE(
      fails_with(plan([](auto& p) { p.window.h = 6; }), kInvalid, {"larger than the padded"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.dtype = static_cast<DataType>(7); }), kInvalid,
                         {"static_cast<DataType>(7)"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.w = std::numeric_limits<int>::max(), p.h = 3; }),
                         ErrorCode::unsupported, {"2^31"}));
  const host::Layer layer = value_of(host::plan_pool(good));
  EXPECT_TRUE(fails_with(layer.run({}, 2, nullptr), kInvalid, {"images = 2, n = 1"}));
  EXPECT_TRUE(fails_with(layer.run({}, 0, nullptr), kInvalid, {"images = 0"}));
}

}  // namespace
}  // namespace foldconv::kernel_tests
