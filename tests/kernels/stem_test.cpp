// SPDX-License-Identifier: MIT
// The stem as one kernel: the bits of preprocess, convolution and pooling as kernels of their own, and the oracle's values.
#include "stem/stem.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/internals.hpp"
#include "catalog/registry.hpp"
#include "conv/conv_data.hpp"
#include "cuemu.h"
#include "host/expect_error.hpp"
#include "kernels/support/test_conv.hpp"
#include "kernels/support/test_layer.hpp"
#include "layer/preprocess.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;
using host::StemProblem;
using test::fails_with;

struct StemCase {
  std::string name;
  int n, h, w, k, filter;
  Padding pad;
  std::optional<Padding> pool = {};
  std::optional<PixelFormat> pixels = {};
  Activation activation = Activation::relu;
  DataType dtype = DataType::f16;
  bool ceil_mode = false;
  Pitches pitch = {};

  StemProblem problem() const {
    return {.conv = {.dtype = dtype,
                     .n = n,
                     .h = h,
                     .w = w,
                     .c = 3,
                     .k = k,
                     .r = filter,
                     .s = filter,
                     .stride = {2, 2},
                     .pad = pad,
                     .activation = activation,
                     .pitch = pitch},
            .pool = pool,
            .ceil_mode = ceil_mode,
            .pixels = pixels};
  }
};
std::ostream& operator<<(std::ostream& out, const StemCase& one) {
  return out << one.name;
}

PixelFormat stem_format(PixelLayout layout, PixelType type, bool swap = false) {
  return {.layout = layout,
          .type = type,
          .mean = {127, 116.25f, 103.5f, 0},
          .scale = {1 / 58.0f, 1 / 57.0f, 1 / 64.0f, 1},
          .swap_red_blue = swap};
}

// A convolution without data, folded.
TestConv stem_conv(const StemProblem& problem, bool integers = false) {
  ConvProblem conv = problem.conv;
  conv.pitch = {};
  return make_conv(conv, {.integers = integers, .seed = 5});
}

host::StemWeights stem_weights(const TestConv& test) {
  const host::ConvData& data = host::Internals::data(test.conv);
  return {data.weights, data.scale, data.bias};
}

Bytes encoded_pixels(PixelType type, const std::vector<float>& pixels) {
  if (type == PixelType::f16) return oracle::encode(DataType::f16, pixels);
  if (type == PixelType::f32) return oracle::encode(DataType::f32, pixels);
  Bytes bytes;
  for (const float pixel : pixels) bytes.push_back(static_cast<std::byte>(pixel));
  return bytes;
}

// Bytes of x as the problem has it: pixels 0 to 255, or a tensor.
Bytes random_x(const StemProblem& problem, const TestConv& test) {
  if (!problem.pixels) return oracle::encode(problem.conv.dtype, test.inputs.x);
  std::vector<float> pixels = random_values(DataType::f16, test.inputs.x.size(), 9);
  for (float& pixel : pixels) pixel = std::floor((pixel + 4) * 31.875f);
  return encoded_pixels(problem.pixels->type, pixels);
}

// Channels [0, c) of pixels `pitch` elements apart; the others are poison.
Bytes spread_pixels(const Bytes& dense, std::size_t pixel_bytes, std::size_t pitch_bytes) {
  Bytes bytes(dense.size() / pixel_bytes * pitch_bytes, std::byte{DeviceBuffer::kPoison});
  for (std::size_t i = 0; i * pixel_bytes < dense.size(); ++i)
    std::copy_n(dense.begin() + static_cast<std::ptrdiff_t>(i * pixel_bytes), pixel_bytes,
                bytes.begin() + static_cast<std::ptrdiff_t>(i * pitch_bytes));
  return bytes;
}

// What preprocess, convolution and pooling make of x, each a launch.
Bytes run_chain(const StemProblem& problem, const TestConv& test, const Bytes& x) {
  const ConvProblem& conv = test.problem;
  Bytes values = x;
  if (problem.pixels) {
    values = run_layer(value_of(host::plan_preprocess({.dtype = conv.dtype,
                                                       .n = conv.n,
                                                       .h = conv.h,
                                                       .w = conv.w,
                                                       .c = conv.c,
                                                       .format = *problem.pixels})),
                       {.x = x,
                        .z = {},
                        .y_bytes = static_cast<std::size_t>(conv.input().elements()) * 2,
                        .images = conv.n});
  }
  const DeviceBuffer from(values),
      y(static_cast<std::size_t>(conv.output().elements()) * size_of(conv.dtype));
  check(value_of(test.conv.plan(conv)).run({.x = from.data(), .y = y.data()}));
  check(cudaDeviceSynchronize(), "the chain's convolution");
  if (!problem.pool) return y.download();
  host::PoolProblem pooling = problem.pooling();
  pooling.pitch = {};
  return run_layer(value_of(host::plan_pool(pooling)),
                   {.x = y.download(),
                    .z = {},
                    .y_bytes = static_cast<std::size_t>(problem.output().elements()) * 2,
                    .images = conv.n});
}

// The stem's y, without what is between its pixels, which stayed poison.
Bytes run_stem(const StemProblem& problem, const TestConv& test, const Bytes& x) {
  const std::size_t k = static_cast<std::size_t>(problem.conv.k) * 2;
  const std::size_t pitch =
      problem.conv.pitch.y != 0 ? static_cast<std::size_t>(problem.conv.pitch.y) * 2 : k;
  const std::size_t x_pitch = static_cast<std::size_t>(problem.conv.pitch.x) * 2;
  const auto pixels = static_cast<std::size_t>(problem.output().elements()) * 2 / k;
  const host::Layer layer = value_of(host::plan_stem(problem, stem_weights(test)));
  const Bytes y = run_layer(layer, {.x = x_pitch > 0 ? spread_pixels(x, 6, x_pitch) : x,
                                    .z = {},
                                    .y_bytes = pixels * pitch,
                                    .images = problem.conv.n});
  Bytes dense;
  for (std::size_t i = 0; i < pixels; ++i)
    dense.insert(dense.end(), y.begin() + static_cast<std::ptrdiff_t>(i * pitch),
                 y.begin() + static_cast<std::ptrdiff_t>(i * pitch + k));
  EXPECT_TRUE(spread_pixels(dense, k, pitch) == y) << "written between the pixels of y";
  return dense;
}

void expect_chain_bits(const StemProblem& problem, const TestConv& test, const Bytes& x) {
  const Bytes expected = run_chain(problem, test, x), got = run_stem(problem, test, x);
  ASSERT_EQ(got.size(), expected.size());
  std::size_t different = 0, first = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == expected[i]) continue;
    if (different++ == 0) first = i / 2;
  }
  const auto k = static_cast<std::size_t>(problem.conv.k);
  const auto q = static_cast<std::size_t>(problem.output().w);
  EXPECT_EQ(different, 0u) << "of " << got.size() << " bytes; first: row " << first / k / q
                           << " column " << first / k % q << " channel " << first % k << ": "
                           << oracle::decode(problem.conv.dtype, got)[first] << " instead of "
                           << oracle::decode(problem.conv.dtype, expected)[first];
}

constexpr auto kNchw = PixelLayout::nchw, kNhwc = PixelLayout::nhwc;
constexpr auto kU8 = PixelType::u8, kF16 = PixelType::f16, kF32 = PixelType::f32;
constexpr Padding kTorch = {1, 1, 1, 1}, kTf = {0, 1, 0, 1};

// Compiled for f16.
std::vector<int> stem_filters() {
  std::vector<int> filters;
  for (const host::StemKernel& kernel : host::stem_kernels()) {
    if (kernel.dtype == DataType::f16) filters.push_back(kernel.tile->filter);
  }
  return filters;
}

// Of every filter that is compiled.
void add_cases_of_each_filter(std::vector<StemCase>& all) {
  for (const int filter : stem_filters()) {
    const std::string name = "Filter" + std::to_string(filter);
    const Padding pad = Padding::same(filter / 2);
    all.push_back({name, 1, 42, 38, 32, filter, pad, {}, stem_format(kNchw, kF32)});
    all.push_back({name + "Odd", 1, 37, 41, 72, filter, pad, kTorch, stem_format(kNhwc, kU8)});
    all.push_back({name + "Bf16Tensor", 1, 33, 34, 40, filter, {0, 1, -1, 2}, kTf});
  }
}

std::vector<StemCase> stem_cases() {
  const Padding three = Padding::same(3), one = Padding::same(1);
  std::vector<StemCase> all = {
      {"Resnet", 2, 64, 64, 64, 7, three, kTorch, stem_format(kNchw, kF32)},
      {"ResnetOddWidth", 1, 61, 67, 64, 7, three, kTorch, stem_format(kNchw, kF32)},
      {"ResnetOddHeight", 3, 33, 70, 64, 7, three, kTorch, stem_format(kNhwc, kU8)},
      {"ResnetTensor", 2, 46, 58, 64, 7, three, kTorch},
      {"ResnetBf16", 1, 40, 50, 64, 7, three, kTorch, stem_format(kNchw, kF32)},
      {"ResnetBf16Tensor", 1, 40, 50, 64, 7, three, kTorch},
      {"ResnetSwapped", 1, 40, 50, 64, 7, three, kTorch, stem_format(kNchw, kU8, true)},
      {"ResnetSwappedPixels", 1, 40, 50, 64, 7, three, kTorch, stem_format(kNhwc, kU8, true)},
      {"ResnetSwappedOdd", 1, 40, 51, 64, 7, three, kTorch, stem_format(kNhwc, kF16, true)},
      {"Tf", 1, 62, 62, 64, 7, {2, 3, 2, 3}, kTf, stem_format(kNhwc, kF32)},
      {"TfPoolTwoBehind",
       1,
       44,
       52,
       64,
       7,
       {2, 3, 3, 2},
       Padding{0, 2, 0, 2},
       stem_format(kNhwc, kF16)},
      {"CeilMode", 1, 59, 57, 64, 7, three, Padding{}, stem_format(kNchw, kF16)},
      {"PoolPadTwo", 1, 36, 42, 64, 7, three, Padding{2, 2, 2, 2}, stem_format(kNchw, kU8)},
      {"PoolPadUneven", 1, 36, 42, 32, 7, three, Padding{2, 0, 0, 1}, stem_format(kNchw, kU8)},
      {"FewChannels", 1, 30, 34, 8, 7, three, kTorch, stem_format(kNhwc, kU8)},
      {"TwoBlocks", 2, 34, 30, 96, 7, three, kTorch, stem_format(kNchw, kF32)},
      {"SevenWithoutPool", 2, 45, 67, 64, 7, three, {}, stem_format(kNhwc, kU8)},
      {"SevenWithoutPoolEven", 1, 66, 70, 40, 7, {2, 3, 2, 3}, {}, stem_format(kNchw, kF16)},
      {"OnePixel", 2, 1, 1, 64, 7, three, kTorch, stem_format(kNchw, kF32)},
      {"OnePixelWithoutPool", 1, 1, 1, 16, 3, one, {}, stem_format(kNhwc, kF32)},
      {"Cropped", 1, 40, 44, 32, 7, {-2, 1, -3, 0}, kTorch, stem_format(kNhwc, kU8)},
      {"Mobilenet", 2, 64, 64, 32, 3, one, {}, stem_format(kNchw, kF32)},
      {"MobilenetOdd", 1, 67, 63, 32, 3, one, {}, stem_format(kNchw, kF32)},
      {"MobilenetTensor", 3, 35, 36, 32, 3, one, {}},
      {"Lite0", 1, 66, 70, 32, 3, {0, 1, 0, 1}, {}, stem_format(kNhwc, kU8)},
      {"Lite0Bf16", 1, 48, 38, 32, 3, {0, 1, 0, 1}, {}, stem_format(kNhwc, kU8)},
      {"ThreeNarrow", 1, 38, 40, 8, 3, one, {}, stem_format(kNhwc, kF16)},
      {"ThreeSixteen", 2, 38, 40, 16, 3, one, {}, stem_format(kNchw, kF16)},
      {"ThreeThreeBlocks", 2, 38, 41, 96, 3, one, {}, stem_format(kNchw, kU8)},
      {"ThreeWithPool", 2, 70, 66, 24, 3, one, kTorch, stem_format(kNhwc, kU8)},
      {"ThreeWithTfPool", 1, 66, 70, 64, 3, {0, 1, 0, 1}, kTf, stem_format(kNchw, kF32)},
      {"ThreeCropped", 1, 33, 44, 32, 3, {-1, 2, 4, -1}, {}, stem_format(kNchw, kU8)},
      {"PitchedY", 2, 38, 44, 32, 7, three, kTorch, stem_format(kNchw, kF32)},
      {"PitchedTensor", 2, 38, 44, 32, 3, one, {}},
      {"PitchedTensorWithPool", 1, 38, 45, 32, 7, three, kTorch},
  };
  add_cases_of_each_filter(all);
  for (StemCase& one_case : all) {
    if (one_case.name.find("Bf16") != std::string::npos) one_case.dtype = DataType::bf16;
    if (one_case.name == "CeilMode") one_case.ceil_mode = true;
    if (one_case.name == "PitchedY") one_case.pitch.y = 72;
    if (one_case.name == "PitchedTensor") one_case.pitch = {.x = 8, .y = 40};
    if (one_case.name == "PitchedTensorWithPool") one_case.pitch.x = 16;
    if (one_case.name == "MobilenetOdd") one_case.activation = Activation::relu6;
    if (one_case.name == "Lite0") one_case.activation = Activation::relu6;
    if (one_case.name == "ThreeSixteen") one_case.activation = Activation::hardswish;
    if (one_case.name == "ThreeNarrow") one_case.activation = Activation::silu;
    if (one_case.name == "TwoBlocks") one_case.activation = Activation::none;
    if (one_case.name == "ThreeWithPool") one_case.activation = Activation::none;
    if (one_case.name == "FewChannels") one_case.activation = Activation::silu;
  }
  return all;
}

class Stem : public testing::TestWithParam<StemCase> {};

TEST_P(Stem, HasTheBitsOfTheChain) {
  const StemProblem problem = GetParam().problem();
  const TestConv test = stem_conv(problem);
  expect_chain_bits(problem, test, random_x(problem, test));
}
INSTANTIATE_TEST_SUITE_P(, Stem, testing::ValuesIn(stem_cases()),
                         [](const auto& one) { return one.param.name; });

// The case of that name.
StemCase case_of(std::string_view name) {
  for (const StemCase& one : stem_cases()) {
    if (one.name == name) return one;
  }
  throw harness::Error(ErrorCode::invalid_argument, std::string(name));
}

// Here and there, at the corners, and where neighbouring tiles meet.
TEST(StemValues, NanAndInfinityAsInTheChain) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(),
                  kNan = std::numeric_limits<float>::quiet_NaN();
  for (const char* name : {"Resnet", "ResnetOddWidth", "ResnetBf16", "Tf", "Mobilenet", "OnePixel",
                           "PitchedTensor", "ResnetBf16Tensor"}) {
    SCOPED_TRACE(name);
    StemCase one = case_of(name);
    for (const Activation& activation : {Activation::relu, Activation::none}) {
      one.activation = activation;
      const StemProblem problem = one.problem();
      const TestConv test = stem_conv(problem);
      std::vector<float> x = test.inputs.x;
      const float special[] = {kNan, kInfinity, -kInfinity, -0.0f, 3e38f, -3e38f, 1e-40f};
      for (std::size_t i = 0; i < std::size(special); ++i)
        x[i * x.size() / std::size(special)] = special[i];
      x.back() = kNan;
      expect_chain_bits(problem, test,
                        problem.pixels ? encoded_pixels(problem.pixels->type, x)
                                       : oracle::encode(problem.conv.dtype, x));
    }
  }
}

TEST(StemValues, AreTheOracles) {
  std::vector<std::string> names = {"ResnetTensor", "ResnetBf16Tensor", "MobilenetTensor"};
  for (const int filter : stem_filters())
    names.push_back("Filter" + std::to_string(filter) + "Bf16Tensor");
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    StemProblem problem = case_of(name).problem();
    problem.pool.reset();
    for (const bool integers : {false, true}) {
      const TestConv test = stem_conv(problem, integers);
      const std::vector<float> y =
          oracle::decode(problem.conv.dtype, run_stem(problem, test, random_x(problem, test)));
      integers ? expect_exact(test, y) : expect_within_bound(test, y);
    }
  }
}

// A window's largest value, wherever in it: one more than others, at each of its places.
TEST(StemValues, PoolingSeesItsWholeWindow) {
  StemProblem problem = case_of("ResnetTensor").problem();
  const TestConv test = stem_conv(problem, true);
  const Bytes pooled = run_stem(problem, test, random_x(problem, test));
  const oracle::Pooling pooling = {
      .x = problem.conv.output(), .window = {3, 3}, .stride = {2, 2}, .pad = kTorch};
  const std::vector<double> exact = test.expected().y;
  const oracle::Expected expected =
      oracle::pool(problem.conv.dtype, pooling, std::vector<float>(exact.begin(), exact.end()));
  expect_layer(expected, problem.conv.dtype, pooled);
}

TEST(StemValues, SameBitsInEveryBatch) {
  for (const char* name : {"ResnetOddHeight", "MobilenetTensor", "ThreeThreeBlocks", "Resnet"}) {
    SCOPED_TRACE(name);
    StemCase one = case_of(name);
    one.n = 3;
    const StemProblem problem = one.problem();
    const TestConv test = stem_conv(problem);
    expect_batch_invariance(
        [&](int n) {
          StemProblem of_n = problem;
          of_n.conv.n = n;
          return value_of(host::plan_stem(of_n, stem_weights(test)));
        },
        {.x = random_x(problem, test),
         .z = {},
         .y_bytes = static_cast<std::size_t>(problem.output().elements()) * 2});
  }
}

// --- Counts

cuemu_counters count_stem(const StemProblem& problem, LaunchCost& cost, std::uint32_t& grid) {
  const TestConv test = stem_conv(problem);
  const host::Layer layer = value_of(host::plan_stem(problem, stem_weights(test)));
  cost = layer.cost();
  grid = layer.shape().grid;
  const LayerRun run = {.x = random_x(problem, test),
                        .z = {},
                        .y_bytes = static_cast<std::size_t>(problem.output().elements()) * 2,
                        .images = problem.conv.n,
                        .guards = Guards::none};
  cuemu_reset_counters();
  run_layer(layer, run);
  cuemu_counters counters{};
  cuemu_read_counters(&counters);
  return counters;
}

double shared_wavefronts(const cuemu_counters& counters) {
  double sum = 0;
  for (const cuemu_shared_traffic* traffic :
       {&counters.ldmatrix, &counters.async_copy, &counters.shared_load, &counters.shared_store})
    sum += static_cast<double>(traffic->wavefronts);
  return sum;
}

TEST(StemCounts, AreThoseOfTheModel) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  std::vector<std::string> names = {
      "Resnet",          "ResnetOddHeight",      "ResnetTensor", "ResnetBf16", "Tf",
      "TwoBlocks",       "SevenWithoutPoolEven", "Mobilenet",    "Lite0",      "ThreeThreeBlocks",
      "ThreeWithTfPool", "ResnetOddWidth",       "MobilenetOdd"};
  for (const int filter : stem_filters()) names.push_back("Filter" + std::to_string(filter));
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const StemProblem problem = case_of(name).problem();
    const bool odd = problem.conv.w % 2 != 0;  // element by element
    LaunchCost cost;
    std::uint32_t grid = 0;
    const cuemu_counters counters = count_stem(problem, cost, grid);
    EXPECT_EQ(counters.ctas, grid);
    EXPECT_EQ(counters.integer_divisions, 0u);
    const auto moved =
        static_cast<double>(counters.global_load.unique_bytes + counters.global_store.unique_bytes);
    EXPECT_NEAR(cost.dram_bytes, moved, 0.01 * moved) << "DRAM";
    const double sectors =
        32 * static_cast<double>(counters.global_load.sectors + counters.global_store.sectors);
    EXPECT_NEAR(cost.l2_bytes, sectors, 0.02 * sectors) << "L2";
    // Windows that the edge of the map clamps may meet in a bank.
    const double wavefronts = shared_wavefronts(counters);
    EXPECT_NEAR(cost.wavefronts, wavefronts,
                (odd                                   ? 0.01
                 : problem.conv.r == 3 && problem.pool ? 0.01
                                                       : 0) *
                    wavefronts)
        << "wavefronts";
    EXPECT_EQ(cost.executed_flops, static_cast<double>(counters.mma_flops)) << "products";
    if (problem.conv.k % 16 == 0) {
      EXPECT_EQ(counters.global_store.sectors, counters.global_store.ideal_sectors);
    }
  }
}

// ResNet-50's: the tensors once, and no conflicts but where a filter row ends.
TEST(StemCounts, OfResnet) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  StemCase one = case_of("Resnet");
  one.n = 1;
  one.h = one.w = 224;
  for (const auto& [type, layout, bytes] :
       {std::tuple{kF32, kNchw, 4}, std::tuple{kU8, kNhwc, 1}}) {
    one.pixels = stem_format(layout, type);
    const StemProblem problem = one.problem();
    LaunchCost cost;
    std::uint32_t grid = 0;
    const cuemu_counters counters = count_stem(problem, cost, grid);
    EXPECT_EQ(grid, 56u);
    const double tensors = 3 * 224 * 224 * bytes + 56 * 56 * 64 * 2, weights = 64 * 320 + 64 * 8;
    EXPECT_EQ(
        static_cast<double>(counters.global_load.unique_bytes + counters.global_store.unique_bytes),
        tensors + weights);
    EXPECT_EQ(counters.shared_store.wavefronts, counters.shared_store.ideal_wavefronts);
    EXPECT_EQ(counters.ldmatrix.wavefronts, counters.ldmatrix.ideal_wavefronts);
    EXPECT_EQ(counters.shared_load.wavefronts - counters.shared_load.ideal_wavefronts, 56u * 406);
    EXPECT_EQ(counters.barriers, 2u * 56);
    EXPECT_LT(static_cast<double>(counters.global_load.sectors),
              1.08 * static_cast<double>(counters.global_load.ideal_sectors));
  }
}

// --- Rules

TEST(StemRules, NameTheValueAndTheNearest) {
  const host::DeviceFigures a100 = {
      .capability = 80, .multiprocessors = 108, .shared_bytes = 166912};
  const StemProblem good = case_of("Resnet").problem();
  const auto rule = [&](auto&& change) {
    StemProblem problem = good;
    change(problem);
    return host::stem_rule(problem, a100);
  };
  EXPECT_EQ(rule([](auto&) {}), "");
  const auto expect = [&](const std::string& got, std::initializer_list<const char*> parts) {
    EXPECT_NE(got, "");
    for (const char* part : parts) EXPECT_NE(got.find(part), std::string::npos) << got;
  };
  expect(rule([](auto& p) { p.conv.dtype = DataType::f32; }), {"f16 and bf16", "f32"});
  expect(rule([](auto& p) { p.conv.c = 4; }), {"c = 4", "nearest: 3"});
  expect(rule([](auto& p) { p.conv.k = 60; }), {"k = 60", "k = 64"});
  expect(rule([](auto& p) { p.conv.s = 3; }), {"7x3", "nearest: 7x7"});
  expect(rule([](auto& p) { p.conv.r = 1; }), {"1x7", "nearest: 7x7"});
  expect(rule([](auto& p) { p.conv.r = p.conv.s = 2; }), {"2x2", "nearest: 3x3"});
  for (const int filter : stem_filters()) {
    const std::string name = std::to_string(filter) + "x" + std::to_string(filter);
    expect(rule([](auto& p) { p.conv.s = 3; }), {name.c_str()});
  }
  expect(rule([](auto& p) { p.conv.stride.w = 1; }), {"stride = 1", "nearest: 2"});
  expect(rule([](auto& p) { p.conv.dilation.h = 2; }), {"dilation = 2"});
  expect(rule([](auto& p) { p.conv.residual = true; }), {"residual"});
  expect(rule([](auto& p) { p.pool = Padding{3, 0, 0, 0}; }), {"pad = 3", "nearest: 2"});
  expect(rule([](auto& p) { p.pool = Padding{0, -1, 0, 0}; }), {"pad = -1", "nearest: 0"});
  expect(rule([](auto& p) { p.pixels->layout = PixelLayout::model; }), {"layout"});
  expect(rule([](auto& p) { p.pixels->scale[1] = std::numeric_limits<float>::infinity(); }),
         {"finite"});
  expect(rule([](auto& p) { p.conv.h = p.conv.w = 30000; }), {"32 bits", "pitch of x"});
  expect(rule([](auto& p) { p.conv.n = 1 << 29; }), {"tiles", "nearest: n = "});
  EXPECT_TRUE(fails_with(host::plan_stem(
                             [&] {
                               StemProblem problem = good;
                               problem.conv.k = 60;
                               return problem;
                             }(),
                             {}),
                         ErrorCode::unsupported, {"no kernel takes the stem", "k = 60"}));
}

}  // namespace
}  // namespace foldconv::kernel_tests
