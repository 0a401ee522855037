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
#include "kernels/support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "harness/oracle/any_order.hpp"
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

// One convolution as the oracle takes it, without the activation behind it.
struct Step {
  ConvProblem problem;
  std::vector<float> weights;
  std::vector<double> scale = {}, bias = {}, bias_error = {};  // k; e_b
  std::vector<double> weight_error = {};                       // e_w; empty: 0
};

Step step_of(const harness::LineConv& conv) {
  Step step{.problem = conv.problem,
            .weights = {conv.weights.values.begin(), conv.weights.values.end()}};
  step.problem.activation = Activation::none;
  const BatchNorm& norm = *conv.batch_norm;
  for (std::size_t k = 0; k < norm.gamma.size(); ++k) {
    const double deviation = std::sqrt(static_cast<double>(norm.variance[k]) + norm.eps.value);
    const double scale = static_cast<double>(norm.gamma[k]) / deviation;
    step.scale.push_back(scale);
    step.bias.push_back(static_cast<double>(norm.beta[k]) -
                        static_cast<double>(norm.mean[k]) * scale);
    step.bias_error.push_back(kUnit * std::fabs(step.bias.back()));
  }
  return step;
}

std::vector<float> floats(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// As floats whose magnitudes are not below theirs.
std::vector<float> rounded_up(const std::vector<double>& values) {
  std::vector<float> rounded;
  for (const double value : values) {
    rounded.push_back(static_cast<float>(value * (1 + 2 * kUnit)));
  }
  return rounded;
}

// |s| sum |x||w|.
std::vector<double> sums_of_magnitudes(const ConvProblem& problem, const std::vector<double>& x,
                                       const std::vector<float>& weights,
                                       const std::vector<double>& scale) {
  return oracle::sums_of_magnitudes(problem, {.x = rounded_up(x),
                                              .weights = weights,
                                              .scale = rounded_up(scale),
                                              .bias = std::vector<float>(scale.size()),
                                              .residual = {}});
}

double growth(const ConvProblem& problem) {
  const int steps = problem.r * problem.s * (problem.c / problem.groups / 16 + 2);
  return 1 + 2 * 16 * 0x1p-23 * (steps + 2);
}

Approximate conv(const Step& step, const Approximate& x, const Approximate* residual) {
  ConvProblem problem = step.problem;
  problem.residual = residual != nullptr;
  const oracle::Expected at_c =
      oracle::conv(problem, {.x = x.value,
                             .weights = step.weights,
                             .scale = floats(step.scale),
                             .bias = floats(step.bias),
                             .residual = residual ? residual->value : std::vector<float>{}});
  std::vector<double> carried = sums_of_magnitudes(problem, x.error, step.weights, step.scale);
  if (!step.weight_error.empty()) {
    std::vector<double> inputs = x.error;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] += std::fabs(static_cast<double>(x.value[i]));
    }
    const std::vector<double> ones(step.scale.size(), 1.0);
    const std::vector<double> rounded =
        sums_of_magnitudes(problem, inputs, rounded_up(step.weight_error), ones);
    for (std::size_t i = 0; i < carried.size(); ++i) carried[i] += rounded[i];
  }

  Approximate y{oracle::output_shape(problem), floats(at_c.y), {}};
  for (std::size_t i = 0; i < carried.size(); ++i) {
    const std::size_t k = i % step.bias.size();
    const double v = std::fabs(at_c.y[i]);
    const double z = residual ? std::fabs(static_cast<double>(residual->value[i])) : 0;
    const double z_error = residual ? residual->error[i] : 0;
    double error = at_c.bound[i] + growth(problem) * (carried[i] + z_error) +
                   kUnit * (3 * v + std::fabs(step.bias[k]) + z) + step.bias_error[k];
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

// [t | x] at each pixel of t; x with a stride.
Approximate side_by_side(const Approximate& t, const Approximate& x, int stride) {
  Approximate both;
  const auto append = [&both](const Approximate& from, std::ptrdiff_t pixel) {
    const std::ptrdiff_t first = pixel * from.shape.c, last = first + from.shape.c;
    both.value.insert(both.value.end(), from.value.begin() + first, from.value.begin() + last);
    both.error.insert(both.error.end(), from.error.begin() + first, from.error.begin() + last);
  };
  for (int row = 0; row < t.shape.n * t.shape.h; ++row) {
    const int x_row = row / t.shape.h * x.shape.h + row % t.shape.h * stride;
    for (int column = 0; column < t.shape.w; ++column) {
      append(t, row * t.shape.w + column);
      append(x, x_row * x.shape.w + column * stride);
    }
  }
  return both;
}

// The last convolution with the projection as a longer K: [w3 s3 | wd sd] of [t | x], one bias.
Approximate joined(const harness::Line& line, const Approximate& t, const Approximate& x) {
  const harness::LineConv &last = line.convs.back(), &side = *line.shortcut;
  const Step a = step_of(last), b = step_of(side);
  Step step = a;
  step.problem.c += side.problem.c;
  step.weights.clear();
  for (std::size_t k = 0; k < a.scale.size(); ++k) {
    for (const Step* part : {&a, &b}) {
      const std::size_t width = part->weights.size() / a.scale.size();
      for (std::size_t c = 0; c < width; ++c) {
        const double product = static_cast<double>(part->weights[k * width + c]) * part->scale[k];
        step.weights.push_back(static_cast<float>(product));
        step.weight_error.push_back(oracle::half_spacing(step.problem.dtype, product) +
                                    2 * kUnit * std::fabs(product));
      }
    }
    step.scale[k] = 1;
    step.bias[k] = a.bias[k] + b.bias[k];
    step.bias_error[k] = 2 * (a.bias_error[k] + b.bias_error[k]) + kUnit * std::fabs(step.bias[k]);
  }
  return conv(step, side_by_side(t, x, side.problem.stride.h), nullptr);
}

}  // namespace

oracle::Expected expect_block(const harness::Problem& problem) {
  const harness::Line& line = problem.lines.front();
  const Approximate x{line.input(), problem.x, std::vector<double>(problem.x.size())};
  Approximate inner;  // what the last convolution reads
  Approximate y = harness::walk(
      problem, x, Approximate(),
      [&](const harness::LineConv& each, const Approximate& from, const Approximate* residual) {
        Approximate to = conv(step_of(each), from, residual);
        if (&each == &line.convs.back()) {
          inner = from;
        } else if (each.problem.activation == Activation::relu) {
          relu(to);
        }
        return to;
      });
  if (line.shortcut && line.bottleneck()) {
    const Approximate other = joined(line, inner, x);
    for (std::size_t i = 0; i < y.error.size(); ++i) {
      // `other` is centred elsewhere.
      const double distance = std::fabs(static_cast<double>(other.value[i] - y.value[i]));
      y.error[i] = std::max(y.error[i], other.error[i] + 2 * distance);
    }
  }
  relu(y);
  return {{y.value.begin(), y.value.end()}, y.error};
}

}  // namespace foldconv::kernel_tests
