// SPDX-License-Identifier: MIT
// Turns what a program asks to launch into an operation, after the checks that a driver makes.
#pragma once

#include "operations.hpp"

namespace cuemu::runtime {

struct LaunchRequest {
  const void* function = nullptr;  // host stub or cudaKernel_t
  dim3 grid, block;
  void** arguments = nullptr;
  size_t dynamic_shared = 0;
};

cudaError_t prepare_launch(const LaunchRequest& request, KernelOperation& operation);

}  // namespace cuemu::runtime
