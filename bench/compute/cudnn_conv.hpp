// A convolution with its parameters on the device, as each of cuDNN's engines runs it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compute/device_buffer.hpp"
#include "compute/judge.hpp"
#include "cudnn/conv_engines.hpp"
#include "foldconv/fold.hpp"
#include "harness/oracle/oracle.hpp"

namespace foldconv::tool {

// What a convolution computes with beside x and the residual, as ConvInputs has it.
struct CudnnParameters {
  std::vector<float> weights;      // KCRS, exact in the dtype
  std::vector<float> scale, bias;  // k; all 1 or all 0: no operation of the graph
};
CudnnParameters cudnn_parameters(const FoldedConv& folded);

// The parameters in one of the forms that cuDNN may want them in; cheap to copy.
struct CudnnOperands {
  cudnn::Epilogue epilogue;
  std::shared_ptr<const CudnnParameters> values;  // rounded to how they are stored
  std::shared_ptr<const DeviceBuffer> weights, scale, bias;
};

struct CudnnCandidate {
  cudnn::ConvEngine engine;
  CudnnOperands operands;
  ConvProblem problem;

  std::string name() const;  // the engine's, and how scale and bias are stored if not as fp32
  Status run(const DeviceBuffer& x, const DeviceBuffer* residual, const DeviceBuffer& y,
             const DeviceBuffer* workspace, cudaStream_t stream) const;
  // By the very values it read, of `distinct` images.
  oracle::Expected expected(int distinct, std::vector<float> x, std::vector<float> residual) const;
};

// Where engines come from: cuDNN's, or a test's.
using CudnnEngines = std::function<Result<cudnn::ConvEngines>(const ConvProblem& problem,
                                                              const cudnn::Epilogue& epilogue)>;
// conv_engines() of the session; it must outlive the result.
CudnnEngines engines_of(const cudnn::Session& session, std::size_t most);

struct CudnnCandidates {
  std::vector<CudnnCandidate> all;
  std::size_t offered = 0;            // configurations of engines, ready or not
  std::vector<std::string> left_out;  // "name: why"
};

// For f16 and bf16, scale and bias are tried as fp32 and in the storage type, which some engines
// want; `exact`: as fp32 only. Errors: that cuDNN takes neither, with its reason.
Result<CudnnCandidates> cudnn_candidates(const CudnnEngines& engines_for,
                                         const ConvProblem& problem,
                                         const CudnnParameters& parameters, bool exact = false);

struct CudnnRun {
  std::string engine;
  CudnnParameters parameters;  // as the engine stored them
  std::vector<std::byte> y;
};
// One run of each candidate until one is right; those that round scale and bias to the dtype only
// where no other is, and not where it must be `exact`. x and residual encoded in the dtype. Errors: no engine, none that is right, with the last
// reason; cuda_error.
Result<CudnnRun> first_right_run(const CudnnEngines& engines_for, const ConvProblem& problem,
                                 const CudnnParameters& parameters, const std::vector<std::byte>& x,
                                 const std::vector<std::byte>& residual, bool exact);

}  // namespace foldconv::tool
