// SPDX-License-Identifier: MIT
// Residual blocks and stages with trained weights as problems, for the command line.
#pragma once

#include <string>
#include <vector>

#include "harness/problem/problem.hpp"
#include "weights/block_weights.hpp"

namespace foldconv::tool {

// Blocks of a state dict, and what it does not tell about them.
struct WeightsOptions {
  std::string file = {};                   // empty: none
  std::vector<std::string> prefixes = {};  // of blocks, or of stages; none: that of the top level
  std::vector<int> strides = {};           // of the blocks that have a downsample, in order
  StrideAt stride_at = StrideAt::conv2;
  Epsilon eps{1e-5};
  int h = 56, w = 0;  // of the first prefix's random input; w 0: as h
};

// A problem for each prefix, named after it (the top level: after the file): a block, or all blocks of a stage as one
// run. The input of the first one has the options' size, that of each later one the size of the output before it, as in
// the network. Throws Error, naming the file: those of load_block() and blocks_under(); invalid_argument: not a stride
// for each block with a downsample, of which the file does not tell it (one without has stride 1: nothing else is
// possible); blocks of a stage whose channels do not follow one another.
std::vector<harness::Problem> read_weights(const WeightsOptions& options);
// The same of a file that has been read.
std::vector<harness::Problem> read_weights(const safetensors::StateDict& file,
                                           const WeightsOptions& options);

}  // namespace foldconv::tool
