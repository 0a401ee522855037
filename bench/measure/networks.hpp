// SPDX-License-Identifier: MIT
// Ways to run a network: planned, checked, timed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "foldconv/network.hpp"
#include "harness/time/timing.hpp"

namespace foldconv::tool {

// planned: blocks in the cuts that plan() takes; chain: a fused kernel a convolution; separate: every operation by
// itself, BatchNorms, sums and activations too.
struct NetworkWay {
  const char* name;
  bool fuse, blocks, fold;

  NetworkOptions options(DataType dtype) const {
    return {.dtype = dtype, .fuse = fuse, .fold = fold, .blocks = blocks};
  }
};
inline constexpr NetworkWay kNetworkWays[] = {
    {"planned", true, true, true}, {"chain", true, false, true}, {"separate", false, false, false}};

// One way for one shape.
struct MeasuredNetwork {
  std::string way = {};
  std::string refusal = {};  // why there is no plan; then nothing below is known
  std::optional<NetworkPlan> plan = {};
  std::string wrong = {};  // why its result is wrong
  harness::Timings timings = {};
};

// Images for a check: two different ones, in turns.
std::vector<std::byte> check_images(const NetworkPlan& plan);

// Runs each plan on the same images and says in `wrong` what is wrong: a chain that the fp64 oracle refuses at two
// images, step by step; images of the batch that differ from their twins; another way whose outputs differ from the
// chain's by more than rounding explains (docs/explanation/numerics.md). Without a chain there is nothing to compare with: all are
// wrong.
void check_networks(const Graph& graph, DataType dtype, const NetworkPlanOptions& options,
                    std::vector<MeasuredNetwork>& ways);

}  // namespace foldconv::tool
