// SPDX-License-Identifier: MIT
// The ways through a run of blocks, and the cheapest of them.
#pragma once

#include <string>
#include <vector>

#include "block/planned.hpp"

namespace foldconv::host {

// Parts that blocks can be divided into. Between two parts stands either a block's input, or its t1.
enum class Part {
  whole,      // input -> output
  separate,   // input -> output, a launch for each convolution: blocks that no tail takes
  head,       // input -> t1
  rest,       // t1 -> output, a launch for each convolution
  tail,       // t1 -> output, one launch
  tail_head,  // t1 -> the next block's t1, one launch
};

// What the device and the kernels offer for blocks, part by part.
struct Offers {
  struct Offer {
    Part part;
    int block;
    std::vector<BlockLaunch> launches;
  };
  struct Refusal {
    Part part;
    int block;
    std::string reason;
  };
  std::vector<Offer> offers;
  std::vector<Refusal> refusals;
};

// Errors: a convolution that no kernel takes, cuda_error.
Result<Offers> collect_offers(const std::vector<PlannedBlock>& blocks, const PlanContext& context);

// A way through all blocks.
struct Path {
  std::vector<Part> parts;
  std::vector<BlockLaunch> launches;
  double seconds = 0;   // floor time
  std::string refusal;  // where there is no way
};

// The path through `blocks` blocks, of parts that the cut permits, with the least floor time; of those within
// kTimeTolerance of it, the one that moves the fewest bytes.
Path find_path(const Offers& offers, int blocks, BlockCut cut, const DeviceSpeed& speed);

}  // namespace foldconv::host
