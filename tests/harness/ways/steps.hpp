// SPDX-License-Identifier: MIT
// The steps that ways are made of. Who launches them is the caller's business; what they are called,
// read, write, must compute and cannot avoid is said here, for foldconv and cuDNN alike.
// All that is pointed to must outlive the steps.
#pragma once

#include <functional>
#include <vector>

#include "foldconv/pointwise.hpp"
#include "harness/oracle/oracle.hpp"
#include "harness/problem/problem.hpp"
#include "harness/problem/walk.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::harness {

// Of the distinct images, from x and the residual as they are.
using ExpectedConv =
    std::function<oracle::Expected(std::vector<float> x, std::vector<float> residual)>;
// As the oracle has it for these parameters, which it copies.
ExpectedConv expected_conv(const ConvProblem& problem, int distinct, const FoldedConv& folded);

// `residual`: null where the problem has none. `what`: the kernel.
Step conv_step(const std::string& what, const ConvProblem& problem, const Tensor& x,
               const Tensor* residual, const Tensor& y, ExpectedConv expected, Launch launch,
               Copies copies = Copies::same_bits);

// A step and kernel for each convolution with all that stands behind it: `fused` returns the step
// that writes y; `join` the same of a line's last convolution and its projection as one, where
// `joined` says so (see walk.hpp).
using FusedStep = std::function<Step(const LineConv& conv, const Tensor& x, const Tensor* residual,
                                     const Tensor& y)>;
using JoinedStep =
    std::function<Step(const Line& line, const Tensor& t, const Tensor& x, const Tensor& y)>;
Way fused_way(const std::string& name, const Problem& problem, Tensors& tensors,
              const FusedStep& fused, const std::vector<bool>& joined = {},
              const JoinedStep& join = {});

// Who computes single operations, for a way of separate steps: each returns what writes y.
struct SingleSteps {
  // The convolution without anything behind it.
  std::function<Step(const LineConv&, const ConvProblem& alone, const Tensor& x, const Tensor& y)>
      conv;
  std::function<Launch(const pointwise::BatchNormArrays&, const Tensor& x, const Tensor& y)>
      batch_norm;
  std::function<Launch(const Tensor& z, const Tensor& y)> add;         // y += z
  std::function<Launch(const Activation&, const Tensor& y)> activate;  // in place
  // Others than foldconv: copies have no more than the bound, activations may be approximate, and
  // BatchNorm does not work in place.
  bool others = false;
};
// Each convolution of the problem alone, then BatchNorm, add and activation.
Way separate_way(const std::string& name, const Problem& problem, Tensors& tensors,
                 const SingleSteps& steps);

}  // namespace foldconv::harness
