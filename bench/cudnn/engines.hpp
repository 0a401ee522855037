// SPDX-License-Identifier: MIT
// What cuDNN computes for the tool, without a word of cuDNN's headers: engines for a convolution with
// its epilogue as ONE operation graph,
//   y = act(scale[k] * conv(x, w) + bias[k] + residual),   all but the tensors in fp32
// NHWC, weights KRSC, groups, strides, dilations, any non-negative padding; and single calls.
// frontend.cpp has them of cuDNN, absent.cpp of no cuDNN, tests of their own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "foldconv/conv.hpp"
#include "foldconv/pointwise.hpp"
#include "harness/device/objects.hpp"
#include "harness/error.hpp"

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

// An engine with its knobs. Cheap to copy.
struct ConvEngine {
  std::string name;  // "eng43_k2=4_k6=1": engine 43, knob 2 set to 4
  std::size_t workspace_bytes = 0;
  std::function<void(const ConvTensors& tensors, cudaStream_t stream)> run;  // throws Error
};

struct ConvEngines {
  std::vector<ConvEngine> ready;      // those that cuDNN's heuristics prefer come first
  std::size_t offered = 0;            // configurations in all, each once
  std::size_t numbered = 0;           // those that have a number: see Choice
  std::vector<std::string> left_out;  // "name: why" of those that are not ready
};

// Which configurations are to be made ready: of those that cuDNN proposes, counted from 0, numbers
// first to last - 1 but those that are spoilt. Engines that round to less than fp32 on their way (TF32,
// sums in fp16) have no number: they solve another problem.
struct Choice {
  std::size_t first = 0, last = 0;                 // last 0: all
  std::map<std::size_t, std::string> spoilt = {};  // number -> why
  bool takes(std::size_t number) const { return number >= first && (last == 0 || number < last); }
};

// Single calls, of NHWC tensors of one shape. Cheap to copy. All throw Error.
struct TensorCalls {
  // y = gamma * (x - mean) / sqrt(variance + eps) + beta; y overlaps no other.
  std::function<void(const void* x, const pointwise::BatchNormArrays& arrays, void* y,
                     cudaStream_t stream)>
      batch_norm;
  std::function<void(const void* z, void* y, cudaStream_t stream)> add;  // y += z
  std::function<void(void* y, cudaStream_t stream)> activate;            // in place
};

// Where engines and calls come from; one thread at a time.
struct Cudnn {
  std::string version;  // "9.19.0"
  // Heuristics A, B and fallback, then every engine with its default knobs. Throws Error: refuse(); that
  // no engine takes the graph, with cuDNN's reason.
  std::function<ConvEngines(const ConvProblem&, const Epilogue&, const Choice&)> engines;
  // Throws Error (unsupported): cudnnActivationForward has no such function.
  std::function<TensorCalls(DataType, const Shape&, const Activation&)> calls;
};

// Both throw Error (unsupported) that says why there is no cuDNN: this build has none, it is not on this
// machine, the CUDA runtime is the emulator, it finds no GPU.
std::shared_ptr<const Cudnn> open();
// For a GPU in words only, cudnn-frontend's DeviceProperties as JSON: cuDNN lists its engines and compiles
// for it; nothing can be run. How the graphs are tested without a GPU.
std::shared_ptr<const Cudnn> described(const std::string& properties);

// Why `run` throws that something is unsupported; "": it does not.
template <class Run>
std::string refusal_of(Run run) {
  try {
    run();
  } catch (const harness::Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return error.what();
  }
  return "";
}

// Throws Error (unsupported) where cuDNN's graphs cannot say this problem. Needs no cuDNN.
inline void refuse(const ConvProblem& problem) {
  harness::check(validate(problem));
  using Kind = Activation::Kind;
  const Kind kind = problem.activation.kind;
  if (kind == Kind::hardswish || kind == Kind::hard_sigmoid || kind == Kind::clip) {
    throw harness::Error(ErrorCode::unsupported,
                         std::string("cuDNN's graphs have no ") + to_string(kind));
  }
  const Padding& pad = problem.pad;
  if (std::min({pad.top, pad.bottom, pad.left, pad.right}) < 0) {
    throw harness::Error(ErrorCode::unsupported, "cuDNN has no negative padding");
  }
}

}  // namespace foldconv::cudnn
