// SPDX-License-Identifier: MIT
// Each step of a network's run against fp64, from what the step itself read.
#pragma once

#include <string>
#include <vector>

#include "foldconv/graph.hpp"
#include "foldconv/network.hpp"
#include "harness/network/run.hpp"
#include "harness/ways/judge.hpp"

namespace foldconv::harness {

struct StepVerdict {
  std::string tensor;     // its name
  std::string operation;  // "conv", "pool", ..
  Verdict verdict;
};

// A network with every tensor kept, and no blocks: the steps of a block are steps here.
struct JudgedNetwork {
  DataType dtype;
  Graph fused;        // fused(graph, options of the network), whose blocks are off
  NetworkPlan plan;   // with keep_all
  PixelFormat input;  // of its images
};
JudgedNetwork judged_network(const Graph& graph, DataType dtype, NetworkPlanOptions options);

// One verdict for each tensor but constants, in order; then one for each output. `inputs` and `result`: of one run.
// Throws Error for operations that it does not know.
std::vector<StepVerdict> judge_steps(const JudgedNetwork& network, const std::vector<Bytes>& inputs,
                                     const NetworkResult& result);

}  // namespace foldconv::harness
