// SPDX-License-Identifier: MIT
// The oracle's bound for others than this library: sums in any order, approximate activations. What cuDNN is
// judged by.
#pragma once

#include <span>
#include <vector>

#include "harness/oracle/oracle.hpp"

namespace foldconv::oracle {

// The oracle's result. Its bound supposes the K order of this library's kernels; to it are added
//   L |scale| gamma_n sum |x||w|,   gamma_n = n u / (1 - n u)
// (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1), which holds for n
// products summed in any order, split in any way, u = 2^-23 for tensor cores that cut off and 2^-24
// for fp32; and, where the activation is one, what the approximate instruction tanh.approx.f32
// (relative error 2^-11, as the PTX manual says) makes of it, for cuDNN promises nothing better.
// Between the operations of one graph nothing is rounded but to fp32, as in this library's kernels.
Expected conv_in_any_order(const ConvProblem& problem, const ConvInputs& inputs);

// |scale| sum |x||w|, of each element.
std::vector<double> sums_of_magnitudes(ConvProblem problem, const ConvInputs& inputs);

// The same allowance for an activation that is computed from exact values.
void allow_approximate_activation(const ConvProblem& problem, std::span<const double> arguments,
                                  Expected& expected);

}  // namespace foldconv::oracle
