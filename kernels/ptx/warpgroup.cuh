// SPDX-License-Identifier: MIT
// Warpgroups: registers moved between them, and barriers of their own. PTX ISA, "setmaxnreg", "bar".
#pragma once

#include <cstdint>

namespace foldconv::ptx {

// True in one thread of the warp, which all of its threads have reached. ptxas then knows that what follows has one
// thread, and moves operands of copies to uniform registers without a loop over threads.
__device__ __forceinline__ bool elected() {
  std::uint32_t is_elected;
  asm volatile(
      "{\n"
      ".reg .pred elected;\n"
      "elect.sync _|elected, 0xffffffff;\n"
      "selp.u32 %0, 1, 0, elected;\n"
      "}\n"
      : "=r"(is_elected));
  return is_elected != 0;
}

// Gives registers back to the CTA, or takes them, until each thread has `kRegisters`. By all warps of a warpgroup.
template <int kRegisters>
__device__ __forceinline__ void shrink_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ __forceinline__ void grow_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
}

// __syncthreads() for kThreads threads; kNumber 0 is that of the CTA. A constant, for with a number in a register
// ptxas reserves all sixteen.
template <int kNumber, int kThreads>
__device__ __forceinline__ void synchronize_threads() {
  asm volatile("bar.sync %0, %1;\n" ::"n"(kNumber), "n"(kThreads) : "memory");
}

}  // namespace foldconv::ptx
