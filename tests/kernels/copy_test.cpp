// SPDX-License-Identifier: MIT
// Copies by strides against arrays with extents: transposes, slices, concatenation, padding, upsampling, expansion.
#include "layer/copy.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "host/expect_error.hpp"
#include "kernels/support/test_layer.hpp"

namespace foldconv::kernel_tests {
namespace {

using host::CopyAxis;
using host::CopyProblem;
using oracle::Array;
using test::fails_with;
using test::kInvalid;
using Sizes = std::vector<std::size_t>;

std::vector<std::int64_t> dense_strides(const Sizes& extents) {
  std::vector<std::int64_t> strides(extents.size(), 1);
  for (std::size_t i = extents.size() - 1; i-- > 0;)
    strides[i] = strides[i + 1] * static_cast<std::int64_t>(extents[i + 1]);
  return strides;
}

Array random_array(DataType dtype, const Sizes& extents) {
  Array array(extents);
  array.values = random_values(dtype, array.values.size(), 7);
  return array;
}

// The whole of x into the whole of y, both dense; x's axis along y's axis i: along[i].
CopyProblem whole(const Array& x, const Array& y, const Sizes& along) {
  CopyProblem problem;
  const auto x_strides = dense_strides(x.extents), y_strides = dense_strides(y.extents);
  for (std::size_t i = 0; i < along.size(); ++i) {
    problem.axes.push_back({.extent = static_cast<std::int64_t>(y.extents[i]),
                            .y_stride = y_strides[i],
                            .x_stride = x_strides[along[i]],
                            .x_extent = static_cast<std::int64_t>(x.extents[along[i]])});
  }
  return problem;
}
CopyProblem whole(const Array& x, const Array& y) {
  Sizes along(x.extents.size());
  for (std::size_t i = 0; i < along.size(); ++i) along[i] = i;
  return whole(x, y, along);
}

// For every pair of types: y is `expected`, rounded once. Returns the kernel's name, without its type.
std::string expect_copy(CopyProblem problem, const Sizes& x_extents,
                        const std::function<Array(const Array&)>& expected) {
  std::string kernel;
  for (const DataType from : kEveryType) {
    for (const DataType to : kEveryType) {
      problem.from = from;
      problem.to = to;
      const Array x = random_array(from, x_extents), y = expected(x);
      const host::Layer layer = value_of(host::plan_copy(problem));
      const int images = problem.batched ? static_cast<int>(problem.axes.front().extent) : 1;
      const harness::Bytes got = run_layer(layer, {.x = oracle::encode(from, x.values),
                                                   .z = {},
                                                   .y_bytes = y.values.size() * size_of(to),
                                                   .images = images});
      EXPECT_TRUE(got == oracle::encode(to, y.values)) << layer.kernel();
      kernel = layer.kernel();
    }
  }
  return kernel.substr(0, kernel.find('_'));
}

std::string expect_permutation(const Sizes& extents, const Sizes& order) {
  const Array x(extents);
  CopyProblem problem = whole(x, oracle::permuted(x, order), order);
  problem.batched = order.front() == 0;
  return expect_copy(problem, extents, [&](const Array& a) { return oracle::permuted(a, order); });
}

TEST(Copy, Permutations) {
  EXPECT_EQ(expect_permutation({2, 3, 5, 7}, {0, 2, 3, 1}), "copy");  // few channels: NCHW -> NHWC
  EXPECT_EQ(expect_permutation({2, 19, 5, 7}, {0, 2, 3, 1}), "transpose");
  EXPECT_EQ(expect_permutation({2, 5, 7, 40}, {0, 3, 1, 2}), "transpose");  // NHWC -> NCHW
  EXPECT_EQ(expect_permutation({33, 65}, {1, 0}), "transpose");
  EXPECT_EQ(expect_permutation({2, 9, 3, 10, 2, 8}, {4, 5, 0, 3, 2, 1}), "transpose");
  EXPECT_EQ(expect_permutation({2, 9, 3, 2, 2, 5}, {5, 4, 0, 3, 2, 1}), "copy");
  EXPECT_EQ(expect_permutation({2, 9, 3, 10}, {2, 3, 0, 1}), "transpose");
  EXPECT_EQ(expect_permutation({3, 4, 2, 8}, {0, 2, 1, 3}), "copy");  // in pieces
}

// Both ways through concatenation: into a part of y, and out of a part of x.
TEST(Copy, SlicesAndConcatenation) {
  for (const std::size_t c : {8u, 3u}) {
    for (const std::size_t at : {0u, 16u, 5u}) {
      const Sizes small = {2, 3, 5, c}, large = {2, 3, 5, 24};
      CopyProblem slice = whole(Array(large), Array(small));
      slice.axes[3].x_begin = static_cast<std::int64_t>(at);
      expect_copy(slice, large, [&](const Array& x) {
        return oracle::window(x, {0, 0, 0, static_cast<std::int64_t>(at)}, small, 0);
      });
      // What is not written stays poison.
      CopyProblem part = whole(Array(small), Array(large));
      for (CopyAxis& axis : part.axes) axis.extent = axis.x_extent;
      part.y_offset = static_cast<std::int64_t>(at);
      const Array x = random_array(DataType::f16, small);
      harness::Bytes y =
          run_layer(value_of(host::plan_copy(part)), {.x = oracle::encode(DataType::f16, x.values),
                                                      .z = {},
                                                      .y_bytes = 2 * Array(large).values.size()});
      const std::vector<float> got = oracle::decode(DataType::f16, y);
      for (std::size_t pixel = 0; pixel < 30; ++pixel) {
        for (std::size_t k = 0; k < 24; ++k) {
          const float value = got[pixel * 24 + k];
          if (k < at || k >= at + c) {
            ASSERT_NE(value, value) << "pixel " << pixel << ", channel " << k;
          } else {
            ASSERT_EQ(value, x.values[pixel * c + k - at])
                << "pixel " << pixel << ", channel " << k;
          }
        }
      }
    }
  }
}

TEST(Copy, PaddingIsTheFillValue) {
  for (const std::size_t c : {8u, 3u}) {
    const Sizes extents = {2, 4, 3, c}, padded = {2, 7, 6, c};
    CopyProblem problem = whole(Array(extents), Array(padded));
    problem.axes[1].x_begin = -1;
    problem.axes[2].x_begin = -2;
    problem.fill = -1.5f;
    problem.batched = true;
    expect_copy(problem, extents, [&](const Array& x) {
      return oracle::window(x, {0, -1, -2, 0}, padded, -1.5f);
    });
  }
  // Channels, too: in pieces where the borders lie between them.
  for (const std::int64_t before : {8, 3}) {
    const Sizes extents = {3, 8}, padded = {3, 24};
    CopyProblem problem = whole(Array(extents), Array(padded));
    problem.axes[1].x_begin = -before;
    expect_copy(problem, extents, [&](const Array& x) {
      return oracle::window(x, {0, -before}, padded, 0);
    });
  }
  // All of it.
  CopyProblem nothing = whole(Array({3, 8}), Array({3, 8}));
  nothing.axes[0].x_begin = 3;
  nothing.fill = 2;
  expect_copy(nothing, {3, 8}, [&](const Array& x) {
    return oracle::window(x, {3, 0}, {3, 8}, 2);
  });
  EXPECT_EQ(value_of(host::plan_copy(nothing)).cost().dram_bytes, 48);
}

TEST(Copy, Upsampling) {
  for (const std::size_t c : {8u, 3u}) {
    const Sizes extents = {2, 3, 4, c}, times = {1, 2, 3, 1};
    const Array y = oracle::repeated(Array(extents), times);
    CopyProblem problem = whole(Array(extents), y);
    problem.axes[1].divide = 2;
    problem.axes[2].divide = 3;
    problem.batched = true;
    expect_copy(problem, extents, [&](const Array& x) { return oracle::repeated(x, times); });
  }
}

TEST(Copy, ExpansionAndReversal) {
  const Sizes extents = {2, 1, 5, 1}, wide = {2, 3, 5, 8};
  CopyProblem problem = whole(Array(extents), Array(wide));
  for (const std::size_t axis : {1u, 3u}) {
    problem.axes[axis].x_stride = 0;
    problem.axes[axis].x_extent = problem.axes[axis].extent;
  }
  expect_copy(problem, extents, [&](const Array& x) { return oracle::expanded(x, wide); });

  for (const std::size_t axis : {0u, 1u}) {
    const Sizes square = {9, 16};
    CopyProblem reverse = whole(Array(square), Array(square));
    CopyAxis& turned = reverse.axes[axis];
    reverse.x_offset = (turned.extent - 1) * turned.x_stride;
    turned.x_stride = -turned.x_stride;
    expect_copy(reverse, square, [&](const Array& x) { return oracle::reversed(x, axis); });
  }
  // One element.
  expect_copy({}, {1}, [](const Array& x) { return x; });
}

// What is copied without a conversion keeps its bits: payloads of NaN, too.
TEST(Copy, KeepsTheBitsOfNan) {
  harness::Bytes x(32);
  for (std::size_t i = 0; i < x.size(); i += 2) {
    x[i] = static_cast<std::byte>(i + 1);
    x[i + 1] = std::byte{0x7c};
  }
  for (const std::int64_t stride : {1, -1}) {
    CopyProblem problem;
    problem.axes = {{.extent = 16, .y_stride = 1, .x_stride = stride, .x_extent = 16}};
    problem.x_offset = stride < 0 ? 15 : 0;
    const harness::Bytes y =
        run_layer(value_of(host::plan_copy(problem)), {.x = x, .z = {}, .y_bytes = 32});
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(y[2 * i], x[2 * (stride < 0 ? 15 - i : i)]) << i;
  }
}

TEST(Copy, SameBitsInEveryBatch) {
  for (const std::size_t c : {3u, 16u}) {
    const auto plan = [&](int n) {
      const Array x({static_cast<std::size_t>(n), c, 5, 7});
      CopyProblem problem = whole(x, oracle::permuted(x, {0, 2, 3, 1}), {0, 2, 3, 1});
      problem.batched = true;
      problem.from = DataType::f32;
      return value_of(host::plan_copy(problem));
    };
    const std::size_t elements = 3 * c * 35;
    expect_batch_invariance(
        plan, {.x = oracle::encode(DataType::f32, random_values(DataType::f32, elements, 5)),
               .z = {},
               .y_bytes = 2 * elements});
  }
}

// A piece would be of several images.
TEST(Copy, ImagesOfOneElement) {
  CopyProblem problem;
  problem.axes = {{.extent = 8, .y_stride = 1, .x_stride = 1, .x_extent = 8}};
  problem.batched = true;
  const std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<float> y = oracle::decode(
      DataType::f16,
      run_layer(value_of(host::plan_copy(problem)),
                {.x = oracle::encode(DataType::f16, x), .z = {}, .y_bytes = 16, .images = 3}));
  EXPECT_EQ(y[2], 3);
  EXPECT_TRUE(std::isnan(y[3]));
}

// The first images are the first ones of x, wherever y has them.
TEST(Copy, ImagesInnermostInY) {
  CopyProblem problem;
  problem.axes = {{.extent = 3, .y_stride = 1, .x_stride = 2, .x_extent = 3},
                  {.extent = 2, .y_stride = 3, .x_stride = 1, .x_extent = 2}};
  problem.batched = true;
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  const std::vector<float> y = oracle::decode(
      DataType::f16,
      run_layer(value_of(host::plan_copy(problem)),
                {.x = oracle::encode(DataType::f16, x), .z = {}, .y_bytes = 12, .images = 2}));
  EXPECT_EQ((std::vector<float>{y[0], y[1], y[3], y[4]}), (std::vector<float>{1, 3, 2, 4}));
  EXPECT_TRUE(std::isnan(y[2]) && std::isnan(y[5]));
}

// 16 GB: the extents of x and of y are no factors of one tensor.
TEST(Copy, TakesTensorsOfALongAxis) {
  CopyProblem problem;
  const std::int64_t rows = 8, columns = std::int64_t{1} << 30;
  problem.axes = {{.extent = rows, .y_stride = columns, .x_stride = columns, .x_extent = rows},
                  {.extent = columns, .y_stride = 1, .x_stride = 1, .x_extent = columns}};
  const Result<host::Layer> layer = host::plan_copy(problem);
  EXPECT_TRUE(layer.ok()) << layer.status().message();
}

TEST(Copy, RefusesWhatHasNoMeaning) {
  const CopyAxis good = {.extent = 4, .y_stride = 1, .x_stride = 1, .x_extent = 4};
  const auto plan = [&](auto&& change) {
    CopyProblem problem;
    problem.axes = {good};
    change(problem);
    return host::plan_copy(problem);
  };
  EXPECT_TRUE(plan([](auto&) {}).ok());
  EXPECT_TRUE(fails_with(plan([&](auto& p) { p.axes.assign(7, good); }), ErrorCode::unsupported,
                         {"more than 6", "extents: 7"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.axes[0].extent = 0; }), kInvalid, {"extent = 0"}));
  EXPECT_TRUE(
      fails_with(plan([](auto& p) { p.axes[0].x_extent = 0; }), kInvalid, {"x_extent = 0"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.axes[0].divide = 0; }), kInvalid, {"divide = 0"}));
  EXPECT_TRUE(
      fails_with(plan([](auto& p) { p.axes[0].y_stride = 0; }), kInvalid, {"y_stride = 0"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.x_offset = -1; }), kInvalid, {"x_offset = -1"}));
  EXPECT_TRUE(
      fails_with(plan([](auto& p) { p.axes.clear(), p.batched = true; }), kInvalid, {"images"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.axes[0].extent = std::int64_t{1} << 31; }),
                         ErrorCode::unsupported, {"2^31"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.to = static_cast<DataType>(9); }), kInvalid,
                         {"static_cast<DataType>(9)"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.from = static_cast<DataType>(9); }), kInvalid,
                         {"static_cast<DataType>(9)"}));
}

}  // namespace
}  // namespace foldconv::kernel_tests
