// SPDX-License-Identifier: MIT
// Shared memory by 32-bit address: what asynchronous copies and ldmatrix take, and half the
// registers of a pointer.
#pragma once

#include <cstdint>

namespace foldconv::ptx {

__device__ __forceinline__ std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// 2 bytes, zero-extended.
__device__ __forceinline__ std::uint32_t load_shared_2(std::uint32_t address) {
  std::uint16_t value;
  asm volatile("ld.shared.u16 %0, [%1];\n" : "=h"(value) : "r"(address) : "memory");
  return value;
}

__device__ __forceinline__ std::uint32_t load_shared_4(std::uint32_t address) {
  std::uint32_t value;
  asm volatile("ld.shared.u32 %0, [%1];\n" : "=r"(value) : "r"(address) : "memory");
  return value;
}

// The same where `wanted`, else zero: a predicate in place of a branch.
__device__ __forceinline__ std::uint32_t load_shared_4_or_zero(std::uint32_t address, bool wanted) {
  std::uint32_t value;
  asm volatile(
      "{\n"
      ".reg .pred wanted;\n"
      "setp.ne.u32 wanted, %2, 0;\n"
      "mov.u32 %0, 0;\n"
      "@wanted ld.shared.u32 %0, [%1];\n"
      "}\n"
      : "=&r"(value)
      : "r"(address), "r"(static_cast<std::uint32_t>(wanted))
      : "memory");
  return value;
}

// 16 bytes, 16-byte aligned; in one access, whatever part of it is used.
__device__ __forceinline__ void load_shared_16(std::uint32_t address, std::uint32_t (&words)[4]) {
  asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(address)
               : "memory");
}

// 16 bytes, 16-byte aligned.
__device__ __forceinline__ void store_shared_16(std::uint32_t address,
                                                const std::uint32_t (&words)[4]) {
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};\n" ::"r"(address), "r"(words[0]),
               "r"(words[1]), "r"(words[2]), "r"(words[3])
               : "memory");
}

}  // namespace foldconv::ptx
