// SPDX-License-Identifier: MIT
#include "harness/oracle/any_order.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "harness/oracle/pointwise.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::oracle {
namespace {

constexpr double kTanhApprox = 0x1p-11;

std::vector<float> absolute(std::vector<float> values) {
  for (float& value : values) value = std::fabs(value);
  return values;
}

std::vector<double> arguments_of_activation(ConvProblem problem, const ConvInputs& inputs) {
  problem.dtype = DataType::f32;
  problem.activation = Activation::none;
  return conv(problem, inputs).y;
}

bool approximates(const Activation& activation) {
  return activation == Activation::tanh || activation == Activation::sigmoid ||
         activation == Activation::silu || activation == Activation::gelu;
}

// What tanh.approx makes of act(v): sigmoid is 0.5 + 0.5 tanh(v / 2), silu v times that, gelu
// v / 2 times one more than something like a tanh.
double approximation(const Activation& activation, double v, double y) {
  switch (activation.kind) {
    case Activation::Kind::tanh:
      return kTanhApprox * std::fabs(y);
    case Activation::Kind::sigmoid:
      return kTanhApprox / 2;
    case Activation::Kind::silu:
    case Activation::Kind::gelu:
      return kTanhApprox / 2 * std::fabs(v);
    default:
      return 0;
  }
}

// `more`, and what the rounding to storage may grow by it.
void widen(DataType dtype, double more, double y, double& bound) {
  if (!std::isfinite(y) || !std::isfinite(bound) || !(more > 0)) return;
  bound += more + half_spacing(dtype, std::fabs(y) + bound + more) - half_spacing(dtype, y);
}

}  // namespace

std::vector<double> sums_of_magnitudes(ConvProblem problem, const ConvInputs& inputs) {
  problem.dtype = DataType::f32;
  problem.activation = Activation::none;
  problem.residual = false;
  return conv(problem, {.x = absolute(inputs.x),
                        .weights = absolute(inputs.weights),
                        .scale = absolute(inputs.scale),
                        .bias = std::vector<float>(inputs.bias.size()),
                        .residual = {}})
      .y;
}

void allow_approximate_activation(const ConvProblem& problem, std::span<const double> arguments,
                                  Expected& expected) {
  if (!approximates(problem.activation)) return;
  for (std::size_t i = 0; i < expected.y.size(); ++i) {
    const double y = expected.y[i];
    widen(problem.dtype, approximation(problem.activation, arguments[i], y), y, expected.bound[i]);
  }
}

Expected conv_in_any_order(const ConvProblem& problem, const ConvInputs& inputs) {
  Expected result = conv(problem, inputs);
  const std::vector<double> sizes = sums_of_magnitudes(problem, inputs);
  const int channels = problem.c / problem.groups;
  const double terms = static_cast<double>(problem.r) * problem.s * channels;
  const double unit = terms * (problem.dtype == DataType::f32 ? 0x1p-24 : 0x1p-23);
  const double slope = activation_slope(problem.activation);
  for (std::size_t i = 0; i < result.y.size(); ++i) {
    widen(problem.dtype, slope * unit / (1 - unit) * sizes[i], result.y[i], result.bound[i]);
  }
  if (approximates(problem.activation)) {
    allow_approximate_activation(problem, arguments_of_activation(problem, inputs), result);
  }
  return result;
}

}  // namespace foldconv::oracle
