// SPDX-License-Identifier: MIT
// 1x1 convolutions of a tensor times a gate for each image and channel: the bits of the product as a launch of its own and
// the 1x1 behind it, for every tile; and the oracle's bound.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cuemu.h"
#include "host/expect_error.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_conv.hpp"
#include "kernels/support/test_layer.hpp"
#include "layer/binary.hpp"

namespace foldconv::kernel_tests {
namespace {

using test::fails_with;
using test::kInvalid;

std::vector<ConvKernel> gated_kernels() {
  std::vector<ConvKernel> kernels;
  for (const ConvKernel& kernel : host::conv_kernels()) {
    if (!kernel.direct() && kernel.loader == ConvLoader::load_gated) kernels.push_back(kernel);
  }
  return kernels;
}

// x times gate by the kernel that multiplies.
std::vector<float> product(const TestConv& test) {
  const ConvProblem& p = test.problem;
  const std::int64_t pixels = std::int64_t{p.h} * p.w;
  const host::Layer layer = value_of(host::plan_binary({.dtype = p.dtype,
                                                        .op = host::BinaryProblem::Op::multiply,
                                                        .extents = {p.n, pixels, p.c},
                                                        .x_strides = {pixels * p.c, p.c, 1},
                                                        .z_strides = {p.c, 0, 1},
                                                        .batched = true}));
  const harness::Bytes x = oracle::encode(p.dtype, test.inputs.x);
  return oracle::decode(p.dtype, run_layer(layer, {.x = x,
                                                   .z = oracle::encode(p.dtype, test.inputs.gate),
                                                   .y_bytes = x.size(),
                                                   .images = p.n}));
}

// What the 1x1 makes of the product.
harness::Bytes chain_bytes(const TestConv& test) {
  TestConv plain = test;
  plain.problem.gate = false;
  plain.inputs.gate.clear();
  plain.inputs.x = product(test);
  return run_bytes(plain);
}

struct GatedCase {
  const char* name;
  ConvProblem problem;
};

// Images inside of eight rows, of a warp's rows, of a tile; tails of pixels, channels and K; whole tiles.
constexpr GatedCase kGatedCases[] = {
    {"one_pixel", {.n = 1, .h = 1, .w = 1, .c = 8, .k = 8}},
    {"an_image_a_pixel", {.n = 150, .h = 1, .w = 1, .c = 24, .k = 16}},
    {"two_pixels", {.n = 71, .h = 1, .w = 2, .c = 40, .k = 8, .residual = true}},
    {"three_pixels", {.n = 45, .h = 3, .w = 1, .c = 72, .k = 24}},
    {"2x2", {.n = 35, .h = 2, .w = 2, .c = 64, .k = 40}},
    {"5x1", {.n = 27, .h = 5, .w = 1, .c = 80, .k = 72}},
    {"7_pixels", {.n = 21, .h = 1, .w = 7, .c = 136, .k = 16, .residual = true}},
    {"8_pixels", {.n = 18, .h = 2, .w = 4, .c = 48, .k = 64}},
    {"3x3", {.n = 16, .h = 3, .w = 3, .c = 96, .k = 24}},
    {"15_pixels", {.n = 9, .h = 3, .w = 5, .c = 56, .k = 80}},
    {"4x4", {.n = 9, .h = 4, .w = 4, .c = 64, .k = 128}},
    {"17_pixels", {.n = 9, .h = 1, .w = 17, .c = 104, .k = 8}},
    {"5x5", {.n = 6, .h = 5, .w = 5, .c = 72, .k = 136, .residual = true}},
    {"31_pixels", {.n = 5, .h = 31, .w = 1, .c = 120, .k = 40}},
    {"4x8", {.n = 5, .h = 4, .w = 8, .c = 32, .k = 48}},
    {"33_pixels", {.n = 5, .h = 3, .w = 11, .c = 88, .k = 64}},
    {"7x7", {.n = 5, .h = 7, .w = 7, .c = 160, .k = 72, .residual = true}},
    {"7x7_deep", {.n = 3, .h = 7, .w = 7, .c = 328, .k = 64}},
    {"63_pixels", {.n = 3, .h = 7, .w = 9, .c = 64, .k = 24}},
    {"8x8", {.n = 3, .h = 8, .w = 8, .c = 128, .k = 64}},
    {"65_pixels", {.n = 3, .h = 5, .w = 13, .c = 72, .k = 65}},
    {"odd_k", {.n = 2, .h = 7, .w = 7, .c = 16, .k = 13, .residual = true}},
    {"k_multiple_of_4", {.n = 3, .h = 7, .w = 7, .c = 96, .k = 100, .residual = true}},
    {"11x11", {.n = 2, .h = 11, .w = 11, .c = 64, .k = 40}},
    {"127_pixels", {.n = 2, .h = 1, .w = 127, .c = 48, .k = 16}},
    {"128_pixels", {.n = 2, .h = 8, .w = 16, .c = 72, .k = 64, .residual = true}},
    {"129_pixels", {.n = 2, .h = 3, .w = 43, .c = 40, .k = 16}},
    {"14x14", {.n = 2, .h = 14, .w = 14, .c = 80, .k = 112, .residual = true}},
    {"19x13", {.n = 1, .h = 19, .w = 13, .c = 24, .k = 16}},
    {"28x28", {.n = 2, .h = 28, .w = 28, .c = 40, .k = 24}},
    {"whole_tiles", {.n = 1, .h = 16, .w = 16, .c = 64, .k = 64}},
    {"one_row", {.n = 1, .h = 1, .w = 300, .c = 8, .k = 72}},
};

class Gated : public testing::TestWithParam<ConvKernel> {};

TEST_P(Gated, BitsOfTheProductAndThe1x1) {
  int kinds = 0;
  for (const GatedCase& one : kGatedCases) {
    ConvProblem problem = one.problem;
    problem.dtype = GetParam().dtype;
    problem.gate = true;
    problem.activation = {static_cast<Activation::Kind>(kinds++ % kActivationCount), 0.25f};
    SCOPED_TRACE(std::string(one.name) + ": " + to_string(problem));
    const TestConv test = make_conv(problem, {.seed = 21});
    EXPECT_TRUE(run_bytes(test, {.kernel = GetParam().name}) == chain_bytes(test)) << "other bits";
  }
}

// Parts of the channels of other tensors; the gates are dense.
TEST_P(Gated, Pitched) {
  for (const ConvProblem& shape :
       {kGatedCases[9].problem, kGatedCases[16].problem, kGatedCases[27].problem}) {
    ConvProblem problem = shape;
    problem.dtype = GetParam().dtype;
    problem.gate = true;
    const TestConv test = make_conv(problem, {.seed = 27});
    TestConv pitched = test;
    pitched.problem.pitch = {problem.c + 24, problem.residual ? problem.k + 8 : 0, problem.k + 16};
    EXPECT_TRUE(run_bytes(pitched, {.kernel = GetParam().name}) == run_bytes(test))
        << to_string(pitched.problem);
  }
}

TEST_P(Gated, WithinTheOraclesBound) {
  for (const ConvProblem& shape :
       {kGatedCases[12].problem, kGatedCases[17].problem, kGatedCases[27].problem}) {
    ConvProblem problem = shape;
    problem.dtype = GetParam().dtype;
    problem.gate = true;
    const TestConv test = make_conv(problem, {.seed = 22});
    expect_within_bound(test, run(test, {.kernel = GetParam().name}));
  }
}

// Zeros of both signs, products that are subnormal, too small or too large, infinities and NaN, of x and of gates: each in
// an image of its own, whose neighbours must not see it.
TEST_P(Gated, SpecialValues) {
  ConvProblem problem = {.dtype = GetParam().dtype, .n = 7, .h = 3, .w = 7, .c = 72, .k = 40};
  problem.gate = true;
  TestConv test = make_conv(problem, {.seed = 23});
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const bool half = problem.dtype == DataType::f16;
  const auto x_at = [&](int image, int pixel, int channel) -> float& {
    return test.inputs.x[static_cast<std::size_t>((image * 21 + pixel) * 72 + channel)];
  };
  const auto gate_at = [&](int image, int channel) -> float& {
    return test.inputs.gate[static_cast<std::size_t>(image * 72 + channel)];
  };
  gate_at(1, 71) = kInfinity;  // times zero: NaN
  x_at(1, 4, 71) = 0;
  gate_at(3, 0) = std::numeric_limits<float>::quiet_NaN();
  x_at(4, 20, 5) = -kInfinity;
  gate_at(4, 5) = 0.5f;
  for (int channel = 0; channel < 72; ++channel) {
    gate_at(5, channel) = half ? 0x1p-10f : 0x1p-70f;
    x_at(5, 3, channel) = half ? 0x1.554p-10f : 0x1.56p-60f;  // subnormal, a rounding
    x_at(5, 4, channel) = half ? 0x1p-15f : 0x1p-64f;         // half of the smallest
    x_at(5, 5, channel) = half ? 0x1.8p-15f : 0x1.8p-64f;     // above
    x_at(5, 6, channel) = -0.0f;
  }
  gate_at(6, 9) = half ? 60000 : 0x1p100f;
  x_at(6, 2, 9) = half ? 2 : 0x1p60f;
  EXPECT_TRUE(run_bytes(test, {.kernel = GetParam().name}) == chain_bytes(test)) << "other bits";
  const std::vector<float> y = run(test, {.kernel = GetParam().name});
  const auto nans_of = [&](int image) {
    return std::count_if(y.begin() + image * 21 * 40, y.begin() + (image + 1) * 21 * 40,
                         [](float value) { return std::isnan(value); });
  };
  EXPECT_EQ(nans_of(0), 0);
  EXPECT_GE(nans_of(1), 40);
  EXPECT_EQ(nans_of(2), 0);
  EXPECT_EQ(nans_of(3), 21 * 40);
  EXPECT_EQ(nans_of(5), 0);
}

TEST_P(Gated, AreTheCostsOfTheModel) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  for (const ConvProblem& shape :
       {ConvProblem{.n = 2, .h = 11, .w = 13, .c = 80, .k = 144, .residual = true},
        ConvProblem{.n = 9, .h = 7, .w = 7, .c = 160, .k = 72},
        ConvProblem{.n = 30, .h = 3, .w = 3, .c = 64, .k = 64}}) {
    ConvProblem problem = shape;
    problem.dtype = GetParam().dtype;
    problem.gate = true;
    SCOPED_TRACE(to_string(problem));
    const TestConv test = make_conv(problem, {.seed = 71});
    const ConvPlan plan = value_of(test.conv.plan(problem, {.kernel = GetParam().name}));
    const LaunchCost& cost = plan.explanation().cost;
    cuemu_reset_counters();
    run(test, {.kernel = GetParam().name, .guards = Guards::none});
    cuemu_counters counters{};
    cuemu_read_counters(&counters);
    const auto dram =
        static_cast<double>(counters.global_load.unique_bytes + counters.global_store.unique_bytes);
    EXPECT_NEAR(cost.dram_bytes, dram, 0.02 * dram);
    const double sectors =
        32 * static_cast<double>(counters.global_load.sectors + counters.global_store.sectors);
    EXPECT_NEAR(cost.l2_bytes, sectors, 0.05 * sectors);
    double wavefronts = 0;
    for (const cuemu_shared_traffic* traffic :
         {&counters.ldmatrix, &counters.stmatrix, &counters.async_copy, &counters.shared_load,
          &counters.shared_store}) {
      wavefronts += static_cast<double>(traffic->wavefronts);
    }
    EXPECT_EQ(cost.wavefronts, wavefronts);
    EXPECT_EQ(cost.executed_flops, static_cast<double>(counters.mma_flops));
    EXPECT_EQ(cost.tiles, counters.ctas);
  }
}

INSTANTIATE_TEST_SUITE_P(, Gated, testing::ValuesIn(gated_kernels()), kKernelName);

// Channels that break 16-byte copies, f32: the kernel that takes everything.
TEST(GatedConv, DirectTakesTheRest) {
  for (const DataType dtype : {DataType::f32, DataType::f16, DataType::bf16}) {
    ConvProblem problem = {.dtype = dtype, .n = 3, .h = 5, .w = 3, .c = 70, .k = 9};
    problem.residual = problem.gate = true;
    const TestConv test = make_conv(problem, {.seed = 24});
    const ConvPlan plan = value_of(test.conv.plan(problem));
    EXPECT_TRUE(plan.explanation().kernel.starts_with("direct_")) << plan.explanation().kernel;
    expect_within_bound(test, run(test));
    TestConv plain = test;
    plain.problem.gate = false;
    plain.inputs.gate.clear();
    plain.inputs.x = product(test);
    EXPECT_TRUE(run_bytes(test) == run_bytes(plain, {.kernel = plan.explanation().kernel}));
    TestConv pitched = test;
    pitched.problem.pitch = {80, 16, 24};
    EXPECT_TRUE(run_bytes(pitched, {.kernel = plan.explanation().kernel}) == run_bytes(test));
  }
}

TEST(GatedConv, FirstImagesOfABatch) {
  ConvProblem problem = {.n = 5, .h = 7, .w = 7, .c = 72, .k = 40};
  problem.gate = true;
  const TestConv test = make_conv(problem, {.seed = 25});
  const harness::Bytes all = run_bytes(test);
  const ConvPlan plan = value_of(test.conv.plan(problem));
  const DeviceBuffer x(oracle::encode(problem.dtype, test.inputs.x), Guards::shifted),
      gate(oracle::encode(problem.dtype, test.inputs.gate), Guards::shifted),
      y(all.size(), Guards::shifted);
  check(plan.run({.x = x.data(), .y = y.data(), .images = 2, .gate = gate.data()}));
  check(cudaDeviceSynchronize(), "gated");
  const harness::Bytes some = y.download();
  const auto two = static_cast<std::ptrdiff_t>(all.size() / 5 * 2);
  EXPECT_TRUE(std::equal(some.begin(), some.begin() + two, all.begin()));
  EXPECT_TRUE(std::all_of(some.begin() + two, some.end(),
                          [](std::byte byte) { return byte == std::byte{DeviceBuffer::kPoison}; }));
}

TEST(GatedConv, IsRefusedWhereItHasNoMeaning) {
  ConvProblem good = {.n = 1, .h = 5, .w = 5, .c = 64, .k = 64};
  good.gate = true;
  EXPECT_TRUE(validate(good).ok());
  EXPECT_EQ(to_string(good), "n1 5x5x64 -> 5x5x64 1x1 s1 p0 f16 *gate");
  const auto broken = [&](auto&& change) {
    ConvProblem problem = good;
    change(problem);
    return validate(problem);
  };
  const std::initializer_list<std::string_view> rule = {"1x1 filters at stride 1"};
  EXPECT_TRUE(fails_with(broken([](auto& p) { p.r = 2; }), kInvalid, rule));
  EXPECT_TRUE(fails_with(broken([](auto& p) { p.stride.w = 2; }), kInvalid, rule));
  EXPECT_TRUE(fails_with(broken([](auto& p) { p.pad.left = 1; }), kInvalid, rule));
  EXPECT_TRUE(fails_with(broken([](auto& p) { p.groups = 2; }), kInvalid, rule));

  const TestConv test = make_conv(good, {.seed = 26});
  const ConvPlan gated = value_of(test.conv.plan(good));
  good.gate = false;
  const ConvPlan plain = value_of(test.conv.plan(good));
  const DeviceBuffer x(5 * 5 * 128, Guards::none), y(5 * 5 * 128, Guards::none);
  EXPECT_TRUE(fails_with(gated.run({.x = x.data(), .y = y.data()}), kInvalid, {"gate = null"}));
  EXPECT_TRUE(fails_with(gated.run({.x = x.data(), .y = y.data(), .gate = y.data()}),
                         ErrorCode::aliasing, {"gate and y overlap"}));
  EXPECT_TRUE(fails_with(plain.run({.x = x.data(), .y = y.data(), .gate = x.data()}), kInvalid,
                         {"gate for a problem without one"}));
  EXPECT_FALSE(takes(test, first_conv_kernel(ConvLoader::load_1x1).name));
}

}  // namespace
}  // namespace foldconv::kernel_tests
