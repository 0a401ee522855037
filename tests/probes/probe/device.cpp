// SPDX-License-Identifier: MIT
#include "probe/device.hpp"

#include <cuemu.h>

namespace foldconv::probes {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw CudaError(std::string(what) + ": " + cudaGetErrorName(status) + " (" +
                  cudaGetErrorString(status) + ")");
}

void check_launch(cudaError_t status, const char* what) {
  check(status, what);
  check(cudaDeviceSynchronize(), what);
}

Device current_device() {
  Device device;
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  device.name = properties.name;
  device.major = properties.major;
  device.minor = properties.minor;
  check(cudaDriverGetVersion(&device.driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&device.runtime), "cudaRuntimeGetVersion");
  device.emulated = cuemu_present() != 0;
  return device;
}

}  // namespace foldconv::probes
