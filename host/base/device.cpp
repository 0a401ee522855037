// SPDX-License-Identifier: MIT
#include "base/device.hpp"

#include <cuda_runtime_api.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv::host {
Result<int> current_device() {
  int device = 0;
  if (const cudaError_t code = cudaGetDevice(&device); code != cudaSuccess) {
    return cuda_failure(code, "cudaGetDevice");
  }
  return device;
}

Result<DeviceFigures> device_figures(int device) {
  int major = 0, minor = 0, multiprocessors = 0, shared_bytes = 0;
  const struct {
    cudaDeviceAttr attribute;
    int* value;
  } queries[] = {
      {cudaDevAttrComputeCapabilityMajor, &major},
      {cudaDevAttrComputeCapabilityMinor, &minor},
      {cudaDevAttrMultiProcessorCount, &multiprocessors},
      {cudaDevAttrMaxSharedMemoryPerBlockOptin, &shared_bytes},
  };
  for (const auto& query : queries) {
    const cudaError_t code = cudaDeviceGetAttribute(query.value, query.attribute, device);
    if (code != cudaSuccess) return cuda_failure(code, "cudaDeviceGetAttribute");
  }
  return DeviceFigures{major * 10 + minor, multiprocessors, static_cast<std::size_t>(shared_bytes)};
}

Status check_current_device(int device, const char* owner) {
  const Result<int> current = current_device();
  if (!current.ok()) return current.status();
  if (*current == device) return {};
  return invalid(text("the current device is not the one of ", owner),
                 text("current ", *current, ", ", owner, "'s ", device),
                 text("call cudaSetDevice(", device, ") first"));
}

Result<KernelFigures> prepare_kernel(const void* entry, int threads, std::size_t shared_bytes,
                                     const DeviceFigures& device) {
  cudaFuncAttributes attributes = {};
  if (const cudaError_t code = cudaFuncGetAttributes(&attributes, entry); code != cudaSuccess) {
    return cuda_failure(code, "cudaFuncGetAttributes");
  }
  const auto permitted = static_cast<int>(device.shared_bytes - attributes.sharedSizeBytes);
  if (const cudaError_t code =
          cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize, permitted);
      code != cudaSuccess) {
    return cuda_failure(code, "cudaFuncSetAttribute");
  }
  int ctas_per_sm = 0;
  if (const cudaError_t code =
          cudaOccupancyMaxActiveBlocksPerMultiprocessor(&ctas_per_sm, entry, threads, shared_bytes);
      code != cudaSuccess) {
    return cuda_failure(code, "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  }
  return KernelFigures{attributes.numRegs, ctas_per_sm};
}

}  // namespace foldconv::host
