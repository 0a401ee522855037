// SPDX-License-Identifier: MIT
#include "harness/oracle/simulated_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "harness/oracle/any_vectors.hpp"

namespace foldconv::oracle {
namespace {

constexpr int kSliceChannels = 64;
constexpr std::size_t kTensorCoreGroup = 8;

float to_storage(DataType dtype, float value) {
  return static_cast<float>(round_to_storage(dtype, static_cast<double>(value)));
}

// Products and the accumulator cut to multiples of 2^-24 of the largest addend's power of two (one
// extra bit), their exact sum then cut to 24 bits.
float add_group(float accumulator, const std::vector<double>& products) {
  double largest = std::fabs(static_cast<double>(accumulator));
  for (const double product : products) largest = std::max(largest, std::fabs(product));
  if (largest == 0) return accumulator;
  const int cut = std::ilogb(largest) - 24;
  // Products of two floats are far above double's smallest numbers: scaling is exact.
  const auto truncated = [](double value, int exponent) {
    return std::trunc(value * power_of_two(-exponent)) * power_of_two(exponent);
  };
  double sum = truncated(static_cast<double>(accumulator), cut);
  for (const double product : products) sum += truncated(product, cut);
  if (sum == 0) return 0;
  return static_cast<float>(truncated(sum, std::ilogb(sum) - 23));
}

// Without the machine's own instruction every product would be a call.
FOLDCONV_ANY_VECTORS
float add_fused(float accumulator, const float* x, const float* w, int count) {
  for (int i = 0; i < count; ++i) accumulator = std::fma(x[i], w[i], accumulator);
  return accumulator;
}

class Simulation {
 public:
  Simulation(const ConvProblem& problem, const ConvInputs& inputs, const SimulationOptions& options)
      : problem_(problem),
        inputs_(inputs),
        options_(options),
        shape_(output_shape(problem)),
        x_(inputs.x),
        outside_(static_cast<std::size_t>(problem.c)) {
    if (has(Fault::swapped_channels)) {
      for (std::size_t i = 0; i < x_.size(); i += outside_.size()) std::swap(x_[i], x_[i + 1]);
    }
    weights_.reserve(inputs.weights.size());
    for (int k = 0; k < problem.k; ++k) {
      for (int tap = 0; tap < problem.r * problem.s; ++tap) {
        for (int c = 0; c < problem.c; ++c) weights_.push_back(weight(k, tap, c));
      }
    }
  }

  std::vector<float> run() const {
    std::vector<float> y;
    y.reserve(static_cast<std::size_t>(shape_.elements()));
    for (int n = 0; n < shape_.n; ++n) {
      for (int p = 0; p < shape_.h; ++p) {
        for (int q = 0; q < shape_.w; ++q) {
          for (int k = 0; k < shape_.c; ++k) {
            y.push_back(finish(sum(n, p, q, k), static_cast<std::size_t>(k), y.size()));
          }
        }
      }
    }
    return y;
  }

 private:
  bool has(Fault fault) const { return options_.fault == fault; }

  // The channels of a pixel.
  const float* pixel(int n, int h, int w) const {
    if (has(Fault::border_replicated)) {
      h = std::clamp(h, 0, problem_.h - 1);
      w = std::clamp(w, 0, problem_.w - 1);
    }
    if (h < 0 || h >= problem_.h || w < 0 || w >= problem_.w) return outside_.data();
    return &x_[static_cast<std::size_t>(((n * problem_.h + h) * problem_.w + w) * problem_.c)];
  }

  // Of inputs_, with the fault.
  float weight(int k, int tap, int c) const {
    const int taps = problem_.r * problem_.s;
    if (has(Fault::dropped_tap) && tap == taps - 1) return 0;
    if (has(Fault::dropped_product) && tap == taps - 1 && c == problem_.c - 1) return 0;
    if (has(Fault::swapped_taps)) tap = tap % problem_.s * problem_.r + tap / problem_.s;
    return inputs_.weights[static_cast<std::size_t>((k * problem_.c + c) * taps + tap)];
  }

  float sum(int n, int p, int q, int k) const {
    const int taps = problem_.r * problem_.s;
    float accumulator = 0;
    std::vector<double> group;
    for (int first = 0; first < problem_.c; first += kSliceChannels) {
      for (int tap = 0; tap < taps; ++tap) {
        const int r = tap / problem_.s, s = tap % problem_.s;
        const float* x =
            pixel(n, p * problem_.stride.h - problem_.pad.top + r * problem_.dilation.h,
                  q * problem_.stride.w - problem_.pad.left + s * problem_.dilation.w);
        const float* w = &weights_[static_cast<std::size_t>((k * taps + tap) * problem_.c)];
        const int last = std::min(first + kSliceChannels, problem_.c);
        if (options_.accumulation == Accumulation::fused_multiply_add) {
          accumulator = add_fused(accumulator, x + first, w + first, last - first);
          continue;
        }
        for (int c = first; c < last; ++c) {
          group.push_back(static_cast<double>(x[c]) * static_cast<double>(w[c]));
          if (group.size() == kTensorCoreGroup) {
            accumulator = add_group(accumulator, group);
            group.clear();
          }
        }
      }
      if (has(Fault::rounded_partial_sums)) accumulator = to_storage(problem_.dtype, accumulator);
    }
    return add_group(accumulator, group);
  }

  float finish(float sum, std::size_t k, std::size_t at) const {
    const bool relu = problem_.activation == Activation::relu;
    const float bias = has(Fault::missing_bias) ? 0 : inputs_.bias[k];
    if (has(Fault::rounded_sum)) sum = to_storage(problem_.dtype, sum);
    float v = has(Fault::scaled_bias) ? inputs_.scale[k] * (sum + bias)
                                      : std::fma(inputs_.scale[k], sum, bias);
    if (has(Fault::rounded_before_residual)) v = to_storage(problem_.dtype, v);
    if (has(Fault::relu_before_residual)) v = std::max(v, 0.0f);
    if (problem_.residual && !has(Fault::missing_residual)) {
      const std::size_t step = has(Fault::residual_of_next_pixel) ? inputs_.bias.size() : 0;
      v += inputs_.residual[(at + step) % inputs_.residual.size()];
    }
    if (relu && !has(Fault::relu_before_residual)) v = std::max(v, 0.0f);
    const float stored = to_storage(problem_.dtype, v);
    if (has(Fault::truncated_store) && std::fabs(stored) > std::fabs(v)) {
      const double spacing = 2 * half_spacing(problem_.dtype, static_cast<double>(v));
      return stored - std::copysign(static_cast<float>(spacing), stored);
    }
    return stored;
  }

  const ConvProblem& problem_;
  const ConvInputs& inputs_;
  const SimulationOptions options_;
  const Shape shape_;
  std::vector<float> x_;
  std::vector<float> outside_;  // zeros
  std::vector<float> weights_;  // [k][tap][c]
};

}  // namespace

std::vector<float> simulate(const ConvProblem& problem, const ConvInputs& inputs,
                            const SimulationOptions& options) {
  return Simulation(problem, inputs, options).run();
}

ConvInputs plain_inputs(const ConvProblem& problem, const RawConv& raw) {
  ConvInputs inputs{
      .x = raw.x, .weights = raw.weights, .scale = {}, .bias = {}, .residual = raw.residual};
  for (float& w : inputs.weights) w = to_storage(problem.dtype, w);
  for (std::size_t k = 0; k < static_cast<std::size_t>(problem.k); ++k) {
    const double conv_bias = raw.conv_bias.empty() ? 0 : static_cast<double>(raw.conv_bias[k]);
    double scale = 1, shift = conv_bias;
    if (!raw.mean.empty()) {
      scale = static_cast<double>(raw.gamma[k]) /
              std::sqrt(static_cast<double>(raw.variance[k]) + raw.eps);
      shift =
          (conv_bias - static_cast<double>(raw.mean[k])) * scale + static_cast<double>(raw.beta[k]);
    }
    inputs.scale.push_back(static_cast<float>(scale));
    inputs.bias.push_back(static_cast<float>(shift));
  }
  return inputs;
}

}  // namespace foldconv::oracle
