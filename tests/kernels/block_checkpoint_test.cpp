// SPDX-License-Identifier: MIT
// A 16-bit checkpoint keeps its weights as they are: a block's error is that of its rounding points
// alone, as if nothing had been folded.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "foldconv/block.hpp"
#include "harness/oracle/rounding.hpp"
#include "kernels/support/test_blocks.hpp"

namespace foldconv::kernel_tests {
namespace {

constexpr DataType kType = DataType::bf16;
constexpr int kSize = 5, kWidth = 64;  // of the image; channels of every tensor

using Tensor = std::vector<double>;  // kSize x kSize x kWidth

struct Layer {
  int r;
  std::vector<float> weights, gamma, beta, mean, variance;

  Layer(int size, std::mt19937& random) : r(size) {
    std::uniform_real_distribution<float> value(-1, 1), factor(0.6f, 1.4f);
    const double spread = 1 / std::sqrt(double(kWidth * r * r));
    for (int i = 0; i < kWidth * kWidth * r * r; ++i) {
      weights.push_back(float(oracle::round_to_storage(kType, spread * double(value(random)))));
    }
    for (int i = 0; i < kWidth; ++i) {
      gamma.push_back(factor(random));
      variance.push_back(factor(random));
      beta.push_back(value(random));
      mean.push_back(value(random));
    }
  }
  BlockLayer layer() const {
    return {{.values = weights, .k = kWidth, .c_per_group = kWidth, .r = r, .s = r},
            BatchNorm{.gamma = gamma,
                      .beta = beta,
                      .mean = mean,
                      .variance = variance,
                      .eps = Epsilon{1e-5}}};
  }
  // Convolution and BatchNorm in double precision, neither folded nor rounded.
  Tensor operator()(const Tensor& x) const {
    Tensor y(std::size_t(kSize * kSize * kWidth));
    const int pad = r / 2;
    for (int h = 0; h < kSize; ++h)
      for (int w = 0; w < kSize; ++w)
        for (int k = 0; k < kWidth; ++k) {
          double sum = 0;
          for (int u = std::max(0, pad - h); u < std::min(r, kSize + pad - h); ++u)
            for (int v = std::max(0, pad - w); v < std::min(r, kSize + pad - w); ++v)
              for (int c = 0; c < kWidth; ++c)
                sum += double(weights[std::size_t(((k * kWidth + c) * r + u) * r + v)]) *
                       x[std::size_t(((h + u - pad) * kSize + w + v - pad) * kWidth + c)];
          const auto i = std::size_t(k);
          y[std::size_t((h * kSize + w) * kWidth + k)] =
              (sum - double(mean[i])) / std::sqrt(double(variance[i]) + 1e-5) * double(gamma[i]) +
              double(beta[i]);
        }
    return y;
  }
};

Tensor stored(Tensor values, bool relu) {
  for (double& value : values)
    value = oracle::round_to_storage(kType, relu ? std::max(value, 0.0) : value);
  return values;
}

TEST(BlockCheckpoint, KeepsItsWeights) {
  std::mt19937 random(7);
  const Layer conv1(1, random), conv2(3, random), conv3(1, random), downsample(1, random);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> x(std::size_t(kSize * kSize * kWidth));
  for (float& element : x) element = float(oracle::round_to_storage(kType, double(value(random))));

  const Tensor input(x.begin(), x.end());
  const Tensor t2 = stored(conv2(stored(conv1(input), true)), true);
  const Tensor shortcut = stored(downsample(input), false);
  Tensor expected = conv3(t2);
  double rounding = 0;  // the mean square of what rounding y once gives
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] += shortcut[i];
    const double half = oracle::half_spacing(kType, expected[i]);
    rounding += half * half / 3;
  }

  const BottleneckWeights weights = {.conv1 = conv1.layer(),
                                     .conv2 = conv2.layer(),
                                     .conv3 = conv3.layer(),
                                     .downsample = downsample.layer(),
                                     .last = Activation::none};
  // Of y against `expected`, in units of its rounding.
  const auto error_of = [&](const FoldOptions& options, BlockShortcut::Kind kind) {
    const Block block = value_of(Block::create(weights, options));
    const BlockPlan plan = value_of(block.plan({1, kSize, kSize}));
    EXPECT_EQ(plan.explanation().shortcuts.front().kind, kind);
    const auto y = oracle::decode(kType, run_block(plan, kType, oracle::encode(kType, x)));
    double sum = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error = double(y[i]) - expected[i];
      sum += error * error;
    }
    return std::sqrt(sum / rounding);
  };
  using Kind = BlockShortcut::Kind;
  EXPECT_LT(error_of({.dtype = kType}, Kind::convolution), 1.1);
  // What the rule is for: weights that take up their scale are rounded again.
  EXPECT_GT(error_of({.dtype = kType, .placement = ScalePlacement::weights}, Kind::joined), 1.3);
}

}  // namespace
}  // namespace foldconv::kernel_tests
