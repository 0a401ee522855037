// SPDX-License-Identifier: MIT
// What a step cannot avoid: the bytes that its launches must move between them and DRAM, each launch
// reading and writing each of its tensors once, and the operations of its convolutions. Of inputs
// only rows and columns that some tap meets count. The one place that computes it; cuts of blocks
// have the figures of their explanation.
#pragma once

#include "harness/problem/problem.hpp"

namespace foldconv::harness {

struct Work {
  double bytes = 0, flops = 0;

  Work& operator+=(const Work& other) {
    bytes += other.bytes;
    flops += other.flops;
    return *this;
  }
};

// A convolution with all that stands behind it, as one launch.
Work work_of(const ConvProblem& problem);
// x, all weights and y once: what any way must move.
Work least_work(const Problem& problem);

}  // namespace foldconv::harness
