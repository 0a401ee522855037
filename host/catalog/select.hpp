// SPDX-License-Identifier: MIT
// Which kernel runs a problem: the first of the catalog that takes it (supports.hpp), whose grid
// fills the device as often as its row asks, and whose columns are filled where it is wide. Kernels
// of the newest architecture that the device runs come first.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/device.hpp"
#include "catalog/registry.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::host {

struct Choice {
  const ConvKernel* kernel;
  std::string reason;
  std::vector<Refusal>
      refused;  // every other kernel of the problem's dtype, in the order they are tried in
};

// A pure function of its arguments. `problem` passed validate(). Errors: device_too_old; for a
// pinned kernel, invalid_argument (no such name) and unsupported (it refuses, with its reason).
Result<Choice> select(const ConvProblem& problem, const PlanOptions& options,
                      const DeviceFigures& device,
                      std::span<const ConvKernel> catalog = conv_kernels());

}  // namespace foldconv::host
