// SPDX-License-Identifier: MIT
// Let E be the exact result of the unfolded block at some tensor between two convolutions, G what a
// kernel stores there, and C a float in between that the oracle goes on from. Each tensor carries
//   e >= |G - C| + |C - E|,
// so that e bounds |G - E|; for x, e = 0. A convolution of weights w, folded scale s and bias b,
// with an optional residual z, makes of it
//   e' = B + growth * (|s| sum |w| e + e_z) + u (3 |v| + |b| + |z|) + e_b
// and at last half the storage type's spacing, taken at |v| + e' (B has it at |v|):
//   B                 the oracle's bound for exact inputs C: sums and epilogue in fp32, the store;
//   |s| sum |w| e     what the convolution makes of its input's error;
//   growth            the oracle's running bound at G in the place of C: each of the steps' partial
//                     sums is off by at most sum |w| e, and a step costs 16 * 2^-23 of it; twice
//                     that covers its divisor and the roundings of the epilogue;
//   u = 2^-24         s rounded to fp32, of which |v| + |b| + |z| is no less than |s sum w x|, and C
//                     rounded to float, which moves it away from both G and E;
//   e_b               b rounded to fp32: u |b|.
// The weights themselves are exact in the storage type, and folding leaves them so, with the scale
// in the epilogue. Only a projection that is summed as a longer K has its scale in the weights,
// which adds sum (|x| + e) e_w, with e_w half the storage type's spacing at |w s| and 2 u |w s| for
// the oracle's weights being floats; its bias is the sum of two that are rounded before and after.
// Where a block has such a projection, both ways to compute it are allowed, and the larger bound
// counts.
//
// A ReLU passes on e at most, and nothing where C + e <= 0: then G and E are 0 as well. For C < 0,
// relu(C + |G - C|) + relu(C + |C - E|) <= relu(C + e).
#include "kernels/support/block_bound.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "harness/oracle/rounding.hpp"
#include "harness/problem/walk.hpp"

namespace foldconv::kernel_tests {
namespace {

constexpr double kUnit = 0x1p-24;

struct Approximate {
  Shape shape;
  std::vector<float> value;   // C, NHWC
  std::vector<double> error;  // e
};

struct Affine {
  std::vector<double> scale, bias;
  std::vector<double> bias_error;  // e_b
};

// One convolution as the oracle takes it.
struct Step {
  ConvProblem problem;
  std::vector<float> weights;
  Affine affine;
  std::vector<double> weight_error;  // e_w; empty: 0
};

Affine folded(const harness::LineConv& conv) {
  const BatchNorm& norm = *conv.batch_norm;
  Affine affine;
  for (std::size_t k = 0; k < norm.gamma.size(); ++k) {
    const double deviation = std::sqrt(static_cast<double>(norm.variance[k]) + norm.eps.value);
    const double scale = static_cast<double>(norm.gamma[k]) / deviation;
    affine.scale.push_back(scale);
    affine.bias.push_back(static_cast<double>(norm.beta[k]) -
                          static_cast<double>(norm.mean[k]) * scale);
    affine.bias_error.push_back(kUnit * std::fabs(affine.bias.back()));
  }
  return affine;
}

std::vector<float> floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// Magnitudes as floats that are not below them.
std::vector<float> magnitudes(const std::vector<double>& values) {
  std::vector<float> rounded_up;
  for (const double value : values) {
    rounded_up.push_back(static_cast<float>(std::fabs(value) * (1 + 2 * kUnit)));
  }
  return rounded_up;
}

std::vector<double> doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

// |s| sum |x||w|.
std::vector<double> sum_of_magnitudes(ConvProblem problem, const std::vector<double>& x,
                                      const std::vector<double>& weights,
                                      const std::vector<double>& scale) {
  problem.dtype = DataType::f32;
  problem.residual = false;
  const std::vector<float> no_bias(scale.size());
  return oracle::conv(problem, {.x = magnitudes(x),
                                .weights = magnitudes(weights),
                                .scale = magnitudes(scale),
                                .bias = no_bias,
                                .residual = {}})
      .y;
}

double growth(const ConvProblem& problem) {
  const int steps = problem.r * problem.s * (problem.c / problem.groups / 16 + 2);
  return 1 + 2 * 16 * 0x1p-23 * (steps + 2);
}

Approximate conv(const Step& step, const Approximate& x, const Approximate* residual) {
  ConvProblem problem = step.problem;
  problem.residual = residual != nullptr;
  const std::vector<double> weights = doubles(step.weights);
  const oracle::Expected at_c =
      oracle::conv(problem, {.x = x.value,
                             .weights = step.weights,
                             .scale = floats(step.affine.scale),
                             .bias = floats(step.affine.bias),
                             .residual = residual ? residual->value : std::vector<float>{}});
  std::vector<double> carried = sum_of_magnitudes(problem, x.error, weights, step.affine.scale);
  if (!step.weight_error.empty()) {
    std::vector<double> inputs = x.error;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] += std::fabs(static_cast<double>(x.value[i]));
    }
    const std::vector<double> ones(step.affine.scale.size(), 1.0);
    const std::vector<double> rounded = sum_of_magnitudes(problem, inputs, step.weight_error, ones);
    for (std::size_t i = 0; i < carried.size(); ++i) carried[i] += rounded[i];
  }

  Approximate y{oracle::output_shape(problem), floats(at_c.y), {}};
  for (std::size_t i = 0; i < carried.size(); ++i) {
    const std::size_t k = i % step.affine.bias.size();
    const double v = std::fabs(at_c.y[i]);
    const double z = residual ? std::fabs(static_cast<double>(residual->value[i])) : 0;
    const double z_error = residual ? residual->error[i] : 0;
    double error = at_c.bound[i] + growth(problem) * (carried[i] + z_error) +
                   kUnit * (3 * v + std::fabs(step.affine.bias[k]) + z) + step.affine.bias_error[k];
    error +=
        oracle::half_spacing(problem.dtype, v + error) - oracle::half_spacing(problem.dtype, v);
    y.error.push_back(error);
  }
  return y;
}

void relu(Approximate& tensor) {
  for (std::size_t i = 0; i < tensor.value.size(); ++i) {
    const double value = tensor.value[i];
    if (value >= 0) continue;
    tensor.value[i] = 0;
    tensor.error[i] = std::max(0.0, value + tensor.error[i]);
  }
}

// Without the activation behind it.
Step make_step(const harness::LineConv& conv) {
  Step step{.problem = conv.problem,
            .weights = {conv.weights.values.begin(), conv.weights.values.end()},
            .affine = folded(conv),
            .weight_error = {}};
  step.problem.activation = Activation::none;
  return step;
}

// [last | x], x with the block's stride.
Approximate concatenated(const Approximate& last, const Approximate& x, int stride) {
  Approximate joined{last.shape, {}, {}};
  joined.shape.c += x.shape.c;
  const auto append = [&](const Approximate& source, int image, int row, int column) {
    const Shape& shape = source.shape;
    const std::ptrdiff_t first =
        ((static_cast<std::ptrdiff_t>(image) * shape.h + row) * shape.w + column) * shape.c;
    const std::ptrdiff_t end = first + shape.c;
    joined.value.insert(joined.value.end(), source.value.begin() + first,
                        source.value.begin() + end);
    joined.error.insert(joined.error.end(), source.error.begin() + first,
                        source.error.begin() + end);
  };
  for (int image = 0; image < last.shape.n; ++image) {
    for (int row = 0; row < last.shape.h; ++row) {
      for (int column = 0; column < last.shape.w; ++column) {
        append(last, image, row, column);
        append(x, image, row * stride, column * stride);
      }
    }
  }
  return joined;
}

// [w3 s3 | wd sd], one bias.
Step merged(const harness::LineConv& last, const harness::LineConv& downsample) {
  const Affine a = folded(last), b = folded(downsample);
  const DataType dtype = last.problem.dtype;
  Step step = make_step(last);
  step.problem.c += downsample.problem.c;
  step.weights.clear();
  for (std::size_t k = 0; k < a.scale.size(); ++k) {
    const auto append = [&](const ConvWeights& weights, double scale) {
      const auto width = static_cast<std::size_t>(weights.c_per_group);
      for (std::size_t c = 0; c < width; ++c) {
        const double product = static_cast<double>(weights.values[k * width + c]) * scale;
        step.weights.push_back(static_cast<float>(product));
        step.weight_error.push_back(oracle::half_spacing(dtype, product) +
                                    2 * kUnit * std::fabs(product));
      }
    };
    append(last.weights, a.scale[k]);
    append(downsample.weights, b.scale[k]);
    step.affine.scale[k] = 1;
    step.affine.bias[k] = a.bias[k] + b.bias[k];
    step.affine.bias_error[k] =
        2 * (a.bias_error[k] + b.bias_error[k]) + kUnit * std::fabs(step.affine.bias[k]);
  }
  return step;
}

}  // namespace

oracle::Expected expect_block(const harness::Problem& problem) {
  const harness::Line& line = problem.lines.front();
  const Approximate x{line.input(), problem.x, std::vector<double>(problem.x.size())};
  Approximate inner;  // what the last convolution reads
  Approximate y = harness::walk(
      problem, x, Approximate(),
      [&](const harness::LineConv& each, const Approximate& from, const Approximate* residual) {
        Approximate to = conv(make_step(each), from, residual);
        if (&each == &line.convs.back()) {
          inner = from;
        } else if (each.problem.activation == Activation::relu) {
          relu(to);
        }
        return to;
      });
  if (line.shortcut && line.bottleneck()) {
    const Approximate other =
        conv(merged(line.convs.back(), *line.shortcut),
             concatenated(inner, x, line.shortcut->problem.stride.h), nullptr);
    for (std::size_t i = 0; i < y.error.size(); ++i) {
      // `other` is centred elsewhere.
      const double distance = std::fabs(static_cast<double>(other.value[i] - y.value[i]));
      y.error[i] = std::max(y.error[i], other.error[i] + 2 * distance);
    }
  }
  relu(y);
  return {doubles(y.value), y.error};
}

}  // namespace foldconv::kernel_tests
