// SPDX-License-Identifier: MIT
// The depthwise kernel: the bits of the direct kernel and the oracle's values, whatever the cut; what it moves, counted; what
// the model says of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "catalog/depthwise.hpp"
#include "cuemu.h"
#include "fold/pack.hpp"
#include "harness/problem/data.hpp"
#include "kernels/support/catalog_kernels.hpp"
#include "kernels/support/large_tensors.hpp"
#include "kernels/support/shapes.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

using harness::Bytes;

constexpr Activation kEveryActivation[] = {Activation::none,
                                           Activation::relu,
                                           Activation::relu6,
                                           Activation::silu,
                                           Activation::sigmoid,
                                           Activation::tanh,
                                           Activation::gelu,
                                           Activation::hardswish,
                                           Activation::leaky_relu(0.2f),
                                           Activation::clip(-0.5f, 0.75f),
                                           Activation::hard_sigmoid(0.2f, 0.5f)};

ConvProblem depthwise(const Shape& x, int filter, int stride, const Padding& pad) {
  return {.n = x.n,
          .h = x.h,
          .w = x.w,
          .c = x.c,
          .k = x.c,
          .r = filter,
          .s = filter,
          .stride = {stride, stride},
          .pad = pad,
          .groups = x.c};
}
ConvProblem depthwise(const Shape& x, int filter, int stride) {
  return depthwise(x, filter, stride, Padding::same(filter / 2));
}

std::string kernel_for(const ConvProblem& problem) {
  const std::string filter = std::to_string(problem.r);
  return std::string("depthwise_") + to_string(problem.dtype) + "_" + filter + "x" + filter +
         "_sm80";
}

// Shapes: outputs that end anywhere in a tile, one quad, one row; channels in pieces and not, more and fewer than a cut's;
// windows that begin and end outside, wholly outside, and in a cropped image.
const std::vector<ConvProblem>& shapes() {
  static const std::vector<ConvProblem> all = [] {
    std::vector<ConvProblem> of_all = {
        depthwise({1, 1, 1, 2}, 3, 1),
        depthwise({1, 1, 1, 8}, 5, 2),
        depthwise({3, 7, 7, 96}, 3, 1),
        depthwise({1, 7, 7, 136}, 5, 1),
        depthwise({2, 8, 8, 64}, 3, 1),
        depthwise({1, 14, 14, 144}, 3, 1),
        depthwise({2, 14, 14, 48}, 5, 1),
        depthwise({1, 28, 28, 40}, 3, 1),
        depthwise({1, 33, 35, 16}, 3, 1),
        depthwise({1, 112, 20, 32}, 3, 1),
        depthwise({1, 16, 70, 16}, 5, 1),
        depthwise({1, 56, 56, 24}, 3, 2),
        depthwise({2, 15, 13, 72}, 3, 2),
        depthwise({1, 28, 28, 96}, 5, 2),
        depthwise({3, 9, 10, 56}, 5, 2),
        depthwise({2, 9, 7, 33}, 3, 1),
        depthwise({1, 12, 11, 17}, 5, 2),
        depthwise({1, 19, 23, 5}, 3, 2),
        depthwise({1, 10, 9, 3}, 5, 1),
        depthwise({5, 3, 3, 24}, 3, 1),
        depthwise({1, 3, 2, 64}, 5, 1),
        depthwise({1, 1, 37, 32}, 3, 1),
        depthwise({1, 41, 1, 32}, 5, 1),
        depthwise({1, 14, 15, 64}, 3, 2, {0, 1, 0, 1}),
        depthwise({1, 17, 18, 32}, 5, 2, {1, 2, 1, 2}),
        depthwise({2, 10, 9, 24}, 3, 1, {-1, 1, 1, -2}),
        depthwise({1, 12, 21, 16}, 5, 1, {-2, 3, -3, 1}),
        depthwise({1, 4, 5, 48}, 3, 1, {9, 3, 8, 6}),
        depthwise({1, 4, 5, 10}, 3, 2, {9, 7, 8, 10}),
        depthwise({1, 6, 7, 64}, 5, 2, {11, 12, 0, 13}),
        depthwise({1, 9, 9, 16}, 3, 1, {0, 0, 0, 0}),
        depthwise({1, 3, 3, 200}, 3, 1, {0, 0, 0, 0}),
        depthwise({1, 20, 20, 264}, 3, 1),
        depthwise({1, 26, 9, 68}, 3, 1),
    };
    // Of every filter that is compiled.
    for (const ConvKernel& kernel : host::conv_kernels()) {
      if (kernel.depthwise == nullptr || kernel.dtype != DataType::f16) continue;
      const int filter = kernel.depthwise->filter;
      of_all.push_back(depthwise({2, 13, 10, 40}, filter, 1));
      of_all.push_back(depthwise({1, 19, 17, 9}, filter, 2));
      of_all.push_back(depthwise({1, 7, 12, 24}, filter, 1, {filter, 0, -1, filter - 2}));
      of_all.push_back(depthwise({1, 15, 15, 72}, filter, 2, {0, filter / 2, 0, filter / 2}));
    }
    return of_all;
  }();
  return all;
}

// The problem with something of everything, by its number.
ConvProblem varied(ConvProblem problem, std::size_t i, DataType dtype) {
  problem.dtype = dtype;
  problem.activation = kEveryActivation[i % std::size(kEveryActivation)];
  problem.residual = i % 2 == 0;
  return problem;
}

class Depthwise : public testing::TestWithParam<DataType> {};

TEST_P(Depthwise, HasTheBitsOfDirect) {
  for (std::size_t i = 0; i < shapes().size(); ++i) {
    // The others' code differs in how an element is read and rounded.
    if (GetParam() != DataType::f16 && i % 2 == 0) continue;
    const ConvProblem problem = varied(shapes()[i], i, GetParam());
    SCOPED_TRACE(to_string(problem));
    const TestConv test = make_conv(problem, {.conv_bias = true, .seed = 81});
    const Bytes wanted =
        run_bytes(test, {.kernel = direct_kernel(problem.dtype), .guards = Guards::none});
    EXPECT_TRUE(run_bytes(test, {.kernel = kernel_for(problem), .in_place = i % 4 == 0}) == wanted);
    if (i % 5 == 0) expect_within_bound(test, oracle::decode(problem.dtype, wanted));
  }
}

TEST_P(Depthwise, IntegersAreExact) {
  for (std::size_t i = 3; i < shapes().size(); i += 7) {
    ConvProblem problem = varied(shapes()[i], i, GetParam());
    problem.activation = Activation::relu;
    const TestConv test = make_conv(problem, {.conv_bias = true, .integers = true});
    expect_exact(test, run(test, {.kernel = kernel_for(problem), .guards = Guards::none}));
  }
}

// NaN, infinities and zeros of either sign, in x and in the residual; sums so small that they become -0.
TEST_P(Depthwise, OddValuesAsInDirect) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                  kInfinity = std::numeric_limits<float>::infinity();
  for (const int stride : {1, 2}) {
    for (const ConvKernel& kernel : host::conv_kernels()) {
      if (kernel.depthwise == nullptr || kernel.dtype != GetParam()) continue;
      const int filter = kernel.depthwise->filter;
      for (const int channels : {24, 9}) {
        for (const Activation& activation : {Activation::none, Activation::relu6}) {
          ConvProblem problem = depthwise({2, 13, 11, channels}, filter, stride);
          problem.dtype = GetParam();
          problem.activation = activation;
          problem.residual = stride == 2;
          oracle::RawConv raw = oracle::make_raw(problem, {.batch_norm = false, .seed = 82});
          const float tiny = GetParam() == DataType::f16 ? 0x1p-24f : 0x1p-120f;
          for (std::size_t i = 0; i < raw.weights.size(); i += 3) raw.weights[i] = -tiny;
          TestConv test = make_conv(problem, raw);
          std::mt19937 engine(7);
          const float odd[] = {kNan, kInfinity, -kInfinity, 0.0f, -0.0f, tiny, -tiny};
          for (std::vector<float>* values : {&test.inputs.x, &test.inputs.residual}) {
            for (float& value : *values) {
              if (engine() % 3 == 0) value = odd[3 + engine() % 4];
              if (engine() % 97 == 0) value = odd[engine() % 3];
            }
          }
          EXPECT_TRUE(run_bytes(test, {.kernel = kernel_for(problem)}) ==
                      run_bytes(test, {.kernel = direct_kernel(problem.dtype)}))
              << to_string(problem);
        }
      }
    }
  }
}

// Products that underflow to -0, and a bias of -0: in the last column of y the taps outside, whose weights are positive, would
// make +0 of it if they were added as zeros.
TEST_P(Depthwise, SkipsWhatLiesOutside) {
  ConvProblem problem = depthwise({1, 9, 10, 16}, 3, 1);
  problem.dtype = GetParam();
  oracle::RawConv raw =
      oracle::make_raw(problem, {.batch_norm = false, .conv_bias = true, .seed = 89});
  const float tiny = GetParam() == DataType::f16 ? 0x1p-24f : 0x1p-120f;
  for (std::size_t i = 0; i < raw.weights.size(); ++i) raw.weights[i] = i % 3 == 2 ? tiny : -tiny;
  std::ranges::fill(raw.x, tiny);
  std::ranges::fill(raw.conv_bias, -0.0f);
  const TestConv test = make_conv(problem, raw);
  const Bytes wanted = run_bytes(test, {.kernel = direct_kernel(problem.dtype)});
  EXPECT_TRUE(run_bytes(test, {.kernel = kernel_for(problem)}) == wanted);
  const std::vector<float> values = oracle::decode(problem.dtype, wanted);
  EXPECT_TRUE(std::signbit(values.back()));
}

// Parts of the channels of wider tensors, with NaN beside them.
TEST_P(Depthwise, PartsOfWiderTensorsGiveTheSameBits) {
  const auto chunk = static_cast<int>(16 / size_of(GetParam()));
  for (const ConvProblem& shape :
       {depthwise({2, 11, 9, 40}, 3, 1), depthwise({1, 13, 18, 24}, 5, 2),
        depthwise({2, 9, 7, 13}, 3, 2), depthwise({1, 9, 12, 70}, 5, 1)}) {
    ConvProblem problem = shape;
    problem.dtype = GetParam();
    problem.residual = true;
    problem.activation = Activation::silu;
    TestConv test = make_conv(problem, {.conv_bias = true, .seed = 83});
    const Bytes wanted = run_bytes(test, {.kernel = kernel_for(problem)});
    const int least = (shape.c + chunk - 1) / chunk * chunk;
    for (const Pitches& pitch : {Pitches{least + 3 * chunk, least + chunk, least + 2 * chunk},
                                 Pitches{0, 0, least + 5 * chunk}, Pitches{least + chunk, 0, 0},
                                 Pitches{0, least + 2 * chunk, 0}}) {
      test.problem.pitch = pitch;
      EXPECT_TRUE(run_bytes(test, {.kernel = kernel_for(problem)}) == wanted)
          << to_string(test.problem);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, Depthwise, testing::Values(DataType::f16, DataType::bf16, DataType::f32),
                         [](const auto& test) { return std::string(to_string(test.param)); });

// Every cut, launched by hand: no bits depend on it.
TEST(DepthwiseCuts, GiveTheSameBits) {
  constexpr DepthwiseTile kTile = {3};
  const host::ConvKernel* kernel = host::find_conv_kernel("depthwise_f16_3x3_sm80");
  ASSERT_NE(kernel, nullptr);
  for (const int stride : {1, 2}) {
    const int size = stride == 1 ? 35 : 67;
    ConvProblem problem = depthwise({1, size - 12, size, 72}, 3, stride);
    problem.activation = Activation::relu6;
    const oracle::RawConv raw = oracle::make_raw(problem, {.conv_bias = true, .seed = 87});
    const TestConv test = make_conv(problem, raw);
    const Bytes wanted = run_bytes(test, {.kernel = kernel->name, .guards = Guards::none});
    EXPECT_TRUE(wanted == run_bytes(test, {.kernel = "direct_f16_sm80", .guards = Guards::none}));

    const FoldedConv folded = value_of(fold(harness::weights_of(problem, raw),
                                            harness::batch_norm_of(raw), {.dtype = problem.dtype}));
    const auto bytes_of = [](auto values) {
      const auto bytes = std::as_bytes(values);
      return Bytes(bytes.begin(), bytes.end());
    };
    const DeviceBuffer x(oracle::encode(problem.dtype, test.inputs.x)), w(host::pack(folded)),
        scale(bytes_of(folded.scale()), Guards::none), bias(bytes_of(folded.bias()), Guards::none);
    int cuts = 0;
    for (const DepthwiseCut& cut : host::depthwise_cuts(kTile, problem)) {
      const DeviceBuffer y(wanted.size());
      DepthwiseParams params = host::depthwise_params(cut, problem);
      params.x = x.data();
      params.w = w.data();
      params.scale = static_cast<const float*>(scale.data());
      params.bias = static_cast<const float*>(bias.data());
      params.y = y.data();
      check(host::launch(kernel->entry, host::depthwise_launch_shape(kTile, cut, problem), &params,
                         nullptr));
      check(cudaDeviceSynchronize(), "run");
      EXPECT_TRUE(y.download() == wanted)
          << cut.log_pairs << " " << cut.tiles_w << " " << cut.tiles_h;
      ++cuts;
    }
    EXPECT_GE(cuts, 7);
  }
}

TEST(DepthwiseSelection, IsTakenBeforeDirect) {
  for (std::size_t i = 0; i < shapes().size(); i += 5) {
    const ConvProblem problem = varied(shapes()[i], i, DataType::f16);
    const TestConv test = make_conv(problem, {.seed = 84});
    EXPECT_EQ(value_of(test.conv.plan(problem)).explanation().kernel, kernel_for(problem));
  }
  // What it does not take: a multiplier, other filters, dilations, strides.
  ConvProblem problem = depthwise({1, 9, 9, 16}, 3, 1);
  const std::vector<void (*)(ConvProblem&)> others = {
      [](ConvProblem& p) { p.k = 32; },
      [](ConvProblem& p) { p.groups = 8; },
      [](ConvProblem& p) { p.s = 5; },
      [](ConvProblem& p) { p.r = p.s = unknown_depthwise_filter(); },
      [](ConvProblem& p) {
        p.stride = {1, 2};
      },
      [](ConvProblem& p) {
        p.stride = {3, 3};
      },
      [](ConvProblem& p) {
        p.dilation = {2, 1};
      },
      [](ConvProblem& p) {
        p.dilation = {1, 2};
      }};
  for (const auto& change : others) {
    ConvProblem other = problem;
    change(other);
    const TestConv test = make_conv(other, {.seed = 85});
    EXPECT_EQ(value_of(test.conv.plan(other)).explanation().kernel, "direct_f16_sm80")
        << to_string(other);
  }
}

// --- Tensors of more than 2^31 elements

// The end of x, of the residual and of y has content; the last CTAs make what a small problem's do.
class LargeDepthwise : public LargeTensors {
 protected:
  void expect_end_of(ConvProblem small, const ConvProblem& large, std::uint64_t ctas) {
    EXPECT_GT(large.input().elements(), std::int64_t{1} << 31);
    const TestConv test = make_conv(small, {.conv_bias = true, .seed = 88});
    const Bytes wanted = run_bytes(test, {.kernel = kernel_for(small), .guards = Guards::none});
    const auto ending_in = [&](const Bytes& end) {
      const std::int64_t bytes = large.input().elements() * 2;
      std::byte* const tensor = allocate(bytes);
      put(tensor + bytes - static_cast<std::int64_t>(end.size()), end);
      return tensor;
    };
    const std::byte* const x = ending_in(oracle::encode(small.dtype, test.inputs.x));
    const std::byte* const residual = ending_in(oracle::encode(small.dtype, test.inputs.residual));
    std::byte* const y = ending_in(Bytes(wanted.size(), std::byte{0xff}));
    const ConvPlan plan = value_of(test.conv.plan(large, {.kernel = kernel_for(large)}));
    run_ctas(-static_cast<std::int64_t>(ctas), ctas,
             [&] { check(plan.run({.x = x, .residual = residual, .y = y})); });
    const Bytes got =
        get(y + large.output().elements() * 2 - static_cast<std::int64_t>(wanted.size()),
            wanted.size());
    std::size_t made = 0;
    for (std::size_t i = 0; i < got.size(); i += 2) {
      if (got[i] == std::byte{0xff} && got[i + 1] == std::byte{0xff}) continue;
      ASSERT_TRUE(got[i] == wanted[i] && got[i + 1] == wanted[i + 1]) << "element " << i / 2;
      ++made;
    }
    EXPECT_GE(made, ctas * 64 * static_cast<std::size_t>(std::min(small.c, 4)));
  }
};

TEST_F(LargeDepthwise, ManyImages) {
  ConvProblem small = depthwise({2, 4, 4, 64}, 3, 1);
  small.residual = true;
  ConvProblem large = small;
  large.n = (1 << 21) + 1;
  expect_end_of(small, large, 2);
}

TEST_F(LargeDepthwise, OneImage) {
  ConvProblem small = depthwise({1, 48, 64, 16}, 5, 1);
  small.residual = true;
  ConvProblem large = small;
  large.h = (1 << 21) + 8;
  expect_end_of(small, large, 1);
}

TEST_F(LargeDepthwise, ManyPixels) {
  ConvProblem small = depthwise({1, 48, 64, 2}, 3, 1);
  small.residual = true;
  ConvProblem large = small;
  large.h = (1 << 25) + 8;
  expect_end_of(small, large, 1);
}

// --- Counters

struct Counted {
  cuemu_counters counters{};
  LaunchCost cost;
};

Counted count(const ConvProblem& problem) {
  const TestConv test = make_conv(problem, {.seed = 86});
  const ConvPlan plan = value_of(test.conv.plan(problem, {.kernel = kernel_for(problem)}));
  Counted counted;
  counted.cost = plan.explanation().cost;
  cuemu_reset_counters();
  run(test, {.kernel = kernel_for(problem), .guards = Guards::none});
  cuemu_read_counters(&counted.counters);
  return counted;
}

class DepthwiseCounters : public testing::TestWithParam<ConvProblem> {
 protected:
  void SetUp() override {
    if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  }
};

double sum_of_wavefronts(const cuemu_counters& counters) {
  return double(counters.async_copy.wavefronts + counters.shared_load.wavefronts +
                counters.shared_store.wavefronts);
}

TEST_P(DepthwiseCounters, NothingIsWasted) {
  const ConvProblem& problem = GetParam();
  const auto [counters, cost] = count(problem);
  EXPECT_EQ(counters.async_copy.wavefronts, counters.async_copy.ideal_wavefronts);
  EXPECT_EQ(counters.shared_load.wavefronts, counters.shared_load.ideal_wavefronts);
  EXPECT_EQ(counters.shared_store.instructions, 0u);
  EXPECT_EQ(counters.global_load.sectors, counters.global_load.ideal_sectors);
  EXPECT_EQ(counters.global_store.sectors, counters.global_store.ideal_sectors);
  EXPECT_EQ(counters.integer_divisions, 0u);
  EXPECT_EQ(counters.launches, 1u);
  const double dram =
      double(counters.global_load.unique_bytes + counters.global_store.unique_bytes);
  EXPECT_LE(dram, 1.15 * least_cost(problem).dram_bytes);

  EXPECT_EQ(cost.tiles, double(counters.ctas));
  EXPECT_EQ(cost.dram_bytes, dram);
  EXPECT_EQ(cost.l2_bytes,
            32.0 * double(counters.global_load.sectors + counters.global_store.sectors));
  EXPECT_EQ(cost.wavefronts, sum_of_wavefronts(counters));
}

ConvProblem of(DataType dtype, ConvProblem problem, bool residual = false) {
  problem.dtype = dtype;
  problem.residual = residual;
  return problem;
}

INSTANTIATE_TEST_SUITE_P(, DepthwiseCounters,
                         testing::Values(of(DataType::f16, depthwise({1, 112, 112, 32}, 3, 1)),
                                         of(DataType::f16, depthwise({1, 56, 56, 144}, 3, 1)),
                                         of(DataType::f16, depthwise({1, 56, 56, 144}, 5, 2)),
                                         of(DataType::bf16, depthwise({1, 14, 14, 576}, 3, 2)),
                                         of(DataType::f16, depthwise({1, 7, 7, 960}, 3, 1), true),
                                         of(DataType::f16, depthwise({1, 14, 14, 672}, 5, 1)),
                                         of(DataType::bf16, depthwise({3, 7, 7, 1152}, 5, 1)),
                                         of(DataType::f32, depthwise({1, 14, 14, 96}, 3, 1), true),
                                         of(DataType::f32, depthwise({1, 31, 17, 48}, 5, 2))),
                         [](const auto& test) {
                           const ConvProblem& p = test.param;
                           return std::string(to_string(p.dtype)) + "_" + std::to_string(p.h) +
                                  "x" + std::to_string(p.w) + "x" + std::to_string(p.c) + "_" +
                                  std::to_string(p.r) + "_s" + std::to_string(p.stride.h);
                         });

}  // namespace
}  // namespace foldconv::kernel_tests
