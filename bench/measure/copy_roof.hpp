// SPDX-License-Identifier: MIT
// How fast the device copies within its memory.
#pragma once

#include <cstddef>

#include "measure/roofs.hpp"

namespace foldconv::tool {

// Some twenty times the L2 cache of an H100.
inline constexpr std::size_t kCopyBytes = std::size_t{1} << 30;

// cudaMemcpyAsync from device to device, `bytes` read and as many written: the driver's own copy,
// which knows nothing of foldconv's kernels.
Roof measure_copy(std::size_t bytes);

}  // namespace foldconv::tool
