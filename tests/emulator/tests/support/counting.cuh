// SPDX-License-Identifier: MIT
// Runs something and returns what the emulator counted meanwhile.
#pragma once

#include "cuemu.h"
#include "device.cuh"

namespace cuemu_tests {

template <class Work>
cuemu_counters count(Work work) {
  CUDA_OK(cudaDeviceSynchronize());
  cuemu_reset_counters();
  work();
  CUDA_OK(cudaGetLastError());
  CUDA_OK(cudaDeviceSynchronize());
  cuemu_counters counters{};
  cuemu_read_counters(&counters);
  return counters;
}

}  // namespace cuemu_tests

// First line of a test that needs the emulator: a real GPU has no counters and does not survive a
// fault.
#define NEEDS_EMULATOR() \
  if (!cuemu_present()) SKIP_TEST("runs on the emulator only")
