// SPDX-License-Identifier: MIT
// BatchNorm, add, activation and the final store, each as a value in double and the largest error
// that correct fp32 code may show for it.
#pragma once

#include "foldconv/activation.hpp"
#include "foldconv/tensor.hpp"

namespace foldconv::oracle {

// A real number and how far a computed one may lie from it.
struct Bounded {
  double value = 0;
  double error = 0;
};

// The activation in double, without any rounding.
double activation_value(const Activation& activation, double v);

// The largest |derivative|: how much an error of the argument can grow.
double activation_slope(const Activation& activation);

// act(v), evaluated in fp32 at a computed v.
Bounded activate(const Activation& activation, Bounded v);

// gamma * (x - mean) / sqrt(variance + eps) + beta, in fp32 from an exact x.
Bounded batch_norm(double x, double gamma, double beta, double mean, double variance, double eps);

// x + z, in fp32 from exact operands.
Bounded add(double x, double z);

// The rounding to the storage type. Where every value within the error overflows, the value is
// infinity and the error 0; where only some do, the error is infinite.
Bounded store(DataType dtype, Bounded v);

}  // namespace foldconv::oracle
