// The operation graph of a convolution, for cuDNN.
#pragma once

#include <deque>

#include "cudnn/conv_engines.hpp"
#include "cudnn/descriptor.hpp"

namespace foldconv::cudnn {

// The names that tensors have in the graph.
enum TensorId : std::int64_t { kX = 1, kWeights, kScale, kBias, kResidual, kY, kFirstVirtual };

struct ConvGraph {
  std::deque<Descriptor> parts;   // what the graph points to
  std::vector<Descriptor> graph;  // one
};

// `handle` may be null where cuDNN does without. Errors: can_express(); what cuDNN says.
Result<ConvGraph> conv_graph(const Library& library, cudnnHandle_t handle,
                             const ConvProblem& problem, const Epilogue& epilogue);

}  // namespace foldconv::cudnn
