// SPDX-License-Identifier: MIT
// Squeeze and excite's gates, and the order of the means that they are made of.
#include "layer/gate.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "catalog/launch.hpp"
#include "catalog/registry.hpp"
#include "catalog/supported_device.hpp"
#include "cuemu.h"
#include "harness/problem/data.hpp"
#include "kernels/support/test_conv.hpp"
#include "kernels/support/test_layer.hpp"
#include "layer/layer_sizes.hpp"
#include "layer/pool.hpp"
#include "params/layer_params.hpp"

namespace foldconv::kernel_tests {
namespace {

// Of tiles of 8x8, as the documentation of the order says: columns, tiles, all.
std::vector<float> tile_sums(const std::vector<float>& x, int n, int h, int w, int c) {
  std::vector<float> sums;
  for (int image = 0; image < n; ++image) {
    for (int top = 0; top < h; top += 8) {
      for (int left = 0; left < w; left += 8) {
        for (int channel = 0; channel < c; ++channel) {
          float tile = 0;
          for (int column = left; column < left + 8 && column < w; ++column) {
            float sum = 0;
            for (int row = top; row < top + 8 && row < h; ++row)
              sum += x[static_cast<std::size_t>(((image * h + row) * w + column) * c + channel)];
            tile += sum;
          }
          sums.push_back(tile);
        }
      }
    }
  }
  return sums;
}

std::vector<float> means(DataType dtype, const std::vector<float>& sums, int n, int pixels, int c) {
  const auto channels = static_cast<std::size_t>(c);
  const std::size_t tiles = sums.size() / static_cast<std::size_t>(n) / channels;
  std::vector<float> result;
  for (std::size_t image = 0; image < static_cast<std::size_t>(n); ++image) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      float sum = 0;
      for (std::size_t tile = 0; tile < tiles; ++tile)
        sum += sums[(image * tiles + tile) * channels + channel];
      result.push_back(round_to(dtype, double{sum / static_cast<float>(pixels)}));
    }
  }
  return result;
}

host::Layer mean_of(DataType dtype, int n, int h, int w, int c) {
  return value_of(host::plan_pool({.dtype = dtype,
                                   .n = n,
                                   .h = h,
                                   .w = w,
                                   .c = c,
                                   .kind = host::PoolProblem::Kind::average,
                                   .window = {h, w}}));
}

template <class Params>
void launch_by_hand(host::LayerOp op, DataType dtype, std::uint32_t grid, Params params) {
  const auto* kernel = host::find_layer_kernel(op, dtype, value_of(host::current_figures()));
  check(host::launch(kernel->entry, {grid, kLayerThreads, 0}, &params, nullptr));
  check(cudaDeviceSynchronize(), kernel->name);
}

// Maps of one tile and of several, with tails; lanes from one to all of a warp; several passes of a CTA.
constexpr std::array<std::array<int, 4>, 14> kMaps = {{{2, 7, 7, 72},
                                                       {1, 1, 1, 8},
                                                       {3, 8, 8, 16},
                                                       {1, 8, 9, 24},
                                                       {1, 9, 8, 64},
                                                       {2, 14, 14, 40},
                                                       {1, 17, 15, 136},
                                                       {1, 5, 33, 32},
                                                       {1, 41, 3, 8},
                                                       {1, 28, 28, 24},
                                                       {2, 23, 19, 37},
                                                       {1, 13, 70, 3},
                                                       {1, 56, 40, 1},
                                                       {1, 2, 3, 33}}};

TEST(MeanOrder, IsTheDocumentedOne) {
  for (const DataType dtype : kEveryType) {
    for (const auto& [n, h, w, c] : kMaps) {
      const std::vector<float> x =
          spread_values(dtype, static_cast<std::size_t>(n * h * w * c), 31);
      const harness::Bytes y = run_layer(
          mean_of(dtype, n, h, w, c), {.x = oracle::encode(dtype, x),
                                       .z = {},
                                       .y_bytes = static_cast<std::size_t>(n * c) * size_of(dtype),
                                       .images = n});
      EXPECT_EQ(oracle::decode(dtype, y), means(dtype, tile_sums(x, n, h, w, c), n, h * w, c))
          << to_string(dtype) << ' ' << n << 'x' << h << 'x' << w << 'x' << c;
    }
  }
}

// Minus zeros, too: each sum begins at +0.
TEST(MeanOrder, BeginsAtPlusZero) {
  for (const DataType dtype : kEveryType) {
    const harness::Bytes zeros(8 * size_of(dtype));
    const harness::Bytes y =
        run_layer(mean_of(dtype, 1, 9, 3, 8),
                  {.x = oracle::encode(dtype, std::vector<float>(std::size_t{9} * 3 * 8, -0.0f)),
                   .z = {},
                   .y_bytes = zeros.size()});
    EXPECT_TRUE(y == zeros) << to_string(dtype);
  }
}

// Layers have a CTA for each map until there are thousands. Lanes of a whole warp: then several warps write what the first
// reads.
TEST(MeanOrder, IsThatOfMapsThatShareACta) {
  const DataType dtype = DataType::f16;
  const int n = 5, h = 9, w = 3, c = 136;
  const std::vector<float> x = spread_values(dtype, static_cast<std::size_t>(n * h * w * c), 32);
  const DeviceBuffer from(oracle::encode(dtype, x)), to(static_cast<std::size_t>(n * c) * 2);
  GlobalPoolParams params = {};
  params.x = from.data();
  params.y = to.data();
  params.units = n;
  params.pixels = h * w;
  params.c = params.x_pitch = params.y_pitch = c;
  params.h = h;
  params.w = w;
  params.tiles = 2;
  params.vector = 1;
  params.lane_bits = 5;
  params.groups = host::fast_division(1);
  params.tile_columns = host::fast_division(1);
  launch_by_hand(host::LayerOp::global_average_pool, dtype, 2, params);
  EXPECT_EQ(oracle::decode(dtype, to.download()),
            means(dtype, tile_sums(x, n, h, w, c), n, h * w, c));
}

struct GateCase {
  int n, h, w, c, hidden, outputs;
  Activation squeeze, excite;
};
const Activation kHardSigmoid = Activation::hard_sigmoid(1 / 6.0f, 0.5f);

// Widths below, at and above slices of K, with tails of 8 outputs.
const GateCase kGates[] = {
    {1, 7, 7, 64, 16, 64, Activation::relu, kHardSigmoid},
    {3, 9, 5, 72, 24, 72, Activation::relu, kHardSigmoid},
    {2, 1, 1, 8, 8, 8, Activation::none, Activation::sigmoid},
    {1, 14, 14, 96, 4, 96, Activation::silu, Activation::sigmoid},
    {11, 2, 3, 40, 10, 40, Activation::relu, Activation::none},
    {2, 8, 17, 136, 65, 136, Activation::silu, Activation::sigmoid},
    {1, 7, 7, 328, 130, 200, Activation::hardswish, Activation::tanh},
    {2, 3, 3, 37, 9, 21, Activation::gelu, Activation::leaky_relu(0.1f)},
    {1, 5, 5, 1, 1, 1, Activation::relu6, Activation::sigmoid},
};

FoldedConv folded_linear(DataType dtype, int c, int k, std::uint64_t seed) {
  const ConvProblem problem = {.dtype = dtype, .h = 1, .w = 1, .c = c, .k = k};
  const oracle::RawConv raw = oracle::make_raw(problem, {.seed = seed});
  return value_of(
      fold(harness::weights_of(problem, raw), harness::batch_norm_of(raw), {.dtype = dtype}));
}

harness::Bytes by_1x1(const FoldedConv& folded, int n, const Activation& activation,
                      const harness::Bytes& x) {
  const Conv conv = value_of(Conv::create(folded));
  const ConvPlan plan = value_of(conv.plan({.n = n, .h = 1, .w = 1}, {.activation = activation},
                                           {.instructions = Instructions::sm80}));
  const DeviceBuffer from(x, Guards::shifted),
      to(static_cast<std::size_t>(n * folded.k()) * size_of(folded.dtype()), Guards::shifted);
  check(plan.run({.x = from.data(), .y = to.data()}));
  check(cudaDeviceSynchronize(), "1x1");
  return to.download();
}

class GateOf : public testing::TestWithParam<DataType> {};

TEST_P(GateOf, BitsOfTheMeanAndTwo1x1s) {
  const DataType dtype = GetParam();
  for (const GateCase& one : kGates) {
    SCOPED_TRACE(std::to_string(one.n) + " images, " + std::to_string(one.c) + " -> " +
                 std::to_string(one.hidden) + " -> " + std::to_string(one.outputs));
    const std::vector<float> x =
        spread_values(dtype, static_cast<std::size_t>(one.n * one.h * one.w * one.c), 41);
    const FoldedConv squeeze = folded_linear(dtype, one.c, one.hidden, 42),
                     excite = folded_linear(dtype, one.hidden, one.outputs, 43);
    const host::GateWeights weights = value_of(host::GateWeights::create(squeeze, excite));
    const harness::Bytes mean =
        run_layer(mean_of(dtype, one.n, one.h, one.w, one.c),
                  {.x = oracle::encode(dtype, x),
                   .z = {},
                   .y_bytes = static_cast<std::size_t>(one.n * one.c) * size_of(dtype),
                   .images = one.n});
    const harness::Bytes wanted =
        by_1x1(excite, one.n, one.excite, by_1x1(squeeze, one.n, one.squeeze, mean));
    const std::vector<float> sums = tile_sums(x, one.n, one.h, one.w, one.c);
    for (const bool from_sums : {false, true}) {
      const auto plan = [&](int n) {
        return value_of(host::plan_gate({.n = n,
                                         .h = one.h,
                                         .w = one.w,
                                         .from_sums = from_sums,
                                         .squeeze = one.squeeze,
                                         .excite = one.excite},
                                        weights));
      };
      const LayerRun run = {.x = from_sums ? oracle::encode(DataType::f32, sums) : mean,
                            .z = {},
                            .y_bytes = wanted.size(),
                            .images = one.n};
      EXPECT_TRUE(run_layer(plan(one.n), run) == wanted) << (from_sums ? "sums" : "means");
      if (one.n == 3) expect_batch_invariance(plan, run);
    }
  }
}

// Nine images of eight a CTA, for a device of one SM would have to share weights: here a batch beyond the SMs.
TEST_P(GateOf, ManyImages) {
  const DataType dtype = GetParam();
  const int n = 300, c = 16;
  const std::vector<float> x = random_values(dtype, static_cast<std::size_t>(n * c), 51);
  const FoldedConv squeeze = folded_linear(dtype, c, 8, 52),
                   excite = folded_linear(dtype, 8, c, 53);
  const host::GateWeights weights = value_of(host::GateWeights::create(squeeze, excite));
  const host::Layer layer = value_of(host::plan_gate({.n = n}, weights));
  EXPECT_LT(layer.shape().grid, static_cast<unsigned>(n));
  const harness::Bytes mean = oracle::encode(dtype, x);
  EXPECT_TRUE(run_layer(layer, {.x = mean, .z = {}, .y_bytes = mean.size(), .images = n}) ==
              by_1x1(excite, n, Activation::none, by_1x1(squeeze, n, Activation::none, mean)));
}

// Layers have CTAs for all images until there are thousands: here two take fourteen images, three at a time.
TEST_P(GateOf, ImagesThatShareACta) {
  const DataType dtype = GetParam();
  const int n = 14, c = 40, hidden = 10;
  const FoldedConv squeeze = folded_linear(dtype, c, hidden, 54),
                   excite = folded_linear(dtype, hidden, c, 55);
  const host::GateWeights weights = value_of(host::GateWeights::create(squeeze, excite));
  const harness::Bytes mean =
      oracle::encode(dtype, random_values(dtype, static_cast<std::size_t>(n * c), 56));
  const DeviceBuffer x(mean), y(mean.size());
  const auto linear = [&](std::size_t part, int inputs, int outputs) {
    return GateLinear{weights.memory.part(part),
                      static_cast<const float*>(weights.memory.part(part + 1)),
                      static_cast<const float*>(weights.memory.part(part + 2)),
                      inputs,
                      outputs,
                      host::activation_params(Activation::none)};
  };
  GateParams params = {};
  params.x = x.data();
  params.y = y.data();
  params.units = n;
  params.pixels = 1;
  params.images = 3;
  params.squeeze = linear(0, c, hidden);
  params.excite = linear(3, hidden, c);
  cuemu_counters counters{};
  if (cuemu_present() != 0) cuemu_reset_counters();
  launch_by_hand(host::LayerOp::gate, dtype, 2, params);
  if (cuemu_present() != 0) {
    cuemu_read_counters(&counters);
    EXPECT_EQ(counters.global_store.bytes, mean.size()) << "each image is one CTA's";
  }
  EXPECT_TRUE(y.download() ==
              by_1x1(excite, n, Activation::none, by_1x1(squeeze, n, Activation::none, mean)));
}

// Scale and bias in one rounding: their sum is what the product's rounding lost, which storage types have room for.
TEST_P(GateOf, ScalesByFusedMultiplyAdds) {
  const DataType dtype = GetParam();
  const int c = 8;
  std::vector<float> identity(64), x(c), gamma(c), beta(c), wanted(c);
  const std::vector<float> zeros(c), ones(c, 1.0f);
  for (std::size_t i = 0; i < c; ++i) {
    identity[i * 9] = 1;
    x[i] = static_cast<float>(133 + 14 * i);
    gamma[i] = 3.14159274f + 0.123456f * static_cast<float>(i);
    const double product = double{gamma[i]} * x[i];
    beta[i] = -static_cast<float>(product);
    wanted[i] = round_to(dtype, product + double{beta[i]});
    EXPECT_NE(wanted[i], 0);
  }
  const ConvWeights given = {.values = identity, .k = c, .c_per_group = c, .r = 1, .s = 1};
  const BatchNorm norm = {
      .gamma = gamma, .beta = beta, .mean = zeros, .variance = ones, .eps = Epsilon(0)};
  const FoldOptions options = {.dtype = dtype, .placement = ScalePlacement::epilogue};
  const FoldedConv squeeze = value_of(fold(given, norm, options)),
                   excite = value_of(fold(given, std::nullopt, options));
  const host::GateWeights weights = value_of(host::GateWeights::create(squeeze, excite));
  EXPECT_EQ(oracle::decode(
                dtype,
                run_layer(value_of(host::plan_gate({}, weights)),
                          {.x = oracle::encode(dtype, x), .z = {}, .y_bytes = c * size_of(dtype)})),
            wanted);
}

INSTANTIATE_TEST_SUITE_P(, GateOf, testing::ValuesIn(kEveryType),
                         [](const auto& test) { return std::string(to_string(test.param)); });

TEST(Gate, NanAndInfinityStayInTheirImage) {
  const DataType dtype = DataType::f16;
  std::vector<float> x = random_values(dtype, 3 * 24, 61);
  x[24 + 3] = std::numeric_limits<float>::infinity();
  x[24 + 4] = std::numeric_limits<float>::quiet_NaN();
  const FoldedConv squeeze = folded_linear(dtype, 24, 9, 62),
                   excite = folded_linear(dtype, 9, 24, 63);
  const host::GateWeights weights = value_of(host::GateWeights::create(squeeze, excite));
  const host::Layer layer = value_of(host::plan_gate(
      {.n = 3, .squeeze = Activation::relu, .excite = Activation::sigmoid}, weights));
  const harness::Bytes mean = oracle::encode(dtype, x);
  const harness::Bytes y =
      run_layer(layer, {.x = mean, .z = {}, .y_bytes = mean.size(), .images = 3});
  EXPECT_TRUE(y ==
              by_1x1(excite, 3, Activation::sigmoid, by_1x1(squeeze, 3, Activation::relu, mean)));
  const std::vector<float> gates = oracle::decode(dtype, y);
  for (std::size_t i = 0; i < gates.size(); ++i) EXPECT_EQ(std::isnan(gates[i]), i / 24 == 1) << i;
}

TEST(Gate, ReadsWeightsOnceACta) {
  if (cuemu_present() == 0) GTEST_SKIP() << "counters need the emulator";
  const FoldedConv squeeze = folded_linear(DataType::f16, 256, 64, 71),
                   excite = folded_linear(DataType::f16, 64, 256, 72);
  const host::GateWeights weights = value_of(host::GateWeights::create(squeeze, excite));
  const host::Layer layer =
      value_of(host::plan_gate({.h = 14, .w = 14, .from_sums = true}, weights));
  cuemu_counters counters{};
  cuemu_reset_counters();
  run_layer(layer,
            {.x = harness::Bytes(4 * 256 * 4), .z = {}, .y_bytes = 512, .guards = Guards::none});
  cuemu_read_counters(&counters);
  const auto moved =
      static_cast<double>(counters.global_load.unique_bytes + counters.global_store.unique_bytes);
  EXPECT_NEAR(moved, layer.cost().dram_bytes, 0.02 * moved);
  const double weight_bytes = 2 * 2 * 256 * 64, sum_bytes = 4 * 256 * 4;
  EXPECT_LT(32.0 * static_cast<double>(counters.global_load.sectors),
            1.2 * (weight_bytes + sum_bytes));
  EXPECT_EQ(counters.shared_load.wavefronts, counters.shared_load.ideal_wavefronts);
}

TEST(Gate, RefusesWhatDoesNotFit) {
  EXPECT_EQ(host::gate_rule(DataType::f16, 2304, 96), "");
  EXPECT_NE(host::gate_rule(DataType::f16, 20000, 5000), "");
  EXPECT_NE(host::gate_rule(DataType::f32, 10000, 500), "");
}

}  // namespace
}  // namespace foldconv::kernel_tests
