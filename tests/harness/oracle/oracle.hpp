// SPDX-License-Identifier: MIT
// The oracle: convolution + scale/bias + residual + activation in double on the CPU, with an error
// bound for each element. Shares no code with the library but the plain structs that describe a
// problem.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "foldconv/conv.hpp"
#include "harness/oracle/rounding.hpp"

namespace foldconv::oracle {

// What one conv run reads, as floats that are exact in the problem's dtype (scale and bias: any
// fp32).
struct ConvInputs {
  std::vector<float> x;          // NHWC
  std::vector<float> weights;    // KCRS (c per group)
  std::vector<float> scale;      // k
  std::vector<float> bias;       // k
  std::vector<float> residual;   // NPQK, or empty
  std::vector<float> gate = {};  // n, c: what x is multiplied by, rounded to the dtype; or empty
};

// The shape of y, computed here, not by the library under test.
Shape output_shape(const ConvProblem& problem);

struct Expected {
  std::vector<double> y;      // NPQK, before the rounding to the storage type; infinite where the
                              // storage type overflows
  std::vector<double> bound;  // largest |computed - y| that correct kernels may show, per element
};

// y in double and the bound
//   L * e_pre + e_act + half the storage type's spacing at |y|,
//   e_pre = |scale| * e_sum + u (|scale * sum| + |scale * sum + bias| + |... + residual|)
// with L the activation's Lipschitz constant, e_act the error of evaluating it in fp32, and e_sum
// a running error bound of the fp32 sum in the canonical K order. Derived in oracle.cpp. Uses
// `threads` host threads, 0: all cores.
Expected conv(const ConvProblem& problem, const ConvInputs& inputs, int threads = 0);

struct Comparison {
  bool pass = false;
  double max_abs_error = 0;
  double worst_share = 0;                   // max over elements of error / bound; pass: at most 1
  std::int64_t worst_index = 0;             // NPQK element of worst_share
  double got = 0, expected = 0, bound = 0;  // there

  std::string to_string() const;
};

// Judges `got` (values as stored by the kernel). NaN passes only where NaN is expected.
Comparison compare(std::span<const float> got, const Expected& expected);

// --- Data ---------------------------------------------------------------------------------------

// Raw (unfolded) random parameters and inputs of a conv: what a test folds and runs. Deterministic
// in `seed`.
struct RawConv {
  std::vector<float> x, residual;                  // exact in the dtype
  std::vector<float> weights, conv_bias;           // KCRS; conv_bias empty where not asked for
  std::vector<float> gamma, beta, mean, variance;  // empty without BatchNorm
  double eps = 1e-5;
};
struct RawOptions {
  bool batch_norm = true;
  bool conv_bias = false;
  bool integers =
      false;  // small integers and power-of-two scales: every intermediate exact, results bit-exact
  std::uint64_t seed = 1;
};
RawConv make_raw(const ConvProblem& problem, const RawOptions& options);

}  // namespace foldconv::oracle
