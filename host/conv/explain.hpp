// SPDX-License-Identifier: MIT
// The decision behind explain() and Conv::plan().
#pragma once

#include "base/device.hpp"
#include "catalog/launch.hpp"
#include "catalog/registry.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::host {

struct Decision {
  const ConvKernel* kernel;
  LaunchShape shape;
  Explanation explanation;
};

// Selects the kernel and prepares it on the current device, which `figures` and `speed` are of. `problem` passed
// validate().
Result<Decision> decide(const ConvProblem& problem, const PlanOptions& options,
                        const DeviceFigures& figures, const DeviceSpeed& speed);

}  // namespace foldconv::host
