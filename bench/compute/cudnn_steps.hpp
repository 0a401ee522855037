// The steps that cuDNN takes: its fastest right engine for a convolution, and its single calls.
#pragma once

#include <cstddef>
#include <string>

#include "compute/cudnn_conv.hpp"
#include "compute/layer_steps.hpp"
#include "compute/step.hpp"
#include "cudnn/session.hpp"
#include "cudnn/tensor_calls.hpp"

namespace foldconv::tool {

struct CudnnSearch {
  CudnnEngines engines;
  std::function<Result<cudnn::TensorCalls>(DataType, const Shape&, Activation)> calls;
  std::size_t l2_bytes = 0;  // flushed before each timed run
};
// All of cuDNN's; the session must outlive it. `most` plans for each graph, 0: all.
CudnnSearch cudnn_search(const cudnn::Session& session, std::size_t most, std::size_t l2_bytes);

// Everything that is pointed to must outlive the steps; x and the residual must hold what they will
// when the step runs, and y is overwritten.
struct CudnnConvStep {
  ConvProblem problem;
  CudnnParameters parameters;
  const DeviceBuffer* x = nullptr;
  const DeviceBuffer* residual = nullptr;  // where the problem has one
  const DeviceBuffer* y = nullptr;
  int distinct = 1;
};

// Runs every engine on the operands, judges it, and times those that are right. `kernel`: the
// fastest, how many were right, how many cuDNN offered: "eng45_k2=5(12_of_57)". Errors: that no
// engine takes the problem or is right, with the first reason; cuda_error, out_of_memory.
Result<Step> fastest_cudnn_conv(const CudnnSearch& search, const CudnnConvStep& step,
                                std::string& kernel);

// Each has run once when it is returned, so that what cuDNN refuses is an error here; y and t hold
// its result.
Result<Step> cudnn_batch_norm_step(const cudnn::TensorCalls& calls, const Images& images,
                                   const DeviceBatchNorm& arrays, const BatchNorm& batch_norm,
                                   const DeviceBuffer& from, const DeviceBuffer& to);
Result<Step> cudnn_add_step(const cudnn::TensorCalls& calls, const Images& images,
                            const DeviceBuffer& z, const DeviceBuffer& y);
Result<Step> cudnn_activation_step(const cudnn::TensorCalls& calls, const Images& images,
                                   Activation activation, float alpha, const DeviceBuffer& y);

}  // namespace foldconv::tool
