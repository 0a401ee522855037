// SPDX-License-Identifier: MIT
// Which kernel of the sm_80 family runs a problem: of those that take it (supports.hpp) the one with the least time by the model of
// foldconv/cost.hpp. Kernels of the newest architecture that the device runs come first; those that read x element by
// element come only where no other tensor-core kernel takes the problem, and the direct kernel only where none does: the
// model does not see what these ask of caches and of the instruction issue.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/device.hpp"
#include "catalog/launch.hpp"
#include "catalog/registry.hpp"
#include "foldconv/conv.hpp"
#include "foldconv/cost.hpp"

namespace foldconv::host {

struct Choice {
  const ConvKernel* kernel;
  std::string reason;
  std::vector<Refusal>
      refused;  // every other kernel of the problem's dtype, in the catalog's order
};

// What selection asks of a device.
struct Target {
  DeviceFigures figures;
  DeviceSpeed speed;
  // CTAs of such a launch that an SM runs at a time. Asked only of kernels whose time depends on it, and
  // of those with about the least.
  std::function<Result<int>(const ConvKernel&, const LaunchShape&)> resident;
};

// What `kernel`, which takes the problem, costs there.
LaunchCost cost_of(const ConvKernel& kernel, const ConvProblem& problem, const LaunchShape& shape,
                   int resident);

// "12.34 us by the model (shared memory)"
std::string time_of(const LaunchCost& cost, const DeviceSpeed& speed);

// Why a kernel that takes the problem is not the chosen one: its time.
Refusal taken_too(const char* kernel, const LaunchCost& cost, const LaunchCost& chosen, bool pinned,
                  const DeviceSpeed& speed);

// A pure function of its arguments. `problem` passed validate(). Errors: device_too_old; for a
// pinned kernel, invalid_argument (no such name) and unsupported (it refuses, with its reason); those of
// target.resident.
Result<Choice> select(const ConvProblem& problem, const PlanOptions& options, const Target& target,
                      std::span<const ConvKernel> catalog = conv_kernels());

}  // namespace foldconv::host
