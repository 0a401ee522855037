// SPDX-License-Identifier: MIT
// A convolution's parameters as cuDNN's engines want them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cudnn/engines.hpp"
#include "foldconv/fold.hpp"
#include "harness/device/buffer.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::cudnn {

// One of the forms that cuDNN may want them in; cheap to copy.
struct Operands {
  ConvProblem problem;
  Epilogue epilogue;
  std::shared_ptr<const oracle::ConvInputs> values;  // rounded to how they are stored; no x
  std::shared_ptr<const harness::DeviceBuffer> weights, scale, bias;

  // By the very values that engines read, of `distinct` images.
  oracle::Expected expected(int distinct, std::vector<float> x, std::vector<float> residual) const;
  // Launches the engine on them.
  void run(const ConvEngine& engine, const harness::DeviceBuffer& x,
           const harness::DeviceBuffer* residual, const harness::DeviceBuffer& y, void* workspace,
           cudaStream_t stream) const;
  // The engine's, and how scale and bias are stored if not as fp32.
  std::string name_of(const ConvEngine& engine) const;
};

// For f16 and bf16, scale and bias are stored as fp32 and, unless the result must be `exact`, in the
// storage type, which some engines want. A scale of 1 and a bias of 0 are no operations of the graph.
// Throws Error (out_of_memory).
std::vector<Operands> operands_of(const ConvProblem& problem, const FoldedConv& folded, bool exact);

}  // namespace foldconv::cudnn
