// SPDX-License-Identifier: MIT
// Sums and products with broadcasts, scale and shift, activations, and softmax.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "host/expect_error.hpp"
#include "kernels/support/test_layer.hpp"
#include "layer/affine.hpp"
#include "layer/binary.hpp"
#include "layer/softmax.hpp"

namespace foldconv::kernel_tests {
namespace {

using host::AffineProblem;
using host::BinaryProblem;
using oracle::Array;
using test::fails_with;
using test::kInvalid;
using Sizes = std::vector<std::size_t>;

// Dense strides, 0 along extents of 1.
std::vector<std::int64_t> strides_of(const Sizes& extents) {
  std::vector<std::int64_t> strides(extents.size());
  std::int64_t stride = 1;
  for (std::size_t i = extents.size(); i-- > 0;) {
    strides[i] = extents[i] == 1 ? 0 : stride;
    stride *= static_cast<std::int64_t>(extents[i]);
  }
  return strides;
}

BinaryProblem binary_of(DataType dtype, const Sizes& x, const Sizes& z) {
  BinaryProblem problem{
      .dtype = dtype, .extents = {}, .x_strides = strides_of(x), .z_strides = strides_of(z)};
  for (std::size_t i = 0; i < x.size(); ++i)
    problem.extents.push_back(static_cast<std::int64_t>(std::max(x[i], z[i])));
  return problem;
}

std::size_t elements_of(const BinaryProblem& problem) {
  std::size_t elements = 1;
  for (const std::int64_t extent : problem.extents) elements *= static_cast<std::size_t>(extent);
  return elements;
}

void expect_binary(DataType dtype, BinaryProblem::Op op, const Activation& activation,
                   const Sizes& x_extents, const Sizes& z_extents, bool batched) {
  Array x(x_extents), z(z_extents);
  x.values = random_values(dtype, x.values.size(), 1);
  z.values = random_values(dtype, z.values.size(), 2);
  BinaryProblem problem = binary_of(dtype, x_extents, z_extents);
  problem.op = op;
  problem.activation = activation;
  problem.batched = batched;
  LayerRun run = {.x = oracle::encode(dtype, x.values),
                  .z = oracle::encode(dtype, z.values),
                  .y_bytes = elements_of(problem) * size_of(dtype),
                  .images = batched ? static_cast<int>(problem.extents.front()) : 1};
  const host::Layer layer = value_of(host::plan_binary(problem));
  const harness::Bytes y = run_layer(layer, run);
  expect_layer(op == BinaryProblem::Op::add ? oracle::sum(dtype, activation, x, z)
                                            : oracle::product(dtype, activation, x, z),
               dtype, y);
  if (run.x.size() == run.y_bytes) {
    run.in_place = true;
    EXPECT_TRUE(run_layer(layer, run) == y) << "in place, other bits";
  }
}

// Dense; a gate for each image and channel; a bias for each channel; a number for each image and for each pixel; both
// sides broadcast; six extents that nothing joins; one element.
TEST(Binary, AgreesWithTheOracle) {
  const std::pair<Sizes, Sizes> kOperands[] = {{{3, 5, 7, 16}, {3, 5, 7, 16}},
                                               {{3, 5, 7, 3}, {3, 5, 7, 3}},
                                               {{3, 5, 7, 16}, {3, 1, 1, 16}},
                                               {{3, 5, 7, 5}, {3, 1, 1, 5}},
                                               {{2, 5, 7, 24}, {1, 1, 1, 24}},
                                               {{3, 4, 2, 8}, {3, 1, 1, 1}},
                                               {{1, 4, 3, 16}, {1, 4, 3, 1}},
                                               {{1, 4, 1, 8}, {2, 1, 3, 8}},
                                               {{2, 1, 3, 1, 2, 8}, {1, 2, 1, 3, 1, 8}},
                                               {{1}, {1}},
                                               {{3, 1, 1}, {3, 1, 1}}};
  for (const DataType dtype : kEveryType) {
    for (const auto& [x, z] : kOperands) {
      for (const auto op : {BinaryProblem::Op::add, BinaryProblem::Op::multiply}) {
        const bool batched =
            x.front() == std::max(x.front(), z.front()) && op == BinaryProblem::Op::add;
        expect_binary(dtype, op, Activation::none, x, z, batched);
      }
    }
    for (int kind = 0; kind < kActivationCount; ++kind) {
      expect_binary(dtype, BinaryProblem::Op::add, {static_cast<Activation::Kind>(kind), 0.25f},
                    {2, 3, 8}, {2, 1, 8}, true);
    }
  }
}

TEST(Binary, SameBitsInEveryBatch) {
  for (const std::size_t c : {16u, 5u}) {
    for (const bool gate : {true, false}) {
      const std::size_t pixels = gate ? 1 : 7;
      const auto plan = [&](int n) {
        const auto images = static_cast<std::size_t>(n);
        BinaryProblem problem = binary_of(DataType::f16, {images, 7, c}, {images, pixels, c});
        problem.op = BinaryProblem::Op::multiply;
        problem.batched = true;
        return value_of(host::plan_binary(problem));
      };
      const auto bytes = [&](std::size_t rows, std::uint64_t seed) {
        return oracle::encode(DataType::f16, random_values(DataType::f16, 3 * rows * c, seed));
      };
      expect_batch_invariance(plan,
                              {.x = bytes(7, 1), .z = bytes(pixels, 2), .y_bytes = 3 * 7 * c * 2});
    }
  }
}

// x is a part of a wider tensor, whose rows break pieces of 16 bytes.
TEST(Binary, PitchedOperand) {
  for (const std::size_t pitch : {24u, 19u}) {
    Array wide({5, pitch}), z({5, 16});
    wide.values = random_values(DataType::f16, wide.values.size(), 1);
    z.values = random_values(DataType::f16, z.values.size(), 2);
    BinaryProblem problem = binary_of(DataType::f16, {5, 16}, {5, 16});
    problem.x_strides = {static_cast<std::int64_t>(pitch), 1};
    expect_layer(
        oracle::sum(DataType::f16, Activation::none, oracle::window(wide, {0, 0}, {5, 16}, 0), z),
        DataType::f16,
        run_layer(value_of(host::plan_binary(problem)),
                  {.x = oracle::encode(DataType::f16, wide.values),
                   .z = oracle::encode(DataType::f16, z.values),
                   .y_bytes = 5 * 16 * 2}));
  }
}

// A piece would be of several images.
TEST(Binary, ImagesOfOneElement) {
  BinaryProblem problem = binary_of(DataType::f16, {8, 1}, {8, 1});
  problem.batched = true;
  const std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<float> y = oracle::decode(
      DataType::f16,
      run_layer(value_of(host::plan_binary(problem)), {.x = oracle::encode(DataType::f16, x),
                                                       .z = oracle::encode(DataType::f16, x),
                                                       .y_bytes = 16,
                                                       .images = 3}));
  EXPECT_EQ(y[2], 6);
  EXPECT_TRUE(std::isnan(y[3]));
}

TEST(Binary, NanPropagates) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const auto op : {BinaryProblem::Op::add, BinaryProblem::Op::multiply}) {
    BinaryProblem problem = binary_of(DataType::bf16, {8}, {8});
    problem.op = op;
    problem.activation = Activation::clip(0, 1);
    const std::vector<float> y = oracle::decode(
        DataType::bf16,
        run_layer(
            value_of(host::plan_binary(problem)),
            {.x = oracle::encode(DataType::bf16, std::vector<float>{kNan, 1, 0, 0, 0, 0, 0, 0}),
             .z = oracle::encode(DataType::bf16, std::vector<float>{0, kNan, 0, 0, 0, 0, 0, 0}),
             .y_bytes = 16}));
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
    EXPECT_EQ(y[2], 0);
  }
}

TEST(Binary, RefusesWhatHasNoMeaning) {
  const BinaryProblem good = binary_of(DataType::f16, {2, 8}, {2, 8});
  const auto plan = [&](auto&& change) {
    BinaryProblem problem = good;
    change(problem);
    return host::plan_binary(problem);
  };
  EXPECT_TRUE(plan([](auto&) {}).ok());
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.z_strides.pop_back(); }), kInvalid, {"of z: 1"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) {
                           for (auto* list : {&p.extents, &p.x_strides, &p.z_strides})
                             list->resize(7, 1);
                         }),
                         ErrorCode::unsupported, {"more than 6"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.extents[1] = 0; }), kInvalid, {"extent = 0"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.x_strides[0] = -8; }), kInvalid, {"of x -8"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.op = static_cast<BinaryProblem::Op>(4); }), kInvalid,
                         {"static_cast<Op>(4)"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.activation = Activation::clip(1, 0); }), kInvalid,
                         {"low = 1"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.extents[0] = std::int64_t{1} << 40; }),
                         ErrorCode::unsupported, {"2^31"}));
}

class Affine : public testing::TestWithParam<DataType> {};

TEST_P(Affine, AgreesWithTheOracle) {
  const DataType dtype = GetParam();
  for (const std::size_t c : {3u, 8u, 40u, 37u}) {
    // An array behind one float is not aligned: element by element.
    for (const auto& [scales_at, shifts_at] : {std::pair{0u, 0u}, {1u, 1u}, {0u, 1u}, {1u, 0u}}) {
      const std::vector<float> scale = random_values(DataType::f32, c + scales_at, 3),
                               shift = random_values(DataType::f32, c + shifts_at, 4),
                               x = random_values(dtype, 2 * 15 * c, 5);
      const DeviceBuffer scales(std::as_bytes(std::span(scale))),
          shifts(std::as_bytes(std::span(shift)));
      const host::Layer layer =
          value_of(host::plan_affine({.dtype = dtype,
                                      .n = 2,
                                      .pixels_per_image = 15,
                                      .c = static_cast<int>(c),
                                      .scale = static_cast<const float*>(scales.data()) + scales_at,
                                      .shift = static_cast<const float*>(shifts.data()) + shifts_at,
                                      .activation = Activation::leaky_relu(0.25f)}));
      LayerRun run = {.x = oracle::encode(dtype, x),
                      .z = {},
                      .y_bytes = x.size() * size_of(dtype),
                      .images = 2};
      const harness::Bytes y = run_layer(layer, run);
      expect_layer(
          oracle::affine(dtype, std::span(scale).subspan(scales_at),
                         std::span(shift).subspan(shifts_at), Activation::leaky_relu(0.25f), x),
          dtype, y);
      run.in_place = true;
      EXPECT_TRUE(run_layer(layer, run) == y) << "in place, other bits";
    }
  }
}

TEST_P(Affine, SameBitsInEveryBatch) {
  const DataType dtype = GetParam();
  for (const std::size_t c : {16u, 5u}) {
    const std::vector<float> scale = random_values(DataType::f32, c, 3);
    const DeviceBuffer scales(std::as_bytes(std::span(scale)));
    const auto* array = static_cast<const float*>(scales.data());
    const LayerRun three = {.x = oracle::encode(dtype, random_values(dtype, 3 * 9 * c, 5)),
                            .z = {},
                            .y_bytes = 3 * 9 * c * size_of(dtype)};
    expect_batch_invariance(
        [&](int n) {
          return value_of(host::plan_affine({.dtype = dtype,
                                             .n = n,
                                             .pixels_per_image = 9,
                                             .c = static_cast<int>(c),
                                             .scale = array,
                                             .shift = array}));
        },
        three);
    expect_batch_invariance(
        [&](int n) {
          return value_of(
              host::plan_activate({.dtype = dtype,
                                   .n = n,
                                   .elements_per_image = static_cast<std::int64_t>(9 * c),
                                   .activation = Activation::hard_sigmoid()}));
        },
        three);
  }
}

TEST_P(Affine, ActivateIsThePointwiseKernel) {
  const DataType dtype = GetParam();
  const std::vector<float> x = random_values(dtype, 2 * 29, 6);
  const host::Layer layer = value_of(host::plan_activate(
      {.dtype = dtype, .n = 2, .elements_per_image = 29, .activation = Activation::clip(-1, 2)}));
  EXPECT_EQ(layer.kernel(), std::string("activate_") + to_string(dtype) + "_sm80");
  const std::vector<float> got =
      oracle::decode(dtype, run_layer(layer, {.x = oracle::encode(dtype, x),
                                              .z = {},
                                              .y_bytes = x.size() * size_of(dtype),
                                              .images = 2}));
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(got[i], std::fmin(std::fmax(x[i], -1), 2));
}

INSTANTIATE_TEST_SUITE_P(, Affine, testing::ValuesIn(kEveryType),
                         [](const auto& dtype) { return std::string(to_string(dtype.param)); });

TEST(AffineErrors, AreClear) {
  alignas(16) float array[8] = {};
  const AffineProblem good{.pixels_per_image = 4, .c = 8, .scale = array, .shift = array};
  const auto plan = [&](auto&& change) {
    AffineProblem problem = good;
    change(problem);
    return host::plan_affine(problem);
  };
  EXPECT_TRUE(plan([](auto&) {}).ok());
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.shift = nullptr; }), kInvalid, {"shift"}));
  EXPECT_TRUE(fails_with(plan([](auto& p) { p.pixels_per_image = 0; }), kInvalid,
                         {"pixels_per_image = 0"}));
  EXPECT_TRUE(fails_with(host::plan_activate({}), kInvalid, {"elements_per_image = 0"}));
}

TEST(Softmax, AgreesWithTheOracle) {
  for (const DataType dtype : kEveryType) {
    for (const auto& [outer, length, inner] : {std::array<std::size_t, 3>{1, 1000, 1},
                                               {3, 2, 1},
                                               {5, 17, 1},
                                               {2, 1, 3},
                                               {2, 16, 33},
                                               {3, 5, 7}}) {
      std::vector<float> x = random_values(dtype, outer * length * inner, 1);
      x.front() = 30;  // a large one
      const host::Layer layer =
          value_of(host::plan_softmax({.dtype = dtype,
                                       .outer = static_cast<std::int64_t>(outer),
                                       .length = static_cast<std::int64_t>(length),
                                       .inner = static_cast<std::int64_t>(inner)}));
      LayerRun run = {.x = oracle::encode(dtype, x), .z = {}, .y_bytes = x.size() * size_of(dtype)};
      const harness::Bytes y = run_layer(layer, run);
      expect_layer(oracle::softmax(dtype, outer, length, inner, x), dtype, y);
      run.in_place = true;
      EXPECT_TRUE(run_layer(layer, run) == y) << "in place, other bits";
    }
  }
}

TEST(Softmax, NanSpoilsItsSumAloneAndMinusInfinityIsZero) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {0, std::numeric_limits<float>::quiet_NaN(), 1, -kInfinity, 2, 2};
  const std::vector<float> y = oracle::decode(
      DataType::f32,
      run_layer(value_of(host::plan_softmax({.dtype = DataType::f32, .outer = 2, .length = 3})),
                {.x = oracle::encode(DataType::f32, x), .z = {}, .y_bytes = 24}));
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]) && std::isnan(y[2]));
  EXPECT_EQ(y[3], 0);
  EXPECT_EQ(y[4], 0.5f);
}

TEST(Softmax, SameBitsInEveryBatch) {
  for (const std::int64_t inner : {1, 5}) {
    const std::size_t elements = 3 * 2 * 21 * static_cast<std::size_t>(inner);
    expect_batch_invariance(
        [&](int n) {
          return value_of(host::plan_softmax(
              {.dtype = DataType::bf16, .n = n, .outer = 2 * n, .length = 21, .inner = inner}));
        },
        {.x = oracle::encode(DataType::bf16, random_values(DataType::bf16, elements, 3)),
         .z = {},
         .y_bytes = elements * 2});
  }
}

TEST(Softmax, RefusesWhatHasNoMeaning) {
  EXPECT_TRUE(fails_with(host::plan_softmax({.outer = 3}), kInvalid, {"length = 0"}));
  EXPECT_TRUE(fails_with(host::plan_softmax({.n = 2, .outer = 3, .length = 4}), kInvalid,
                         {"n = 2, outer = 3"}));
}

}  // namespace
}  // namespace foldconv::kernel_tests
