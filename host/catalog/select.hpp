// Which kernel runs a problem: one ordered table.
#pragma once

#include <string>
#include <vector>

#include "base/device.hpp"
#include "catalog/registry.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::host {

struct Choice {
  const ConvKernel* kernel;
  std::string reason;
  std::vector<Refusal> refused;  // every other kernel of the problem's dtype, in table order
};

// A pure function of its arguments. `problem` passed validate(). Errors: device_too_old; for a
// pinned kernel, invalid_argument (no such name) and unsupported (it refuses, with its reason).
Result<Choice> select(const ConvProblem& problem, const PlanOptions& options,
                      const DeviceFigures& device);

}  // namespace foldconv::host
