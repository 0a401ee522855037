// SPDX-License-Identifier: MIT
// mbarriers by shared address (sm_90). PTX ISA, "Parallel Synchronization and Communication Instructions: mbarrier".
#pragma once

#include <cstdint>

namespace foldconv::ptx {

// A phase ends after `count` arrivals, when the bytes expected in it have come, too.
__device__ __forceinline__ void init_mbarrier(std::uint32_t barrier, std::uint32_t count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(barrier), "r"(count) : "memory");
}

// Makes initialised barriers visible to the cluster and to asynchronous copies; a barrier of the threads must follow.
__device__ __forceinline__ void fence_mbarrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
}

__device__ __forceinline__ void arrive(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];\n" ::"r"(barrier) : "memory");
}

// At the barrier of that shared::cluster address, of whatever CTA of the cluster. Makes no writes visible there: for
// that it would have to release at the scope of the cluster, which waits for all of the thread's writes. To say that
// something has been read needs none of it.
__device__ __forceinline__ void arrive_in_cluster(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.release.cta.shared::cluster.b64 _, [%0];\n" ::"r"(barrier)
               : "memory");
}

// Arrives, and lets the phase wait for so many bytes of asynchronous copies.
__device__ __forceinline__ void arrive_and_expect(std::uint32_t barrier, std::uint32_t bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [%0], %1;\n" ::"r"(barrier),
      "r"(bytes)
      : "memory");
}

// Waits until the phase of that parity (0: the first, 1: the second or the one before the first, ...) has ended. A
// parity tells neighbouring phases apart, no others: the caller is at most one phase behind.
__device__ __forceinline__ void wait_mbarrier(std::uint32_t barrier, std::uint32_t parity) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "repeat:\n"
      "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra repeat;\n"
      "}\n" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

}  // namespace foldconv::ptx
