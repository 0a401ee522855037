// SPDX-License-Identifier: MIT
// The decision behind explain() and Conv::plan().
#pragma once

#include <variant>

#include "base/device.hpp"
#include "catalog/launch.hpp"
#include "catalog/registry.hpp"
#include "catalog/sm90_launch.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::host {

// A kernel of either family.
using TakenKernel = std::variant<const ConvKernel*, Sm90Variant>;
EntryPoint entry_of(const TakenKernel& kernel);
LaunchShape launch_shape(const TakenKernel& kernel, const ConvProblem& problem,
                         const DeviceFigures& device);

struct Decision {
  TakenKernel kernel;
  LaunchShape shape;
  Explanation explanation;
};

// Selects the kernel and prepares it on the current device, which `figures` and `speed` are of. `problem` passed
// validate().
Result<Decision> decide(const ConvProblem& problem, const PlanOptions& options,
                        const DeviceFigures& figures, const DeviceSpeed& speed);

}  // namespace foldconv::host
