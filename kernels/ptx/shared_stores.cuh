// SPDX-License-Identifier: MIT
// Stores to shared memory of less than 16 bytes, by 32-bit address. PTX ISA, "st".
#pragma once

#include <cstdint>

namespace foldconv::ptx {

__device__ __forceinline__ void store_shared_2(std::uint32_t address, std::uint16_t value) {
  asm volatile("st.shared.u16 [%0], %1;\n" ::"r"(address), "h"(value) : "memory");
}

__device__ __forceinline__ void store_shared_4(std::uint32_t address, std::uint32_t value) {
  asm volatile("st.shared.u32 [%0], %1;\n" ::"r"(address), "r"(value) : "memory");
}

}  // namespace foldconv::ptx
