// SPDX-License-Identifier: MIT
// What each kernel takes: the one place for rules on shapes.
#pragma once

#include <cstdint>
#include <string>

#include "base/device.hpp"
#include "catalog/registry.hpp"
#include "foldconv/conv.hpp"

namespace foldconv::host {

inline constexpr std::int64_t kIndexLimit = std::int64_t{1} << 31;  // indices are 32 bits wide

// "" if `kernel` takes `problem` on `device`; else the first rule that fails, the value that fails
// it, and the nearest legal value where there is one. `problem` passed validate().
std::string refusal(const ConvKernel& kernel, const ConvProblem& problem,
                    const DeviceFigures& device);

// "" unless `kernel` would take such a problem, but for tensors too large for its indices; else
// which, and the nearest legal size.
std::string size_refusal(const ConvKernel& kernel, const ConvProblem& problem,
                         const DeviceFigures& device);

// The rule on 32-bit indices alone, for kernels that tile a convolution as `tile` does and read x by
// `loader`.
std::string index_rule(const ConvTile& tile, ConvLoader loader, const ConvProblem& problem);

}  // namespace foldconv::host
