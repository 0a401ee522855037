// SPDX-License-Identifier: MIT
// A kernel as it would compute, in fp32 on the CPU with the documented rounding points, and the
// faults that real kernels have had. The bound of the oracle has to accept it without a fault and
// reject it with one.
#pragma once

#include <vector>

#include "harness/oracle/oracle.hpp"

namespace foldconv::oracle {

enum class Accumulation {
  fused_multiply_add,  // scalar fp32, one product after the other
  tensor_core,         // groups of 8 products, aligned to the largest addend and truncated
};

enum class Fault {
  none,
  dropped_tap,       // the last tap is not read
  dropped_product,   // the last channel of the last tap is not read
  swapped_channels,  // two neighbouring input channels exchanged
  swapped_taps,      // r and s exchanged
  missing_bias,
  missing_residual,
  scaled_bias,  // scale * (sum + bias)
  relu_before_residual,
  rounded_sum,  // the sum is rounded to the storage type before scale and bias
  rounded_before_residual,
  rounded_partial_sums,  // the accumulator is kept in the storage type between slices
  border_replicated,     // padding repeats the border instead of zeros
  residual_of_next_pixel,
  truncated_store,  // rounding towards zero at the store
};

struct SimulationOptions {
  Accumulation accumulation = Accumulation::fused_multiply_add;
  Fault fault = Fault::none;
};

// groups == 1. Activations none and relu.
std::vector<float> simulate(const ConvProblem& problem, const ConvInputs& inputs,
                            const SimulationOptions& options = {});

// scale and shift of `raw` in double, rounded once; the weights rounded to the storage type, the
// scale left to the epilogue.
ConvInputs plain_inputs(const ConvProblem& problem, const RawConv& raw);

}  // namespace foldconv::oracle
