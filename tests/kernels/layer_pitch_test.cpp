// SPDX-License-Identifier: MIT
// Layers that are no convolution, of tensors that are parts of the channels of others: the bits of dense ones.
#include <gtest/gtest.h>

#include <functional>

#include "foldconv/pointwise.hpp"
#include "host/expect_error.hpp"
#include "kernels/support/pitched_tensor.hpp"
#include "kernels/support/test_layer.hpp"
#include "layer/affine.hpp"
#include "layer/binary.hpp"
#include "layer/pool.hpp"

namespace foldconv::kernel_tests {
namespace {

using host::LayerPitches;
using test::fails_with;
using test::kInvalid;

// Channels in whole chunks of 16 bytes, and so many chunks more.
int layer_pitch_over(DataType dtype, int channels, int chunks) {
  const int chunk = static_cast<int>(16 / size_of(dtype));
  return (channels + chunk - 1) / chunk * chunk + chunks * chunk;
}

harness::Bytes random_bytes(DataType dtype, const Shape& shape, std::uint64_t seed) {
  return oracle::encode(dtype,
                        random_values(dtype, static_cast<std::size_t>(shape.elements()), seed));
}

struct LayerCase {
  DataType dtype;
  Shape x, y;
  std::function<Result<host::Layer>(const LayerPitches&)> plan;
};

harness::Bytes run_case(const LayerCase& one, const LayerPitches& pitch, int images) {
  const host::Layer layer = value_of(one.plan(pitch));
  const PitchedTensor x(one.dtype, one.x, host::pitch_or(pitch.x, one.x.c),
                        random_bytes(one.dtype, one.x, 41), Guards::none);
  const PitchedTensor y(one.dtype, one.y, host::pitch_or(pitch.y, one.y.c), Guards::none);
  check(layer.run({.x = x.data(), .y = y.data()}, images, nullptr));
  check(cudaDeviceSynchronize(), layer.kernel());
  return y.download();
}

void expect_bits_of_dense(const LayerCase& one) {
  const LayerPitches pitches[] = {
      {layer_pitch_over(one.dtype, one.x.c, 1), layer_pitch_over(one.dtype, one.y.c, 3)},
      {layer_pitch_over(one.dtype, one.x.c, 9), 0},
      {0, layer_pitch_over(one.dtype, one.y.c, 0)}};
  for (const int images : {one.x.n, 1}) {
    const auto dense = run_case(one, {}, images);
    for (const LayerPitches& pitch : pitches) {
      EXPECT_TRUE(run_case(one, pitch, images) == dense)
          << to_string(one.dtype) << ", c = " << one.x.c << ", pitches " << pitch.x << ", "
          << pitch.y << ", images " << images;
    }
  }
}

class LayerPitch : public testing::TestWithParam<DataType> {};

TEST_P(LayerPitch, Pools) {
  const DataType dtype = GetParam();
  for (const int c : {24, 5}) {
    for (const auto kind : {host::PoolProblem::Kind::max, host::PoolProblem::Kind::average}) {
      const host::PoolProblem windows = {.dtype = dtype,
                                         .n = 2,
                                         .h = 7,
                                         .w = 6,
                                         .c = c,
                                         .kind = kind,
                                         .window = {3, 2},
                                         .stride = {2, 1},
                                         .pad = {1, 1, 0, 1}};
      host::PoolProblem whole = {
          .dtype = dtype, .n = 2, .h = 7, .w = 6, .c = c, .kind = kind, .window = {7, 6}};
      for (const host::PoolProblem& problem : {windows, whole}) {
        const auto plan = [&](const LayerPitches& pitch) {
          host::PoolProblem pitched = problem;
          pitched.pitch = pitch;
          return host::plan_pool(pitched);
        };
        expect_bits_of_dense({dtype, {2, 7, 6, c}, {2, problem.p(), problem.q(), c}, plan});
      }
    }
  }
}

TEST_P(LayerPitch, ScaleAndShift) {
  const DataType dtype = GetParam();
  for (const int c : {40, 13}) {
    const auto numbers = random_values(DataType::f32, static_cast<std::size_t>(c), 43);
    const DeviceBuffer scale(std::as_bytes(std::span(numbers))),
        shift(std::as_bytes(std::span(numbers)));
    const auto plan = [&](const LayerPitches& pitch) {
      return host::plan_affine({.dtype = dtype,
                                .n = 2,
                                .pixels_per_image = 15,
                                .c = c,
                                .scale = static_cast<const float*>(scale.data()),
                                .shift = static_cast<const float*>(shift.data()),
                                .activation = Activation::relu,
                                .pitch = pitch});
    };
    expect_bits_of_dense({dtype, {2, 3, 5, c}, {2, 3, 5, c}, plan});
  }
}

TEST_P(LayerPitch, Activations) {
  const DataType dtype = GetParam();
  for (const int c : {40, 13}) {
    const auto plan = [&](const LayerPitches& pitch) {
      return host::plan_activate({.dtype = dtype,
                                  .n = 2,
                                  .elements_per_image = 15 * c,
                                  .activation = Activation::leaky_relu(0.25f),
                                  .c = c,
                                  .pitch = pitch});
    };
    expect_bits_of_dense({dtype, {2, 3, 5, c}, {2, 3, 5, c}, plan});
  }
}

// All of different pitches; z, too, is one image's for all.
TEST_P(LayerPitch, Sums) {
  const DataType dtype = GetParam();
  for (const int c : {40, 13}) {
    const Shape shape = {2, 3, 5, c};
    const auto bits = [&](int x_pitch, int z_pitch, int y_pitch) {
      const auto strides = [](std::int64_t pitch) {
        return std::vector<std::int64_t>{15 * pitch, pitch, 1};
      };
      const host::Layer layer = value_of(host::plan_binary({.dtype = dtype,
                                                            .extents = {2, 15, c},
                                                            .x_strides = strides(x_pitch),
                                                            .z_strides = strides(z_pitch),
                                                            .y_strides = strides(y_pitch),
                                                            .batched = true}));
      const PitchedTensor x(dtype, shape, x_pitch, random_bytes(dtype, shape, 44), Guards::none);
      const PitchedTensor z(dtype, shape, z_pitch, random_bytes(dtype, shape, 45), Guards::none);
      const PitchedTensor y(dtype, shape, y_pitch, Guards::none);
      check(layer.run({.x = x.data(), .z = z.data(), .y = y.data()}, 2, nullptr));
      check(cudaDeviceSynchronize(), layer.kernel());
      return y.download();
    };
    const auto dense = bits(c, c, c);
    EXPECT_TRUE(bits(layer_pitch_over(dtype, c, 1), layer_pitch_over(dtype, c, 3),
                     layer_pitch_over(dtype, c, 2)) == dense);
    EXPECT_TRUE(bits(c, layer_pitch_over(dtype, c, 0), layer_pitch_over(dtype, c, 5)) == dense);
  }
}

TEST_P(LayerPitch, SeparateKernels) {
  const DataType dtype = GetParam();
  for (const int c : {40, 13}) {
    const Shape shape = {2, 3, 5, c};
    const auto numbers = random_values(DataType::f32, static_cast<std::size_t>(c), 46);
    const std::vector<float> ones(static_cast<std::size_t>(c), 1.0f);
    const DeviceBuffer array(std::as_bytes(std::span(numbers))),
        one(std::as_bytes(std::span(ones)));
    const pointwise::BatchNormArrays arrays = {.gamma = static_cast<const float*>(array.data()),
                                               .beta = static_cast<const float*>(array.data()),
                                               .mean = static_cast<const float*>(one.data()),
                                               .variance = static_cast<const float*>(one.data()),
                                               .eps = 1e-5f};
    const auto run = [&](int op, const Pitches& pitch) {
      const PitchedTensor x(dtype, shape, host::pitch_or(pitch.x, c),
                            random_bytes(dtype, shape, 47), Guards::none);
      const PitchedTensor z(dtype, shape, host::pitch_or(pitch.residual, c),
                            random_bytes(dtype, shape, 48), Guards::none);
      const PitchedTensor y(dtype, shape, host::pitch_or(pitch.y, c), Guards::none);
      check(op == 0
                ? pointwise::batch_norm(dtype, shape, x.data(), arrays, y.data(), nullptr, pitch)
            : op == 1 ? pointwise::add(dtype, shape, x.data(), z.data(), y.data(), nullptr, pitch)
                      : pointwise::activate(dtype, shape, Activation::relu, x.data(), y.data(),
                                            nullptr, pitch));
      check(cudaDeviceSynchronize(), "pointwise");
      return y.download();
    };
    for (const int op : {0, 1, 2}) {
      const auto dense = run(op, {});
      EXPECT_TRUE(run(op, {layer_pitch_over(dtype, c, 1), layer_pitch_over(dtype, c, 3),
                           layer_pitch_over(dtype, c, 2)}) == dense)
          << op;
      EXPECT_TRUE(run(op, {0, 0, layer_pitch_over(dtype, c, 0)}) == dense) << op;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, LayerPitch, testing::ValuesIn(kEveryType),
                         [](const auto& test) { return to_string(test.param); });

TEST(LayerPitches, AreRefusedAsConvolutionsRefuseThem) {
  host::PoolProblem pool = {.h = 4, .w = 4, .c = 24, .pitch = {28, 0}};
  EXPECT_TRUE(fails_with(host::plan_pool(pool).status(), kInvalid,
                         {"pitch.x must be c or a multiple of 16 bytes", "use pitch.x = 32"}));
  pool.pitch = {0, 16};
  EXPECT_TRUE(fails_with(host::plan_pool(pool).status(), kInvalid,
                         {"pitch.y must be 0 or at least c", "use pitch.y = 24"}));
  pool.pitch = {32, 32};
  pool.c = 0;
  EXPECT_TRUE(fails_with(host::plan_pool(pool).status(), kInvalid, {"c = 0"}));
  EXPECT_TRUE(fails_with(
      host::plan_activate({.elements_per_image = 100, .c = 24, .pitch = {32, 32}}).status(),
      kInvalid, {"elements_per_image = 100, c = 24"}));
  EXPECT_TRUE(fails_with(
      host::plan_binary({.extents = {4}, .x_strides = {1}, .z_strides = {1}, .y_strides = {0}})
          .status(),
      kInvalid, {"a stride of y"}));
}

}  // namespace
}  // namespace foldconv::kernel_tests
