// SPDX-License-Identifier: MIT
// Small random graphs of all operations.
#pragma once

#include <vector>

#include "foldconv/graph.hpp"
#include "harness/network/interpreter.hpp"

namespace foldconv::kernel_tests {

struct RandomNetwork {
  Graph graph;  // may leave extents open
  Graph known;  // by the same calls, with the extents of `inputs`: what the interpreter takes
  std::vector<harness::Numbers> inputs;  // exact in fp32
};

// The same one for a seed, on every machine.
RandomNetwork random_network(unsigned seed);

}  // namespace foldconv::kernel_tests
