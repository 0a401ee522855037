// SPDX-License-Identifier: MIT
// The decision behind explain() and Conv::plan().
#pragma once

#include "catalog/launch.hpp"
#include "catalog/registry.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::host {

struct Decision {
  const ConvKernel* kernel;
  LaunchShape shape;
  int device;
  Explanation explanation;
};

// Validates, selects and prepares the kernel on the current device.
Result<Decision> decide(const ConvProblem& problem, const PlanOptions& options);

}  // namespace foldconv::host
