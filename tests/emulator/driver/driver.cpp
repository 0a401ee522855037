// SPDX-License-Identifier: MIT
// A libcuda.so.1 for programs that ask the driver itself whether a device is in use, as PyTorch does before it uses one.
// It knows nothing else.
#include <cuda.h>

extern "C" __attribute__((visibility("default"))) CUresult cuDevicePrimaryCtxGetState(
    CUdevice device, unsigned* flags, int* active) {
  if (device < 0 || flags == nullptr || active == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *flags = 0;
  *active = 1;
  return CUDA_SUCCESS;
}
