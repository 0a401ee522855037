// SPDX-License-Identifier: MIT
// Copies of boxes of tensors, by one thread (sm_90). Coordinates are the box's first element, innermost dimension
// first; a load's bytes, filled ones included, are counted at the barrier. PTX ISA, "cp.async.bulk.tensor".
#pragma once

#include <cuda.h>

#include <cstdint>

namespace foldconv::ptx {

__device__ __forceinline__ void prefetch_tensor_map(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];\n" ::"l"(&map) : "memory");
}

// Into this CTA's shared memory.
__device__ __forceinline__ void load_tensor(std::uint32_t destination, const CUtensorMap& map,
                                            std::uint32_t barrier, int c0, int c1) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%3, %4}], [%2];\n" ::"r"(destination),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1)
      : "memory");
}
__device__ __forceinline__ void load_tensor(std::uint32_t destination, const CUtensorMap& map,
                                            std::uint32_t barrier, int c0, int c1, int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%3, %4, %5}], [%2];\n" ::"r"(destination),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}

// To the same place, and to the same barrier, of each CTA of the cluster whose bit is set.
__device__ __forceinline__ void load_tensor_multicast(std::uint32_t destination,
                                                      const CUtensorMap& map, std::uint32_t barrier,
                                                      int c0, int c1, std::uint16_t ctas) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;\n" ::"r"(destination),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1), "h"(ctas)
      : "memory");
}

// A pixel of a 4-dimensional im2col map: channel, base position, image; and a tap's distance from the base position.
struct Im2colPlace {
  int c, w, h, n;
  std::uint16_t tap_w, tap_h;
};
__device__ __forceinline__ void load_im2col(std::uint32_t destination, const CUtensorMap& map,
                                            std::uint32_t barrier, const Im2colPlace& at) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%3, %4, %5, %6}], [%2], {%7, %8};\n" ::"r"(destination),
      "l"(&map), "r"(barrier), "r"(at.c), "r"(at.w), "r"(at.h), "r"(at.n), "h"(at.tap_w),
      "h"(at.tap_h)
      : "memory");
}
__device__ __forceinline__ void load_im2col_multicast(std::uint32_t destination,
                                                      const CUtensorMap& map, std::uint32_t barrier,
                                                      const Im2colPlace& at, std::uint16_t ctas) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%3, %4, %5, %6}], [%2], {%7, %8}, %9;\n" ::"r"(destination),
      "l"(&map), "r"(barrier), "r"(at.c), "r"(at.w), "r"(at.h), "r"(at.n), "h"(at.tap_w),
      "h"(at.tap_h), "h"(ctas)
      : "memory");
}

// From shared memory; what of the box lies outside the tensor is not written.
__device__ __forceinline__ void store_tensor(const CUtensorMap& map, std::uint32_t source, int c0,
                                             int c1, int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4}], [%1];\n" ::
          "l"(&map),
      "r"(source), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}

// Closes the group of all stores that this thread issued since the last call.
__device__ __forceinline__ void commit_stores() {
  asm volatile("cp.async.bulk.commit_group;\n" ::: "memory");
}
// Waits for this thread's stores: until they read shared memory no more, or until they are done.
__device__ __forceinline__ void wait_store_reads() {
  asm volatile("cp.async.bulk.wait_group.read 0;\n" ::: "memory");
}
__device__ __forceinline__ void wait_stores() {
  asm volatile("cp.async.bulk.wait_group 0;\n" ::: "memory");
}

// Orders this thread's accesses to shared memory before asynchronous ones that follow.
__device__ __forceinline__ void fence_async_shared() {
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
}

}  // namespace foldconv::ptx
