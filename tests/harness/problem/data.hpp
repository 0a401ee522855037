// SPDX-License-Identifier: MIT
// Weights and inputs of a problem.
#pragma once

#include "harness/oracle/oracle.hpp"
#include "harness/problem/problem.hpp"

namespace foldconv::harness {

using DataOptions = oracle::RawOptions;

// Random weights where the problem has none, of a trained network's size, so that activations stay
// near 1; random x and residual, with `copies` as many distinct images as the oracle can afford.
// Deterministic in the seed. Throws Error (invalid_argument): sizes that a convolution cannot have,
// before memory is allocated for them.
void fill(Problem& problem, const DataOptions& options = {}, bool copies = true);

// The views that fold() takes.
ConvWeights weights_of(const ConvProblem& problem, const oracle::RawConv& raw);
std::optional<BatchNorm> batch_norm_of(const oracle::RawConv& raw);  // none: raw has no BatchNorm

// What a run of a folded convolution reads, as the oracle takes it.
oracle::ConvInputs inputs_of(const FoldedConv& folded, std::vector<float> x = {},
                             std::vector<float> residual = {});

}  // namespace foldconv::harness
