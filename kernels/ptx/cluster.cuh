// SPDX-License-Identifier: MIT
// Clusters of CTAs (sm_90). PTX ISA, "mapa", "barrier.cluster".
#pragma once

#include <cstdint>

namespace foldconv::ptx {

// The shared::cluster address of what lies at a shared address of this CTA, in the CTA of that rank.
__device__ __forceinline__ std::uint32_t address_in_cluster(std::uint32_t address,
                                                            std::uint32_t rank) {
  std::uint32_t mapped;
  asm("mapa.shared::cluster.u32 %0, %1, %2;\n" : "=r"(mapped) : "r"(address), "r"(rank));
  return mapped;
}

// All threads of all CTAs of the cluster. Threads of a warp may come one by one.
__device__ __forceinline__ void synchronize_cluster() {
  asm volatile(
      "barrier.cluster.arrive.release;\n"
      "barrier.cluster.wait.acquire;\n" ::
          : "memory");
}

}  // namespace foldconv::ptx
