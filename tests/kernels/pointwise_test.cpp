// SPDX-License-Identifier: MIT
// batch_norm, add and activate: every dtype, vector pieces and scalar tails, in place, and the
// chain of them against the fused convolution.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "foldconv/kernel_list.hpp"
#include "harness/oracle/pointwise.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

using oracle::Bounded;

// One piece and less, one CTA and more, with every length of tail; the last one needs many CTAs.
const Shape kShapes[] = {{1, 1, 1, 1},  {1, 1, 1, 7},  {1, 1, 1, 8},    {1, 3, 3, 3},
                         {2, 5, 7, 16}, {1, 9, 9, 29}, {3, 11, 13, 64}, {2, 57, 43, 20}};

struct Channels {
  std::vector<float> gamma, beta, mean, variance;
};

class Pointwise : public testing::TestWithParam<DataType> {
 protected:
  DataType dtype() const { return GetParam(); }

  // Values of the dtype, as many as the shape has elements.
  std::vector<float> values(const Shape& shape, std::uint64_t seed) const {
    const ConvProblem problem{
        .dtype = dtype(), .n = shape.n, .h = shape.h, .w = shape.w, .c = shape.c, .k = 1};
    return oracle::make_raw(problem, {.seed = seed}).x;
  }

  static Channels channels(int c) {
    const ConvProblem problem{.h = 1, .w = 1, .c = 1, .k = c};
    const oracle::RawConv raw = oracle::make_raw(problem, {.seed = 3});
    return {raw.gamma, raw.beta, raw.mean, raw.variance};
  }

  std::vector<std::byte> encoded(const std::vector<float>& values) const {
    return oracle::encode(dtype(), values);
  }

  std::vector<float> result(const DeviceBuffer& y) const {
    check(cudaDeviceSynchronize(), "pointwise kernel");
    return oracle::decode(dtype(), y.download());
  }

  void judge(const std::vector<float>& got, const std::function<Bounded(std::size_t)>& exact,
             const Shape& shape) const {
    oracle::Expected expected;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const Bounded stored = oracle::store(dtype(), exact(i));
      expected.y.push_back(stored.value);
      expected.bound.push_back(stored.error);
    }
    const oracle::Comparison comparison = oracle::compare(got, expected);
    EXPECT_TRUE(comparison.pass) << shape.n << "x" << shape.h << "x" << shape.w << "x" << shape.c
                                 << ": " << comparison.to_string();
  }
};

DeviceBuffer on_device(const std::vector<float>& values) {
  return DeviceBuffer(std::as_bytes(std::span(values)));
}

TEST_P(Pointwise, BatchNorm) {
  constexpr float kEps = 1e-3f;
  for (const Shape& shape : kShapes) {
    const std::vector<float> x = values(shape, 1);
    const Channels parameters = channels(shape.c);
    const DeviceBuffer gamma = on_device(parameters.gamma), beta = on_device(parameters.beta),
                       mean = on_device(parameters.mean), variance = on_device(parameters.variance);
    const pointwise::BatchNormArrays arrays{
        static_cast<const float*>(gamma.data()), static_cast<const float*>(beta.data()),
        static_cast<const float*>(mean.data()), static_cast<const float*>(variance.data()), kEps};
    const DeviceBuffer input(encoded(x));
    const DeviceBuffer y(input.bytes(), Guards::none), in_place(encoded(x));
    check(pointwise::batch_norm(dtype(), shape, input.data(), arrays, y.data()));
    check(pointwise::batch_norm(dtype(), shape, in_place.data(), arrays, in_place.data()));
    const std::vector<float> got = result(y);
    judge(
        got,
        [&](std::size_t i) {
          const std::size_t c = i % static_cast<std::size_t>(shape.c);
          return oracle::batch_norm(x[i], parameters.gamma[c], parameters.beta[c],
                                    parameters.mean[c], parameters.variance[c], kEps);
        },
        shape);
    EXPECT_EQ(result(in_place), got);
    EXPECT_EQ(result(input), x) << "the input was changed";
  }
}

TEST_P(Pointwise, Add) {
  for (const Shape& shape : kShapes) {
    const std::vector<float> x = values(shape, 1), z = values(shape, 2);
    DeviceBuffer first(encoded(x));
    const DeviceBuffer second(encoded(z));
    const DeviceBuffer y(first.bytes(), Guards::none);
    check(pointwise::add(dtype(), shape, first.data(), second.data(), y.data()));
    const std::vector<float> got = result(y);
    judge(
        got, [&](std::size_t i) { return oracle::add(x[i], z[i]); }, shape);
    EXPECT_EQ(result(second), z) << "an input was changed";
    check(pointwise::add(dtype(), shape, first.data(), second.data(), first.data()));
    EXPECT_EQ(result(first), got) << "in place of x";
    first.upload(encoded(x));
    check(pointwise::add(dtype(), shape, first.data(), second.data(), second.data()));
    EXPECT_EQ(result(second), got) << "in place of z";
  }
}

TEST_P(Pointwise, Activate) {
  for (int kind = 0; kind < kActivationCount; ++kind) {
    const Activation activation{static_cast<Activation::Kind>(kind), 0.2f};
    for (const Shape& shape : kShapes) {
      std::vector<float> x = values(shape, 1);
      for (float& v : x) v *= 4;  // a power of two: still exact
      const DeviceBuffer input(encoded(x));
      const DeviceBuffer y(input.bytes(), Guards::none);
      check(pointwise::activate(dtype(), shape, activation, input.data(), y.data()));
      const std::vector<float> got = result(y);
      judge(
          got,
          [&](std::size_t i) {
            return oracle::activate(activation, {x[i], 0});
          },
          shape);
      check(pointwise::activate(dtype(), shape, activation, input.data(), input.data()));
      EXPECT_EQ(result(input), got) << "in place";
    }
  }
}

// Outside [0, 1] leaky_relu is no maximum of v and alpha * v.
TEST_P(Pointwise, SlopesOutsideZeroToOne) {
  const Shape shape{1, 9, 9, 29};
  const std::vector<float> x = values(shape, 1);
  for (const float alpha : {-0.5f, 1.5f}) {
    const Activation activation = Activation::leaky_relu(alpha);
    const DeviceBuffer input(encoded(x));
    check(pointwise::activate(dtype(), shape, activation, input.data(), input.data()));
    judge(
        result(input),
        [&](std::size_t i) {
          return oracle::activate(activation, {x[i], 0});
        },
        shape);
  }
}

// Far outside the usual range as well: the ends of the exponential, the largest numbers, NaN.
TEST_P(Pointwise, ActivateAtTheEnds) {
  const std::vector<float> x = oracle::decode(
      dtype(), encoded({0.0f,      -0.0f,    3,         -3,
                        6,         -6,       5.96875f,  11,
                        -11,       40,       -40,       88,
                        -88,       104,      -104,      300,
                        -300,      6e4f,     -6e4f,     0x1p-14f,
                        -0x1p-14f, 0x1p-24f, -0x1p-24f, std::numeric_limits<float>::quiet_NaN()}));
  const Shape shape{1, 1, 1, static_cast<int>(x.size())};
  for (int kind = 0; kind < kActivationCount; ++kind) {
    const Activation activation{static_cast<Activation::Kind>(kind), 0.25f};
    const DeviceBuffer input(encoded(x));
    check(pointwise::activate(dtype(), shape, activation, input.data(), input.data()));
    const std::vector<float> got = result(input);
    judge(
        got,
        [&](std::size_t i) {
          return oracle::activate(activation, {x[i], 0});
        },
        shape);
    EXPECT_TRUE(std::isnan(got.back())) << to_string(activation);
  }
}

// More than all threads of the largest grid take at once: the loop goes round again.
TEST(PointwiseF32, LargerThanTheGrid) {
  const Shape shape{1, 1, 1200 * 1201, 3};
  std::vector<float> x(static_cast<std::size_t>(shape.elements()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 1021);
  const DeviceBuffer input = on_device(x);
  const DeviceBuffer y(input.bytes());
  const DeviceBuffer gamma = on_device({1, 2, 4}), beta = on_device({0, 8, -1}),
                     mean = on_device({1, 0, 0}), variance = on_device({0.75f, 0.75f, 0.75f});
  const pointwise::BatchNormArrays arrays{
      static_cast<const float*>(gamma.data()), static_cast<const float*>(beta.data()),
      static_cast<const float*>(mean.data()), static_cast<const float*>(variance.data()), 0.25f};
  check(pointwise::batch_norm(DataType::f32, shape, input.data(), arrays, y.data()));
  check(pointwise::add(DataType::f32, shape, y.data(), input.data(), y.data()));
  check(cudaDeviceSynchronize(), "pointwise kernels");
  const std::vector<float> got = oracle::decode(DataType::f32, y.download());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const float normal[] = {x[i] - 1, 2 * x[i] + 8, 4 * x[i] - 1};
    if (got[i] != normal[i % 3] + x[i]) ++wrong;
  }
  EXPECT_EQ(wrong, 0u);
}

// Without any rounding in between, the separate kernels and the fused one are the same function.
TEST_P(Pointwise, ChainEqualsTheFusedConvOnIntegers) {
  ConvProblem fused{.dtype = dtype(),
                    .n = 2,
                    .h = 9,
                    .w = 7,
                    .c = 24,
                    .k = 40,
                    .r = 3,
                    .s = 3,
                    .pad = {1, 1, 1, 1},
                    .activation = Activation::relu,
                    .residual = true};
  const oracle::RawConv raw = oracle::make_raw(fused, {.integers = true});
  const TestConv fused_conv = make_conv(fused, raw);

  oracle::RawConv plain = raw;
  plain.gamma = plain.beta = plain.mean = plain.variance = plain.residual = {};
  ConvProblem conv_only = fused;
  conv_only.residual = false;
  conv_only.activation = Activation::none;
  const DeviceBuffer y(run_bytes(make_conv(conv_only, plain), {.kernel = direct_kernel(dtype())}));

  const DeviceBuffer gamma = on_device(raw.gamma), beta = on_device(raw.beta),
                     mean = on_device(raw.mean), variance = on_device(raw.variance);
  const pointwise::BatchNormArrays arrays{
      static_cast<const float*>(gamma.data()), static_cast<const float*>(beta.data()),
      static_cast<const float*>(mean.data()), static_cast<const float*>(variance.data()),
      static_cast<float>(raw.eps)};
  const DeviceBuffer residual(encoded(raw.residual));
  const Shape shape = oracle::output_shape(fused);
  check(pointwise::batch_norm(dtype(), shape, y.data(), arrays, y.data()));
  check(pointwise::add(dtype(), shape, y.data(), residual.data(), y.data()));
  check(pointwise::activate(dtype(), shape, Activation::relu, y.data(), y.data()));
  EXPECT_EQ(result(y), run(fused_conv));
}

INSTANTIATE_TEST_SUITE_P(, Pointwise, testing::Values(DataType::f16, DataType::bf16, DataType::f32),
                         [](const auto& dtype) { return std::string(to_string(dtype.param)); });

}  // namespace
}  // namespace foldconv::kernel_tests
