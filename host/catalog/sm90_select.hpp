// SPDX-License-Identifier: MIT
// Which tile of the sm_90 family runs a problem that it takes: the least time by the model of foldconv/cost.hpp, with each
// way to share operands between two CTAs.
#pragma once

#include <string>
#include <vector>

#include "catalog/sm90_launch.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"

namespace foldconv::host {

struct Sm90Choice {
  Sm90Variant variant;
  LaunchCost cost;
  std::string reason;
  std::vector<Refusal> refused;  // every other kernel of the dtype, in the catalog's order
};

// A pure function of its arguments. `problem` passed sm90_rule() and sm90_size_rule(). `pinned`: a kernel, or null.
Sm90Choice select_sm90(const ConvProblem& problem, const Sm90Kernel* pinned,
                       const DeviceSpeed& speed);

}  // namespace foldconv::host
