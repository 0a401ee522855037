// What an implementation cannot avoid: the bytes that its launches must move between them and DRAM,
// each launch reading and writing each of its tensors once, and the operations of its convolutions.
// Of inputs only rows and columns that some tap meets count.
#pragma once

#include <string>
#include <vector>

#include "compute/block_workload.hpp"
#include "compute/step.hpp"
#include "foldconv/block.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::tool {

struct Work {
  double bytes = 0, flops = 0;

  Work& operator+=(const Work& other);
};

// One launch does all.
Work work_of(const ConvProblem& problem);
Work work_of(const BlockWorkload& workload);

// The convolution alone, then BatchNorm (if any), add and activation as launches of their own.
Work separate_work_of(const ConvProblem& problem, bool batch_norm);
Work separate_work_of(const BlockWorkload& workload);

// One launch for each convolution with all that stands behind it.
Work line_work_of(const BlockWorkload& workload);

// Of each implementation of a layer: as many launches as it has steps say whether it is a fused one.
std::vector<Work> works_of(const std::vector<Implementation>& implementations,
                           const ConvProblem& problem, bool batch_norm);
// Of each implementation of blocks: cuts as their explanation has them. What is neither a cut nor
// `separate` nor cuDNN's counts as one launch that does all: the least that anything could need.
std::vector<Work> works_of(const std::vector<Implementation>& implementations,
                           const BlockWorkload& workload, const BlockExplanation& explanation);

}  // namespace foldconv::tool
