// A convolution with its epilogue as ONE operation graph of cuDNN, and every engine that offers to
// run it:
//   y = act(scale[k] * conv(x, w) + bias[k] + residual),   all but the tensors in fp32
// NHWC, weights KRSC; groups, strides, dilations, any non-negative padding.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cudnn/session.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::cudnn {

// What stands between the sum and the activation beside the residual.
struct Epilogue {
  bool scale = false, bias = false;
  DataType vectors = DataType::f32;  // how scale and bias are stored; computed with in fp32
};

// Device pointers, aligned to 16 bytes; null where the graph has no such tensor.
struct ConvTensors {
  const void* x = nullptr;
  const void* weights = nullptr;  // KRSC
  const void* scale = nullptr;
  const void* bias = nullptr;
  const void* residual = nullptr;
  void* y = nullptr;          // overlaps no other
  void* workspace = nullptr;  // ConvEngine::workspace_bytes
};

// An engine with its knobs, ready to run. Cheap to copy.
struct ConvEngine {
  std::string name;  // "eng43_k2=4_k6=1": engine 43, knob 2 set to 4
  std::size_t workspace_bytes = 0;
  // Errors: what cuDNN says.
  std::function<Status(const ConvTensors& tensors, cudaStream_t stream)> run;
};

struct ConvEngines {
  std::vector<ConvEngine> ready;      // those that cuDNN's heuristics prefer come first
  std::size_t offered = 0;            // configurations in all, each once
  std::vector<std::string> left_out;  // "name: why" of those that are not ready
};

// Why cuDNN's graphs cannot say this problem; ok if they can. Needs no GPU.
Status can_express(const ConvProblem& problem);

// All configurations of heuristics A, B and fallback, and every engine with its default knobs;
// plans for the first `most` of them, 0: for all. Left out beside those that fail: engines that
// round to less than fp32 on their way (TF32, sums in fp16), for they solve another problem.
// Errors: can_express(); that no engine takes the graph, with cuDNN's reason.
Result<ConvEngines> conv_engines(const Session& session, const ConvProblem& problem,
                                 const Epilogue& epilogue, std::size_t most = 0);

// The names of all that conv_engines() would try, none of them built. Errors: can_express().
Result<std::vector<std::string>> conv_engine_names(const Session& session,
                                                   const ConvProblem& problem,
                                                   const Epilogue& epilogue);

}  // namespace foldconv::cudnn
