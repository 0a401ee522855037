// SPDX-License-Identifier: MIT
// Turns what a program asks to launch into an operation, after the checks that a driver makes.
#pragma once

#include <optional>

#include "operations.hpp"

namespace cuemu::runtime {

// What a launch may ask for beyond its grid; what has no effect here is left out.
struct LaunchAttributes {
  std::optional<dim3> cluster = {};
  bool cooperative = false;
  bool overlaps_previous = false;
  std::optional<cudaClusterSchedulingPolicy> cluster_scheduling = {};
};

struct LaunchRequest {
  const void* function = nullptr;  // host stub or cudaKernel_t
  dim3 grid, block;
  void** arguments = nullptr;
  size_t dynamic_shared = 0;
  LaunchAttributes attributes = {};
};

cudaError_t read_attributes(const cudaLaunchConfig_t& configuration, LaunchAttributes& attributes);
// Of the cluster that was asked for, or that the kernel requires.
cudaError_t choose_cluster(const LaunchAttributes& attributes, KernelOperation& operation);
// That a cooperative launch fits on the device.
cudaError_t check_cooperative(const KernelOperation& operation);

cudaError_t prepare_launch(const LaunchRequest& request, KernelOperation& operation);

}  // namespace cuemu::runtime
