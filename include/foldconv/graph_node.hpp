// SPDX-License-Identifier: MIT
/// @file
/// The operations of a graph, to be looked at: as its calls made them, or as fused() leaves them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "foldconv/activation.hpp"
#include "foldconv/block.hpp"
#include "foldconv/graph.hpp"

namespace foldconv {

/// Operands are the node's inputs, in the order of Graph's calls.
namespace op {

struct Input {
  int index;                   ///< of the graph's inputs
  bool channels_last = false;  ///< the model's order is n, h, w, c; the tensor's n, c, h, w
};
struct Known {
  Constant values;
};
/// A second input is the residual; of gated ones the last input is the gate.
struct Conv {
  ConvNode conv;
  std::optional<BatchNormNode> batch_norm = {};
  Activation activation = Activation::none;
  bool gated = false;  ///< x is multiplied by a tensor n, c, 1, 1 first
};
struct BatchNorm {
  BatchNormNode arrays;
  Activation activation = Activation::none;
};
struct Activate {
  Activation activation;
};
struct Binary {
  enum class Kind { add, multiply } kind;
  Activation activation = Activation::none;
};
struct Pool {
  PoolNode pool;
};
struct GlobalPool {
  PoolKind kind;
};
struct ResizeNearest {
  int h, w;
};
struct Linear {
  LinearNode linear;
  std::optional<BatchNormNode> batch_norm = {};  ///< over the last axis
  Activation activation = Activation::none;
};
struct Softmax {
  int axis;
};
struct Lrn {
  LrnNode lrn;
};
struct Concat {
  int axis;
};
struct Slice {
  int axis;
  std::int64_t begin, end, step;
};
struct Pad {
  std::vector<std::int64_t> before, behind;
  float fill;
};
struct Reshape {};  ///< to the extents of the node's value
struct Transpose {
  std::vector<int> order;
};
struct Identity {};

/// A residual or inverted block, its convolutions with their BatchNorms. The path ends in the sum.
struct Block {
  /// conv1, conv2, conv3 of a bottleneck; conv1, conv2; of an inverted block expand, if there is one, depthwise, project.
  std::vector<Conv> path;
  std::optional<Conv> downsample;
  int stride;
  StrideAt stride_at;
  Activation inner, last;
  bool inverted = false;
  bool residual = true;  ///< of inverted ones: whether x is added; others have a shortcut
};
struct Stage {
  std::vector<Block> blocks;
};

/// A network's first convolution, and the max-pool behind it: 3x3, stride 2.
struct Stem {
  Conv conv;
  std::optional<PoolNode> pool;
};

/// Squeeze and excite's gates, n, c, 1, 1: the mean of each channel of x through two 1x1 convolutions.
struct Gate {
  Conv squeeze, excite;
};

}  // namespace op

using Operation = std::variant<op::Input, op::Known, op::Conv, op::BatchNorm, op::Activate,
                               op::Binary, op::Pool, op::GlobalPool, op::ResizeNearest, op::Linear,
                               op::Softmax, op::Concat, op::Slice, op::Pad, op::Reshape,
                               op::Transpose, op::Identity, op::Stage, op::Gate, op::Stem, op::Lrn>;

struct GraphNode {
  Operation operation;
  std::vector<int> inputs;  ///< values
  int output;
  std::string origin;  ///< what it is in the model's file, for messages; may be empty
};

struct GraphOutput {
  int value;
  std::string name;
};

/// "conv", "batch_norm", ..
FOLDCONV_API const char* to_string(const Operation& operation) noexcept;

}  // namespace foldconv
