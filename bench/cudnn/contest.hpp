// SPDX-License-Identifier: MIT
// cuDNN's engines for one convolution against each other: tried where they can do no harm, run on the
// convolution's own operands, judged by the oracle.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cudnn/engines.hpp"
#include "cudnn/trial.hpp"
#include "foldconv/fold.hpp"
#include "harness/ways/way.hpp"

namespace foldconv::cudnn {

struct Search {
  std::shared_ptr<const Cudnn> cudnn;  // null: there is none
  std::string reason = {};             // then: why
  Trial trial = {};
  std::size_t engines = 12;  // of each graph; 0: all
  std::size_t l2_bytes = 0;  // flushed before each timed run
};

// The tensors must outlive the steps of its engines.
struct Contest {
  const ConvProblem& problem;
  const FoldedConv& folded;
  const harness::Tensor& x;
  const harness::Tensor* residual;  // null where the problem has none
  const harness::Tensor& y;
  // For f16 and bf16, scale and bias are stored as fp32 and, unless this is set, in the storage type, too,
  // which some engines want.
  bool exact = false;
};

// One that is right and can be part of a CUDA graph.
struct RightEngine {
  harness::Step step;  // its kernel: the engine, and how scale and bias are stored, if not as fp32
  std::shared_ptr<const oracle::ConvInputs> parameters;  // as it reads them; no x
};
struct RightEngines {
  std::vector<RightEngine> all;
  std::size_t offered = 0;  // by cuDNN
};

// In the order of cuDNN's preference; no more than `most`, the last of which has written y. Throws Error:
// unsupported: there is none, with the first reason; what leaves nothing able to run.
RightEngines right_engines(const Search& search, const Contest& contest,
                           std::size_t most = std::numeric_limits<std::size_t>::max());

}  // namespace foldconv::cudnn
