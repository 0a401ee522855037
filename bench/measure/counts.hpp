// SPDX-License-Identifier: MIT
// What the emulator counts, launch by launch.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/device/objects.hpp"

namespace foldconv::tool {

// What one or more launches did.
struct Traffic {
  std::uint64_t launches = 0;
  std::uint64_t dram_bytes = 0;
  std::uint64_t mma_instructions = 0;
  std::uint64_t mma_flops = 0;
  std::uint64_t fma_flops = 0;
  std::uint64_t shared_wavefronts = 0;
  std::uint64_t ideal_shared_wavefronts = 0;

  Traffic& operator+=(const Traffic& other);
  double wavefronts_over_ideal() const;  // 1: no bank conflicts; 0: no shared memory used
};

// Runs `launch` once, to its end, and returns what each of its kernels did, in launch order.
// On the emulator only. Throws what `launch` throws, and Error (cuda_error).
std::vector<Traffic> count_launches(const harness::Launch& launch);

}  // namespace foldconv::tool
