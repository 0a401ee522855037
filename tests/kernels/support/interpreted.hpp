// SPDX-License-Identifier: MIT
// What a network in f32 gives against the fp64 interpreter of its graph.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "foldconv/network.hpp"
#include "harness/network/interpreter.hpp"
#include "harness/network/run.hpp"

namespace foldconv::kernel_tests {

// fp32 bytes of each input.
std::vector<harness::Bytes> bytes_of(const std::vector<harness::Numbers>& inputs);

// Whether `outputs` of a run are those that `tensors` of the graph say, within 1e-4 of the largest of an output.
testing::AssertionResult as_interpreted(const Graph& graph, const NetworkPlan& plan,
                                        const std::vector<harness::Bytes>& outputs,
                                        const std::vector<harness::Numbers>& tensors);

}  // namespace foldconv::kernel_tests
