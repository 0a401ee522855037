// SPDX-License-Identifier: MIT
// The steps that ways are made of. Who launches them is the caller's business; what they are called,
// read, write, must compute and cannot avoid is said here, for foldconv and cuDNN alike.
// All that is pointed to must outlive the steps.
#pragma once

#include <functional>
#include <optional>

#include "harness/oracle/oracle.hpp"
#include "harness/problem/problem.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::harness {

// Of the distinct images, from x and the residual as they are.
using ExpectedConv =
    std::function<oracle::Expected(std::vector<float> x, std::vector<float> residual)>;
// As the oracle has it for these parameters, which it copies.
ExpectedConv expected_conv(const ConvProblem& problem, int distinct, const FoldedConv& folded);

// `residual`: null where the problem has none. `what`: the kernel.
Step conv_step(const ConvProblem& problem, int distinct, const std::string& what,
               const DeviceBuffer& x, const DeviceBuffer* residual, const DeviceBuffer& y,
               ExpectedConv expected, Launch launch, Copies copies = Copies::same_bits);

// `x` may be `y`: in place.
Step batch_norm_step(const Images& images, const BatchNorm& batch_norm, const DeviceBuffer& x,
                     const DeviceBuffer& y, Launch launch, Copies copies = Copies::same_bits);
// y += z
Step add_step(const Images& images, const DeviceBuffer& z, const DeviceBuffer& y, Launch launch,
              Copies copies = Copies::same_bits);
// In place on y. `allowance` may widen the bound: of element i, from what was read.
using Allowance = std::function<void(const std::vector<float>& x, oracle::Expected& expected)>;
Step activation_step(const Images& images, const Activation& activation, const DeviceBuffer& y,
                     Launch launch, Copies copies = Copies::same_bits, Allowance allowance = {});

// A BatchNorm's arrays on the device, absent ones filled in.
struct DeviceBatchNorm {
  const DeviceBuffer *gamma, *beta, *mean, *variance;
  float eps = 0;
};
DeviceBatchNorm upload(const BatchNorm& batch_norm, Tensors& tensors);

// Who computes single operations, for a way of separate steps: each returns the step that writes y.
struct SingleSteps {
  // The convolution without anything behind it; appends its kernel's name to way.kernels.
  std::function<Step(const LineConv& conv, const ConvProblem& alone, const DeviceBuffer& x,
                     const DeviceBuffer& y, Way& way)>
      conv;
  std::function<Step(const Images&, const BatchNorm&, const DeviceBuffer& x, const DeviceBuffer& y)>
      batch_norm;
  std::function<Step(const Images&, const DeviceBuffer& z, const DeviceBuffer& y)> add;
  std::function<Step(const Images&, const Activation&, const DeviceBuffer& y)> activation;
  bool in_place = true;  // batch_norm may work in place
};
// Each convolution of the problem alone, then BatchNorm, add and activation.
Way separate_way(const std::string& name, const Problem& problem, Tensors& tensors,
                 const SingleSteps& steps);

// A launch and kernel for each convolution with all that stands behind it: `fused` returns the step
// that writes y and appends its kernel's name.
using FusedStep =
    std::function<Step(const LineConv& conv, const DeviceBuffer& x, const DeviceBuffer* residual,
                       const DeviceBuffer& y, Way& way)>;
Way fused_way(const std::string& name, const Problem& problem, Tensors& tensors,
              const FusedStep& fused);

}  // namespace foldconv::harness
