// SPDX-License-Identifier: MIT
// What stays in a register, and what is not worth one.
#pragma once

#include <cstdint>

namespace foldconv::ptx {

// From here on `value` comes from a register: without this the compiler repeats the computation wherever it is used,
// divisions and all, in every pass of a loop.
__device__ __forceinline__ void keep(int& value) {
  asm volatile("" : "+r"(value));
}
__device__ __forceinline__ void keep(std::uint32_t& value) {
  asm volatile("" : "+r"(value));
}

// `value`, of which the compiler does not know that it is the same in the next pass of a loop: what is made of it is
// not moved out of the loop, into registers that the loop needs.
__device__ __forceinline__ int recomputed(int value) {
  keep(value);
  return value;
}
__device__ __forceinline__ std::uint32_t recomputed(std::uint32_t value) {
  keep(value);
  return value;
}

// base + index, index in units of a T: one instruction (PTX ISA, "mad.wide"), where the compiler would keep the 64-bit
// product of each index in two registers.
template <class T>
__device__ __forceinline__ const T* element_at(const T* base, int index) {
  std::uint64_t address;
  asm("mad.wide.s32 %0, %1, %2, %3;\n"
      : "=l"(address)
      : "r"(index), "n"(sizeof(T)), "l"(reinterpret_cast<std::uint64_t>(base)));
  return reinterpret_cast<const T*>(address);
}

}  // namespace foldconv::ptx
