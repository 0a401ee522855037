// SPDX-License-Identifier: MIT
// Narrow groups on tensor cores (kernels/sm80/conv_grouped.cuh): against the oracle, against each group as a convolution of
// its own, and that no group's values reach another one's sums.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "catalog/grouped.hpp"
#include "catalog/supported_device.hpp"
#include "cuemu.h"
#include "fold/pack.hpp"
#include "harness/problem/data.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;

struct GroupShape {
  int groups, c, k;  // channels of a group
  int h = 9, w = 11;
  int n = 1, r = 3, s = 3;
  Extent stride = {1, 1};
  Padding pad = Padding::same(1);
  Extent dilation = {1, 1};
  Activation activation = Activation::relu;
  bool residual = false;

  ConvProblem problem(DataType dtype) const {
    return {.dtype = dtype,
            .n = n,
            .h = h,
            .w = w,
            .c = groups * c,
            .k = groups * k,
            .r = r,
            .s = s,
            .stride = stride,
            .pad = pad,
            .dilation = dilation,
            .groups = groups,
            .activation = activation,
            .residual = residual};
  }
};

const std::vector<GroupShape> kGroupShapes = {
    // ResNeXt's and RegNet's groups
    {.groups = 32, .c = 4, .k = 4},
    {.groups = 16, .c = 8, .k = 8},
    {.groups = 8, .c = 16, .k = 16},
    {.groups = 4, .c = 32, .k = 32},
    {.groups = 5, .c = 24, .k = 24, .h = 7, .w = 7, .n = 3},
    {.groups = 3, .c = 40, .k = 40, .h = 7, .w = 7},
    {.groups = 3, .c = 48, .k = 48, .h = 8, .w = 5},
    {.groups = 2, .c = 56, .k = 56, .h = 5, .w = 8},
    // Other multiples of 4
    {.groups = 4, .c = 12, .k = 12},
    {.groups = 2, .c = 20, .k = 20, .residual = true},
    {.groups = 6, .c = 28, .k = 28, .h = 4, .w = 4},
    {.groups = 2, .c = 60, .k = 8, .h = 5, .w = 5},
    // Strides
    {.groups = 32, .c = 4, .k = 4, .h = 15, .w = 17, .stride = {2, 2}},
    {.groups = 16, .c = 8, .k = 8, .h = 16, .w = 18, .stride = {2, 2}},
    {.groups = 4, .c = 16, .k = 16, .h = 17, .w = 16, .stride = {2, 2}},
    {.groups = 4, .c = 32, .k = 32, .h = 14, .w = 13, .stride = {2, 2}, .residual = true},
    {.groups = 4, .c = 8, .k = 8, .h = 9, .w = 20, .stride = {1, 2}},
    {.groups = 4, .c = 8, .k = 16, .h = 20, .w = 9, .stride = {2, 1}},
    {.groups = 4, .c = 4, .k = 8, .h = 20, .w = 22, .stride = {3, 3}},
    // Other filters, dilations and paddings
    {.groups = 8, .c = 8, .k = 8, .r = 1, .s = 1, .pad = {}},
    {.groups = 6, .c = 4, .k = 4, .r = 1, .s = 1, .pad = {}},
    {.groups = 8, .c = 8, .k = 8, .r = 5, .s = 5, .pad = Padding::same(2)},
    {.groups = 4, .c = 4, .k = 12, .r = 5, .s = 5, .pad = Padding::same(2)},
    {.groups = 2, .c = 16, .k = 8, .r = 2, .s = 4, .pad = {0, 1, 3, 0}},
    {.groups = 2, .c = 16, .k = 16, .r = 3, .s = 3, .pad = Padding::same(2), .dilation = {2, 2}},
    {.groups = 8, .c = 4, .k = 4, .pad = {2, 0, 0, 2}, .dilation = {1, 2}},
    {.groups = 8, .c = 8, .k = 8, .pad = {-1, -2, -1, 0}},
    {.groups = 8, .c = 4, .k = 4, .h = 16, .w = 17, .stride = {2, 2}, .pad = {0, 1, -1, 1}},
    // Maps smaller than a tile, and of several images
    {.groups = 4, .c = 16, .k = 16, .h = 1, .w = 1, .n = 5},
    {.groups = 4, .c = 4, .k = 4, .h = 2, .w = 3, .n = 4, .residual = true},
    {.groups = 8, .c = 8, .k = 8, .h = 8, .w = 8, .n = 2, .residual = true},
    // More tiles than CTAs: with two buffers for pixels, and with one
    {.groups = 2, .c = 4, .k = 4, .h = 2, .w = 2, .n = 1100},
    {.groups = 2, .c = 8, .k = 8, .h = 1, .w = 2, .n = 1100, .residual = true},
    {.groups = 2, .c = 8, .k = 8, .h = 3, .w = 3, .n = 420, .stride = {4, 4}},
    // Groups that do not fill the last CTA, or the last pair
    {.groups = 17, .c = 8, .k = 8, .h = 5, .w = 5},
    {.groups = 9, .c = 16, .k = 16, .h = 5, .w = 5},
    {.groups = 18, .c = 4, .k = 4, .h = 5, .w = 5, .residual = true},
    // Several CTAs of channels, of x and y as many each
    {.groups = 20, .c = 4, .k = 8, .h = 5, .w = 5},
    {.groups = 9, .c = 16, .k = 8, .h = 5, .w = 5},
    // Channels of y that break pieces of 16 bytes
    {.groups = 3, .c = 8, .k = 4, .residual = true},
    {.groups = 3, .c = 16, .k = 12, .n = 2},
    // Activations
    {.groups = 4, .c = 8, .k = 8, .activation = Activation::none},
    {.groups = 4, .c = 8, .k = 8, .activation = Activation::silu, .residual = true},
    {.groups = 4, .c = 4, .k = 4, .activation = Activation::gelu},
    {.groups = 2, .c = 32, .k = 32, .activation = Activation::leaky_relu(0.25F)},
};

class Grouped : public testing::TestWithParam<ConvKernel> {
 protected:
  // Calls body(shape, test) for the shapes that the kernel takes.
  template <class Body>
  void for_each_shape(const oracle::RawOptions& options, Body&& body) const {
    int taken = 0;
    for (const GroupShape& shape : kGroupShapes) {
      const TestConv test = make_conv(shape.problem(GetParam().dtype), options);
      if (!takes(test, GetParam().name)) continue;
      SCOPED_TRACE(to_string(test.problem));
      body(test);
      ++taken;
    }
    EXPECT_GT(taken, 0) << "add shapes that " << GetParam().name << " takes";
  }
};

// Neighbouring channels of the last axis.
std::vector<float> some_channels(const std::vector<float>& values, int all, int first, int count) {
  std::vector<float> some;
  for (std::size_t at = 0; at < values.size(); at += static_cast<std::size_t>(all)) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(at) + first;
    some.insert(some.end(), begin, begin + count);
  }
  return some;
}

// A group as a convolution of its own.
TestConv alone(const ConvProblem& p, const oracle::RawConv& raw, int group) {
  const int c = p.c / p.groups, k = p.k / p.groups;
  ConvProblem problem = p;
  problem.c = c;
  problem.k = k;
  problem.groups = 1;
  oracle::RawConv own = raw;
  own.x = some_channels(raw.x, p.c, group * c, c);
  own.residual = some_channels(raw.residual, p.k, group * k, k);
  own.weights =
      some_channels(raw.weights, p.k * c * p.r * p.s, group * k * c * p.r * p.s, k * c * p.r * p.s);
  for (auto member : {&oracle::RawConv::gamma, &oracle::RawConv::beta, &oracle::RawConv::mean,
                      &oracle::RawConv::variance, &oracle::RawConv::conv_bias}) {
    own.*member = some_channels(raw.*member, p.k, group * k, k);
  }
  return make_conv(problem, own, ScalePlacement::epilogue);
}

TEST_P(Grouped, WithinTheBound) {
  for_each_shape({.seed = 5}, [&](const TestConv& test) {
    expect_within_bound(test, run(test, {.kernel = GetParam().name}));
  });
}

TEST_P(Grouped, ExactOnIntegers) {
  for_each_shape({.integers = true, .seed = 6}, [&](const TestConv& test) {
    if (test.problem.activation.kind == Activation::Kind::gelu ||
        test.problem.activation.kind == Activation::Kind::silu)
      return;
    expect_exact(test, run(test, {.kernel = GetParam().name, .guards = Guards::none}));
  });
}

// The canonical order of K: the bits of the kernel that reads element by element.
TEST_P(Grouped, EachGroupHasTheBitsOfAConvolutionOfItsOwn) {
  const char* element = first_conv_kernel(ConvLoader::load_element, GetParam().dtype).name;
  for (const GroupShape& shape : kGroupShapes) {
    const ConvProblem problem = shape.problem(GetParam().dtype);
    const oracle::RawConv raw = oracle::make_raw(problem, {.seed = 7});
    const TestConv test = make_conv(problem, raw, ScalePlacement::epilogue);
    if (!takes(test, GetParam().name)) continue;
    const std::vector<float> y = run(test, {.kernel = GetParam().name});
    for (const int group : {0, shape.groups - 1}) {
      const std::vector<float> own = run(alone(problem, raw, group), {.kernel = element});
      EXPECT_EQ(some_channels(y, problem.k, group * shape.k, shape.k), own)
          << to_string(problem) << ", group " << group;
    }
  }
}

// Infinities and NaN of one group, zeros of K's filling included: other groups' outputs keep their bits.
TEST_P(Grouped, NoValueReachesAnotherGroup) {
  if (GetParam().dtype != DataType::f16) return;  // as in bf16, but for the products
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const GroupShape& shape : kGroupShapes) {
    if (shape.r * shape.s < 9 || shape.h < 5) continue;
    const ConvProblem problem = shape.problem(GetParam().dtype);
    oracle::RawConv raw = oracle::make_raw(problem, {.seed = 9});
    const TestConv clean = make_conv(problem, raw);
    if (!takes(clean, GetParam().name)) continue;
    const std::vector<float> wanted = run(clean, {.kernel = GetParam().name});
    const int spoilt = shape.groups / 2;
    for (std::size_t i = 0; i < raw.x.size(); ++i) {
      const int channel = static_cast<int>(i) % problem.c;
      if (channel / shape.c == spoilt)
        raw.x[i] = i % 3 == 0 ? kInfinity : std::numeric_limits<float>::quiet_NaN();
    }
    const TestConv test = make_conv(problem, raw);
    const std::vector<float> got = run(test, {.kernel = GetParam().name});
    for (int group = 0; group < shape.groups; ++group) {
      const auto own = some_channels(got, problem.k, group * shape.k, shape.k);
      if (group != spoilt) {
        EXPECT_EQ(own, some_channels(wanted, problem.k, group * shape.k, shape.k))
            << to_string(problem) << ", group " << group;
      } else if (shape.pad.left == 1 && shape.stride.h == 1 && shape.r == 3) {
        EXPECT_TRUE(std::ranges::all_of(own, [](float v) { return std::isnan(v); }))
            << to_string(problem);
      }
    }
  }
}

// Infinite values only where K's last positions lie: what fills K up must not meet them.
TEST_P(Grouped, FillingMeetsZeros) {
  if (GetParam().dtype != DataType::f16) return;  // as in bf16, but for the products
  for_each_shape({.seed = 10}, [&](const TestConv& test) {
    oracle::RawConv raw = oracle::make_raw(test.problem, {.seed = 10});
    std::ranges::fill(raw.x, std::numeric_limits<float>::infinity());
    for (float& w : raw.weights) w = std::abs(w) + 0.25F;
    raw.gamma = raw.beta = raw.mean = raw.variance = {};
    const TestConv infinite = make_conv(test.problem, raw);
    const std::vector<float> y = run(infinite, {.kernel = GetParam().name});
    EXPECT_TRUE(std::ranges::none_of(y, [](float v) { return std::isnan(v); }));
  });
}

// Steps of K that are all zeros and left out would have made +0 of -0.
TEST_P(Grouped, ZerosHaveTheSignOfAllSteps) {
  if (GetParam().dtype != DataType::bf16) return;  // whose products may be too small for fp32
  for (const bool filled : {false, true}) {
    const int c = GetParam().grouped->granule == 4 ? 4 : 16, taps = filled ? 4 : 2;
    ConvProblem problem = GroupShape{.groups = 4,
                                     .c = c,
                                     .k = 8,
                                     .r = taps,
                                     .s = 1,
                                     .pad = {},
                                     .activation = Activation::none}
                              .problem(DataType::bf16);
    oracle::RawConv raw = oracle::make_raw(problem, {.batch_norm = false, .seed = 3});
    std::ranges::fill(raw.x, 0x1p-100F);
    std::ranges::fill(raw.weights, -0x1p-100F);
    raw.conv_bias.assign(static_cast<std::size_t>(problem.k), -0.0F);
    const TestConv alone_test = alone(problem, raw, 1);
    const TestConv test = make_conv(problem, raw);
    const std::vector<float> own = run(
        alone_test, {.kernel = first_conv_kernel(ConvLoader::load_element, DataType::bf16).name});
    const std::vector<float> got =
        some_channels(run(test, {.kernel = GetParam().name}), problem.k, 8, 8);
    ASSERT_EQ(got.size(), own.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(std::signbit(got[i]), std::signbit(own[i])) << i;
  }
}

// Pixels of all tensors apart by more than their channels, whose neighbours are NaN, or guarded.
TEST_P(Grouped, TensorsMayBePartsOfWiderOnes) {
  if (GetParam().dtype != DataType::f16) return;  // as in bf16, but for the products
  for_each_shape({.seed = 11}, [&](const TestConv& test) {
    const ConvProblem& p = test.problem;
    ConvProblem pitched = p;
    // Neighbours begin at multiples of 16 bytes, where pieces do.
    const auto eights = [](int channels) { return (channels + 7) / 8 * 8; };
    const int x_pitch = p.c + 24, residual_pitch = eights(p.k) + 16, y_pitch = eights(p.k) + 8;
    pitched.pitch = {.x = x_pitch, .residual = p.residual ? residual_pitch : 0, .y = y_pitch};
    const auto widened = [&](const std::vector<float>& values, int c, int pitch, float other) {
      std::vector<float> wide;
      for (std::size_t i = 0; i < values.size(); i += static_cast<std::size_t>(c)) {
        wide.insert(wide.end(), 8, other);
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i);
        wide.insert(wide.end(), begin, begin + c);
        wide.insert(wide.end(), static_cast<std::size_t>(pitch - c - 8), other);
      }
      return wide;
    };
    constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> dense = run(test, {.kernel = GetParam().name});
    const ConvPlan plan = value_of(test.conv.plan(pitched, {.kernel = GetParam().name}));
    const DeviceBuffer x(oracle::encode(p.dtype, widened(test.inputs.x, p.c, x_pitch, kNaN)));
    const DeviceBuffer residual(
        oracle::encode(p.dtype, widened(test.inputs.residual, p.k, residual_pitch, kNaN)));
    const Bytes before =
        oracle::encode(p.dtype, widened(std::vector<float>(dense.size(), 3), p.k, y_pitch, 5));
    DeviceBuffer y(before);
    const auto at = [](const DeviceBuffer& buffer) {
      return static_cast<char*>(const_cast<void*>(static_cast<const void*>(buffer.data()))) + 16;
    };
    check(plan.run({.x = at(x), .residual = p.residual ? at(residual) : nullptr, .y = at(y)}));
    check(cudaDeviceSynchronize(), "run");
    const Bytes wanted = oracle::encode(p.dtype, widened(dense, p.k, y_pitch, 5));
    EXPECT_TRUE(y.download() == wanted);
  });
}

// Bits, whichever kernels take a problem: what n, h and w are may decide.
class GroupedBits : public testing::TestWithParam<DataType> {};

TEST_P(GroupedBits, AreThoseOfEveryKernelThatTakesTheProblem) {
  int compared = 0;
  for (const GroupShape& shape : kGroupShapes) {
    const TestConv test = make_conv(shape.problem(GetParam()), {.seed = 8});
    Bytes first;
    for (const ConvKernel& kernel : host::conv_kernels()) {
      if (kernel.dtype != GetParam() || kernel.direct() || !takes(test, kernel.name)) continue;
      const Bytes got = run_bytes(test, {.kernel = kernel.name});
      if (first.empty()) first = got;
      EXPECT_TRUE(got == first) << to_string(test.problem) << " " << kernel.name;
      ++compared;
    }
  }
  EXPECT_GE(compared, 100);
}

INSTANTIATE_TEST_SUITE_P(, GroupedBits, testing::Values(DataType::f16, DataType::bf16));

INSTANTIATE_TEST_SUITE_P(, Grouped, testing::ValuesIn(kGroupedKernels), kKernelName);

TEST(GroupedShapes, EachIsTakenByAKernel) {
  for (const GroupShape& shape : kGroupShapes) {
    const TestConv test = make_conv(shape.problem(DataType::f16), {.seed = 1});
    EXPECT_TRUE(std::ranges::any_of(kGroupedKernels, [&](const ConvKernel& kernel) {
      return takes(test, kernel.name);
    })) << to_string(test.problem);
  }
  EXPECT_GE(kGroupShapes.size(), 30U);
}

// The other group of the last pair has no scale: with arrays that end where memory does.
TEST(GroupedShapes, NothingIsReadBehindTheLastChannel) {
  const auto kernel = std::ranges::find_if(kGroupedKernels, [](const ConvKernel& one) {
    return one.dtype == DataType::f16 && one.grouped->groups == 2 && one.grouped->granule == 8;
  });
  ASSERT_NE(kernel, kGroupedKernels.end());
  const ConvProblem problem =
      GroupShape{.groups = 3, .c = 8, .k = 8, .h = 5, .w = 5}.problem(DataType::f16);
  const oracle::RawConv raw = oracle::make_raw(problem, {.seed = 14});
  const TestConv test = make_conv(problem, raw);
  const harness::Bytes wanted = run_bytes(test, {.kernel = kernel->name});
  const FoldedConv folded = value_of(fold(harness::weights_of(problem, raw),
                                          harness::batch_norm_of(raw), {.dtype = problem.dtype}));
  const auto bytes_of = [](auto values) {
    const auto bytes = std::as_bytes(values);
    return harness::Bytes(bytes.begin(), bytes.end());
  };
  const DeviceBuffer x(oracle::encode(problem.dtype, test.inputs.x), Guards::none),
      w(host::pack(folded), Guards::none), scale(bytes_of(folded.scale()), Guards::none),
      bias(bytes_of(folded.bias()), Guards::none), y(wanted.size(), Guards::none);
  GroupedParams params = host::grouped_params(*kernel->grouped, problem);
  params.x = x.data();
  params.w = w.data();
  params.scale = static_cast<const float*>(scale.data());
  params.bias = static_cast<const float*>(bias.data());
  params.y = y.data();
  check(host::launch(
      kernel->entry,
      host::grouped_launch_shape(*kernel->grouped, problem, value_of(host::current_figures())),
      &params, nullptr));
  check(cudaDeviceSynchronize(), "grouped");
  EXPECT_TRUE(y.download() == wanted);
}

// --- Counted by the emulator

double bank_passes(const cuemu_counters& counters, bool ideal) {
  double sum = 0;
  for (const cuemu_shared_traffic* traffic :
       {&counters.ldmatrix, &counters.async_copy, &counters.shared_load, &counters.shared_store}) {
    sum += static_cast<double>(ideal ? traffic->ideal_wavefronts : traffic->wavefronts);
  }
  return sum;
}

cuemu_counters counted_run(const TestConv& test, const ConvPlan& plan) {
  const ConvProblem& p = test.problem;
  const DeviceBuffer x(oracle::encode(p.dtype, test.inputs.x), Guards::none);
  const DeviceBuffer residual(oracle::encode(p.dtype, test.inputs.residual), Guards::none);
  const DeviceBuffer y(static_cast<std::size_t>(oracle::output_shape(p).elements()) * 2,
                       Guards::none);
  cuemu_counters counters{};
  cuemu_reset_counters();
  check(
      plan.run({.x = x.data(), .residual = p.residual ? residual.data() : nullptr, .y = y.data()}));
  check(cudaDeviceSynchronize(), "run");
  cuemu_read_counters(&counters);
  return counters;
}

class GroupedCounts : public testing::Test {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  }
};

// What the model says is what is counted: DRAM within 2 %, L2 within 5, products and wavefronts exactly.
TEST_F(GroupedCounts, AreThoseOfTheModel) {
  for (const GroupShape& shape : kGroupShapes) {
    const TestConv test = make_conv(shape.problem(DataType::f16), {.seed = 12});
    for (const ConvKernel& kernel : kGroupedKernels) {
      if (kernel.dtype != DataType::f16 || !takes(test, kernel.name)) continue;
      SCOPED_TRACE(to_string(test.problem) + " " + kernel.name);
      const ConvPlan plan = value_of(test.conv.plan(test.problem, {.kernel = kernel.name}));
      const cuemu_counters counters = counted_run(test, plan);
      const LaunchCost& cost = plan.explanation().cost;
      EXPECT_EQ(cost.executed_flops, static_cast<double>(counters.mma_flops));
      EXPECT_EQ(cost.wavefronts, bank_passes(counters, false));
      EXPECT_EQ(counters.ctas, plan.explanation().grid);
      EXPECT_EQ(counters.integer_divisions, 0U);
      const double dram = static_cast<double>(counters.global_load.unique_bytes +
                                              counters.global_store.unique_bytes);
      EXPECT_NEAR(cost.dram_bytes, dram, 0.02 * dram);
      const double l2 =
          32.0 * static_cast<double>(counters.global_load.sectors + counters.global_store.sectors);
      // Single elements, and pixels of parts of sectors, meet sectors that their neighbours meet, too.
      const bool whole_sectors = test.problem.c % 16 == 0 && test.problem.k % 16 == 0;
      EXPECT_NEAR(cost.l2_bytes, l2, (whole_sectors ? 0.05 : 0.2) * l2);
    }
  }
}

// The one with the least time by the model.
const char* least_grouped(const TestConv& test) {
  const char* least = nullptr;
  double least_us = 0;
  for (const ConvKernel& kernel : kGroupedKernels) {
    if (kernel.dtype != test.problem.dtype) continue;
    const Result<ConvPlan> plan = test.conv.plan(test.problem, {.kernel = kernel.name});
    if (!plan.ok()) continue;
    const double us = plan->explanation().floor_us;
    if (least == nullptr || us < least_us) {
      least = kernel.name;
      least_us = us;
    }
  }
  return least;
}

// ResNeXt-50's: DRAM as little as can be, whole sectors, no bank conflicts.
TEST_F(GroupedCounts, OfResNextAreIdeal) {
  for (const int c : {4, 8, 16, 32}) {
    for (const int stride : {1, 2}) {
      const int size = 224 / c * stride;
      const ConvProblem problem =
          GroupShape{.groups = 32, .c = c, .k = c, .h = size, .w = size, .stride = {stride, stride}}
              .problem(DataType::f16);
      if (c == 4 && stride == 2) continue;
      SCOPED_TRACE(to_string(problem));
      const TestConv test = make_conv(problem, {.seed = 13});
      const ConvPlan plan = value_of(test.conv.plan(problem, {.kernel = least_grouped(test)}));
      const cuemu_counters counters = counted_run(test, plan);
      EXPECT_EQ(bank_passes(counters, false), bank_passes(counters, true));
      EXPECT_EQ(counters.global_load.sectors, counters.global_load.ideal_sectors);
      EXPECT_EQ(counters.global_store.sectors, counters.global_store.ideal_sectors);
      const double dram = static_cast<double>(counters.global_load.unique_bytes +
                                              counters.global_store.unique_bytes);
      EXPECT_LE(dram, 1.05 * least_cost(problem).dram_bytes);
    }
  }
}

}  // namespace
}  // namespace foldconv::kernel_tests
