// SPDX-License-Identifier: MIT
// Counts the API calls, and makes those fail that a test has chosen.
#pragma once

#include "cuda_declarations.hpp"

namespace cuemu::runtime {

// To be called first by every entry point that may fail. Anything but cudaSuccess is a planted
// failure, already recorded as the thread's last error: the entry point returns it and does nothing
// else. `name` must live on; a leading "__" is not part of it.
cudaError_t begin_call(const char* name);

}  // namespace cuemu::runtime
