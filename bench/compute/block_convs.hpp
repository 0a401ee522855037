// The convolutions that a residual block consists of, as problems of their own.
#pragma once

#include <optional>
#include <vector>

#include "compute/block_workload.hpp"
#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::tool {

struct BlockConv {
  const char* name = nullptr;         // "conv1", "downsample"
  const BlockLayer* layer = nullptr;  // points into the weights
  ConvProblem problem;  // with the activation and the residual that the block gives it
};

struct BlockConvs {
  std::vector<BlockConv> line;          // in order; the last one adds the shortcut
  std::optional<BlockConv> downsample;  // from the block's input; else the shortcut is that input

  Shape output() const { return line.back().problem.output(); }
  double flops() const;
  double weight_elements() const;
};

// `x`: the block's input.
BlockConvs convs_of(const BlockWeights& weights, DataType dtype, const Shape& x);

}  // namespace foldconv::tool
