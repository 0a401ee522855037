// SPDX-License-Identifier: MIT
// Which devices there are, and which one a thread uses.
#pragma once

#include "cuda_declarations.hpp"

namespace cuemu::runtime {

inline constexpr int most_devices = 8;

// CUEMU_DEVICES, 1 unless given. They are all alike, and none reaches another's memory.
int device_count();

// What the calling thread has chosen with cudaSetDevice, at first device 0.
int current_device();

inline bool is_device(int number) {
  return number >= 0 && number < device_count();
}

}  // namespace cuemu::runtime
