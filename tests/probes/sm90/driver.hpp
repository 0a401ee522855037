// SPDX-License-Identifier: MIT
// The driver's functions, through the runtime: this program does not link libcuda.
#pragma once

#include <cuda.h>

namespace foldconv::probes {

// Throws NotSupported where the driver has no such function.
void* driver_entry(const char* name);

inline auto* tiled_encoder() {
  return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(
      driver_entry("cuTensorMapEncodeTiled"));
}
inline auto* im2col_encoder() {
  return reinterpret_cast<decltype(&cuTensorMapEncodeIm2col)>(
      driver_entry("cuTensorMapEncodeIm2col"));
}

}  // namespace foldconv::probes
