// SPDX-License-Identifier: MIT
#include "sm90/driver.hpp"

#include <cuda_runtime_api.h>

#include "probe/device.hpp"
#include "probe/probe.hpp"

namespace foldconv::probes {

void* driver_entry(const char* name) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  check(cudaGetDriverEntryPointByVersion(name, &function, 12000, cudaEnableDefault, &found), name);
  if (found != cudaDriverEntryPointSuccess || function == nullptr) {
    throw NotSupported(std::string("the driver has no ") + name);
  }
  return function;
}

}  // namespace foldconv::probes
