// SPDX-License-Identifier: MIT
#include "harness/oracle/pointwise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "harness/oracle/fp32.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::oracle {
namespace {

// Error terms are evaluated at exact values; computed ones differ from them by a few kUlp.
constexpr double kSecondOrder = 1 + 0x1p-20;

// CUDA C++ Programming Guide, "Mathematical Functions": largest errors in ulp.
constexpr double kDivisionUlp = 2;  // __fdividef, and 1 ulp reciprocal times a rounded product
constexpr double kTanhUlp = 2;
constexpr double kErfUlp = 2;
constexpr double kRsqrtUlp = 2;
// __expf: 2 + floor(|1.173 v|), expf: 2. The faster one is allowed.
double exp_ulp(double v) {
  return 2 + 1.173 * std::fabs(v);
}

double logistic(double v) {
  return 1 / (1 + std::exp(-v));
}

// Relative error of 1 / (1 + exp(-v)) in fp32: the exponential's, weighted with its share of the
// sum, the sum's and the division's.
double logistic_relative_error(double v) {
  return (1 - logistic(v)) * exp_ulp(v) * kUlp + kHalfUlp + kDivisionUlp * kUlp;
}

// What the evaluation in fp32 at v adds, for a result y.
double evaluation_error(const Activation& activation, double v, double y) {
  switch (activation.kind) {
    case Activation::Kind::none:
    case Activation::Kind::relu:
    case Activation::Kind::relu6:
    case Activation::Kind::clip:
      return 0;
    case Activation::Kind::hard_sigmoid: {
      // A product and a sum, each rounded where they are not fused; the clamp takes the rest away.
      const double product = static_cast<double>(activation.alpha) * v;
      return kHalfUlp * (std::fabs(product) + std::fabs(product + activation.beta)) + kFlush;
    }
    case Activation::Kind::leaky_relu:
      return kHalfUlp * std::fabs(static_cast<double>(activation.alpha) * v);
    case Activation::Kind::sigmoid:
      return std::fabs(y) * logistic_relative_error(v) + 2 * kFlush;
    case Activation::Kind::silu:
      return std::fabs(y) * (logistic_relative_error(v) + kHalfUlp) +
             2 * kFlush * (1 + std::fabs(v));
    case Activation::Kind::tanh:
      return std::fabs(y) * kTanhUlp * kUlp;
    case Activation::Kind::hardswish: {
      // v + 3 (only its rounding inside the clamp counts), times v, over 6.
      const double sum_error = v >= -3 && v <= 3 ? kHalfUlp * (v + 3) : 0;
      return std::fabs(v) / 6 * sum_error + std::fabs(y) * (kHalfUlp + kDivisionUlp * kUlp);
    }
    case Activation::Kind::gelu: {
      // 0.5 v (1 + erf(a)), a = v / sqrt(2) with a rounded constant and a rounded product. For
      // v << 0 the sum cancels, and the error of erf stays.
      const double a = v / std::sqrt(2.0);
      const double slope = 2 / std::sqrt(std::acos(-1.0)) * std::exp(-a * a);
      const double erf_error =
          slope * std::fabs(a) * 2 * kHalfUlp + kErfUlp * kUlp * std::fabs(std::erf(a));
      const double sum = 1 + std::erf(a);
      return 0.5 * std::fabs(v) * (erf_error + kHalfUlp * sum) + std::fabs(y) * 2 * kHalfUlp;
    }
  }
  return 0;
}

}  // namespace

double activation_value(const Activation& activation, double v) {
  if (std::isnan(v)) return v;
  switch (activation.kind) {
    case Activation::Kind::none:
      return v;
    case Activation::Kind::relu:
      return std::max(v, 0.0);
    case Activation::Kind::relu6:
      return std::min(std::max(v, 0.0), 6.0);
    case Activation::Kind::leaky_relu:
      return v > 0 ? v : static_cast<double>(activation.alpha) * v;
    case Activation::Kind::silu:
      return v * logistic(v);
    case Activation::Kind::sigmoid:
      return logistic(v);
    case Activation::Kind::tanh:
      return std::tanh(v);
    case Activation::Kind::hardswish:
      return v * std::min(std::max(v + 3, 0.0), 6.0) / 6;
    case Activation::Kind::gelu:
      return v * 0.5 * (1 + std::erf(v / std::sqrt(2.0)));
    case Activation::Kind::hard_sigmoid:
      return std::max(0.0,
                      std::min(1.0, static_cast<double>(activation.alpha) * v + activation.beta));
    case Activation::Kind::clip:
      return std::min<double>(std::max<double>(v, activation.alpha), activation.beta);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double activation_slope(const Activation& activation) {
  switch (activation.kind) {
    case Activation::Kind::leaky_relu:
      return std::max(1.0, std::fabs(static_cast<double>(activation.alpha)));
    case Activation::Kind::silu:
      return 1.09984;  // at v = 2.3994
    case Activation::Kind::sigmoid:
      return 0.25;  // at 0
    case Activation::Kind::hardswish:
      return 1.5;  // at 3 from below
    case Activation::Kind::gelu:
      return 1.12891;  // at sqrt(2)
    case Activation::Kind::hard_sigmoid:
      return std::fabs(static_cast<double>(activation.alpha));
    case Activation::Kind::none:
    case Activation::Kind::relu:
    case Activation::Kind::relu6:
    case Activation::Kind::tanh:
    case Activation::Kind::clip:
      break;
  }
  return 1;
}

Bounded activate(const Activation& activation, Bounded v) {
  const double y = activation_value(activation, v.value);
  const double carried = activation_slope(activation) * v.error;
  const double evaluated = evaluation_error(activation, v.value, y);
  return {y, (carried + evaluated) * kSecondOrder};
}

Bounded batch_norm(double x, double gamma, double beta, double mean, double variance, double eps) {
  const double scale = gamma / std::sqrt(variance + eps);
  const double y = scale * (x - mean) + beta;
  // Six roundings at most in scale and product (variance + eps, rsqrt, two products), in either
  // form: gamma * (x - mean) * rsqrt + beta, or x * scale + (beta - mean * scale).
  const double product = std::fabs(scale) * (std::fabs(x) + std::fabs(mean));
  const double relative = (4 + 0.5) * kHalfUlp + kRsqrtUlp * kUlp;
  const double sums = kHalfUlp * (product + std::fabs(beta) + std::fabs(y));
  return {y, (product * relative + sums) * kSecondOrder + kFlush};
}

Bounded add(double x, double z) {
  return {x + z, kHalfUlp * std::fabs(x + z)};
}

Bounded store(DataType dtype, Bounded v) {
  if (!std::isfinite(v.value)) return {v.value, 0};
  const double threshold = overflow_threshold(dtype);
  const double smallest = std::fabs(v.value) - v.error;
  const double largest = std::fabs(v.value) + v.error;
  const double infinity = std::numeric_limits<double>::infinity();
  if (smallest >= threshold) return {std::copysign(infinity, v.value), 0};
  if (largest >= threshold) return {v.value, infinity};
  return {v.value, v.error + half_spacing(dtype, largest)};
}

}  // namespace foldconv::oracle
