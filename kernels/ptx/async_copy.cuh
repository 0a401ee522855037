// SPDX-License-Identifier: MIT
// cp.async: global -> shared memory without registers (sm_80). PTX ISA, "Data Movement: cp.async".
#pragma once

#include <cstdint>

namespace foldconv::ptx {

// Copies the first `bytes` of 16, 0 to 16, without reading what follows them, and writes zeros for the
// others. Both sides 16-byte aligned. Bypasses L1 (.cg): a tile is read once per CTA, and reuse
// between CTAs lies in L2.
__device__ __forceinline__ void copy_async_up_to_16(std::uint32_t destination, const void* source,
                                                    std::uint32_t bytes) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;\n" ::"r"(destination),
               "l"(source), "r"(bytes)
               : "memory");
}

// Copies 16 bytes where `valid`, else writes 16 zero bytes without reading `source`.
__device__ __forceinline__ void copy_async_16(std::uint32_t destination, const void* source,
                                              bool valid) {
  copy_async_up_to_16(destination, source, valid ? 16 : 0);
}

// The same where none of the bits `needs` is in `missing`: the test is one instruction.
__device__ __forceinline__ void copy_async_16(std::uint32_t destination, const void* source,
                                              std::uint32_t missing, std::uint32_t needs) {
  asm volatile(
      "{\n"
      ".reg .pred valid;\n"
      ".reg .b32 bits, bytes;\n"
      "and.b32 bits, %2, %3;\n"
      "setp.eq.u32 valid, bits, 0;\n"
      "selp.b32 bytes, 16, 0, valid;\n"
      "cp.async.cg.shared.global.L2::128B [%0], [%1], 16, bytes;\n"
      "}\n" ::"r"(destination),
      "l"(source), "r"(missing), "r"(needs)
      : "memory");
}

// The same, but nothing at all unless `wanted`: a predicate where a branch would stand between the products.
__device__ __forceinline__ void copy_async_16_if(bool wanted, std::uint32_t destination,
                                                 const void* source, bool valid) {
  const std::uint32_t bytes = valid ? 16 : 0;
  asm volatile(
      "{\n"
      ".reg .pred wanted;\n"
      "setp.ne.u32 wanted, %3, 0;\n"
      "@wanted cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;\n"
      "}\n" ::"r"(destination),
      "l"(source), "r"(bytes), "r"(static_cast<std::uint32_t>(wanted))
      : "memory");
}

// Closes the group of all copies this thread issued since the last call.
__device__ __forceinline__ void commit_async_copies() {
  asm volatile("cp.async.commit_group;\n" ::: "memory");
}

// Waits until at most `kPending` of this thread's latest groups are still under way.
template <int kPending>
__device__ __forceinline__ void wait_async_copies() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(kPending) : "memory");
}

}  // namespace foldconv::ptx
