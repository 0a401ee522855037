// SPDX-License-Identifier: MIT
// Hopper's instructions, one wrapper for each family; shared memory by 32-bit address. PTX ISA, the
// section of each instruction. wgmma lies in wgmma.cu: its operands are a matter of macros.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace foldconv::probes::ptx {

__device__ __forceinline__ std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

// The first 1024-byte boundary at or after a pointer to shared memory.
__device__ __forceinline__ unsigned char* align_1024(unsigned char* pointer) {
  return pointer + (1024u - shared_address(pointer) % 1024u) % 1024u;
}

// Makes this thread's writes to shared memory visible to the copy engine and to wgmma.
__device__ __forceinline__ void fence_proxy_async() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// --- mbarrier ---

__device__ __forceinline__ void mbarrier_init(std::uint32_t barrier, std::uint32_t count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}

// Makes an initialised barrier visible to the other CTAs of the cluster and to the copy engine.
__device__ __forceinline__ void fence_mbarrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ __forceinline__ void mbarrier_invalidate(std::uint32_t barrier) {
  asm volatile("mbarrier.inval.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}

__device__ __forceinline__ std::uint64_t mbarrier_arrive(std::uint32_t barrier,
                                                         std::uint32_t count) {
  std::uint64_t state;
  asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 %0, [%1], %2;"
               : "=l"(state)
               : "r"(barrier), "r"(count)
               : "memory");
  return state;
}

__device__ __forceinline__ std::uint64_t mbarrier_arrive_drop(std::uint32_t barrier,
                                                              std::uint32_t count) {
  std::uint64_t state;
  asm volatile("mbarrier.arrive_drop.release.cta.shared::cta.b64 %0, [%1], %2;"
               : "=l"(state)
               : "r"(barrier), "r"(count)
               : "memory");
  return state;
}

__device__ __forceinline__ std::uint64_t mbarrier_arrive_no_complete(std::uint32_t barrier,
                                                                     std::uint32_t count) {
  std::uint64_t state;
  asm volatile("mbarrier.arrive.noComplete.release.cta.shared::cta.b64 %0, [%1], %2;"
               : "=l"(state)
               : "r"(barrier), "r"(count)
               : "memory");
  return state;
}

__device__ __forceinline__ std::uint64_t mbarrier_arrive_expect_tx(std::uint32_t barrier,
                                                                   std::uint32_t bytes) {
  std::uint64_t state;
  asm volatile("mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 %0, [%1], %2;"
               : "=l"(state)
               : "r"(barrier), "r"(bytes)
               : "memory");
  return state;
}

__device__ __forceinline__ void mbarrier_expect_tx(std::uint32_t barrier, std::uint32_t bytes) {
  asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}

__device__ __forceinline__ void mbarrier_complete_tx(std::uint32_t barrier, std::uint32_t bytes) {
  asm volatile("mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [%0], %1;" ::"r"(barrier),
               "r"(bytes)
               : "memory");
}

__device__ __forceinline__ std::uint32_t mbarrier_pending_count(std::uint64_t state) {
  std::uint32_t count;
  asm volatile("mbarrier.pending_count.b64 %0, %1;" : "=r"(count) : "l"(state));
  return count;
}

__device__ __forceinline__ bool mbarrier_test_state(std::uint32_t barrier, std::uint64_t state) {
  std::uint32_t done;
  asm volatile(
      "{\n.reg .pred p;\n"
      "mbarrier.test_wait.acquire.cta.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"(barrier), "l"(state)
      : "memory");
  return done != 0;
}

__device__ __forceinline__ bool mbarrier_test_parity(std::uint32_t barrier, std::uint32_t parity) {
  std::uint32_t done;
  asm volatile(
      "{\n.reg .pred p;\n"
      "mbarrier.test_wait.parity.acquire.cta.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
}

// The form that may suspend the thread, for a time that the system chooses.
__device__ __forceinline__ bool mbarrier_try_parity(std::uint32_t barrier, std::uint32_t parity) {
  std::uint32_t done;
  asm volatile(
      "{\n.reg .pred p;\n"
      "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
}

// Waits for the phase of that parity, about 0.1 s at most: a probe must end even where it was wrong
// about what completes a barrier. With cluster scope, so that it serves remote arrivals, too.
__device__ __forceinline__ bool wait_bounded(std::uint32_t barrier, std::uint32_t parity) {
  const long long start = clock64();
  do {
    std::uint32_t done;
    asm volatile(
        "{\n.reg .pred p;\n"
        "mbarrier.test_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n}"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
    if (done != 0) return true;
  } while (clock64() - start < 150'000'000);
  return false;
}

// This thread's earlier cp.async copies arrive at the barrier when they are done, without a count
// of their own.
__device__ __forceinline__ void copy_async_arrive_noinc(std::uint32_t barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}

__device__ __forceinline__ void copy_async_16(std::uint32_t destination, const void* source) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(destination), "l"(source)
               : "memory");
}

// --- Clusters and distributed shared memory ---

__device__ __forceinline__ std::uint32_t cluster_rank() {
  std::uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

__device__ __forceinline__ std::uint32_t cluster_size() {
  std::uint32_t size;
  asm volatile("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  return size;
}

__device__ __forceinline__ void cluster_sync() {
  asm volatile(
      "barrier.cluster.arrive.release.aligned;\n"
      "barrier.cluster.wait.acquire.aligned;" ::
          : "memory");
}

// The address of the same variable in another CTA of the cluster.
__device__ __forceinline__ std::uint32_t map_address(std::uint32_t address, std::uint32_t rank) {
  std::uint32_t mapped;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(mapped) : "r"(address), "r"(rank));
  return mapped;
}

__device__ __forceinline__ std::uint32_t rank_of_address(std::uint32_t address) {
  std::uint32_t rank;
  asm volatile("getctarank.shared::cluster.u32 %0, %1;" : "=r"(rank) : "r"(address));
  return rank;
}

__device__ __forceinline__ std::uint32_t load_cluster(std::uint32_t address) {
  std::uint32_t value;
  asm volatile("ld.shared::cluster.u32 %0, [%1];" : "=r"(value) : "r"(address) : "memory");
  return value;
}

__device__ __forceinline__ void store_cluster(std::uint32_t address, std::uint32_t value) {
  asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}

__device__ __forceinline__ std::uint32_t atomic_add_cluster(std::uint32_t address,
                                                            std::uint32_t value) {
  std::uint32_t old;
  asm volatile("atom.relaxed.cluster.shared::cluster.add.u32 %0, [%1], %2;"
               : "=r"(old)
               : "r"(address), "r"(value)
               : "memory");
  return old;
}

// Both addresses in the same, usually another, CTA: the barrier counts the bytes.
__device__ __forceinline__ void store_async(std::uint32_t address, std::uint32_t value,
                                            std::uint32_t barrier) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%0], %1, [%2];" ::"r"(address),
      "r"(value), "r"(barrier)
      : "memory");
}

__device__ __forceinline__ void store_async_4(std::uint32_t address, const std::uint32_t (&v)[4],
                                              std::uint32_t barrier) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.u32 [%0], {%1, %2, %3, %4}, "
      "[%5];" ::"r"(address),
      "r"(v[0]), "r"(v[1]), "r"(v[2]), "r"(v[3]), "r"(barrier)
      : "memory");
}

__device__ __forceinline__ void mbarrier_arrive_remote(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(barrier)
               : "memory");
}

__device__ __forceinline__ void mbarrier_arrive_expect_tx_remote(std::uint32_t barrier,
                                                                 std::uint32_t bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _, [%0], %1;" ::"r"(barrier),
      "r"(bytes)
      : "memory");
}

// --- Bulk copies ---

__device__ __forceinline__ void bulk_load(std::uint32_t destination, const void* source,
                                          std::uint32_t bytes, std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, "
      "[%3];" ::"r"(destination),
      "l"(source), "r"(bytes), "r"(barrier)
      : "memory");
}

__device__ __forceinline__ void bulk_load_multicast(std::uint32_t destination, const void* source,
                                                    std::uint32_t bytes, std::uint32_t barrier,
                                                    std::uint16_t mask) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], "
      "[%1], %2, [%3], %4;" ::"r"(destination),
      "l"(source), "r"(bytes), "r"(barrier), "h"(mask)
      : "memory");
}

__device__ __forceinline__ void bulk_copy_to_cluster(std::uint32_t destination,
                                                     std::uint32_t source, std::uint32_t bytes,
                                                     std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, "
      "[%3];" ::"r"(destination),
      "r"(source), "r"(bytes), "r"(barrier)
      : "memory");
}

__device__ __forceinline__ void bulk_store(void* destination, std::uint32_t source,
                                           std::uint32_t bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(destination),
               "r"(source), "r"(bytes)
               : "memory");
}

__device__ __forceinline__ void bulk_add_u32(void* destination, std::uint32_t source,
                                             std::uint32_t bytes) {
  asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%0], [%1], %2;" ::"l"(
                   destination),
               "r"(source), "r"(bytes)
               : "memory");
}

// Waits until all of this thread's bulk stores are done and visible.
__device__ __forceinline__ void bulk_commit_and_wait() {
  asm volatile(
      "cp.async.bulk.commit_group;\n"
      "cp.async.bulk.wait_group 0;" ::
          : "memory");
}

// --- Tensor copies: coordinates innermost first ---

template <int kRank>
__device__ __forceinline__ void tensor_load(std::uint32_t destination, const CUtensorMap* map,
                                            const int (&c)[5], std::uint32_t barrier) {
#define FOLDCONV_TENSOR_LOAD(rank) \
  "cp.async.bulk.tensor." rank     \
  ".shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, "
  if constexpr (kRank == 1) {
    asm volatile(FOLDCONV_TENSOR_LOAD("1d") "{%3}], [%2];" ::"r"(destination), "l"(map),
                 "r"(barrier), "r"(c[0])
                 : "memory");
  } else if constexpr (kRank == 2) {
    asm volatile(FOLDCONV_TENSOR_LOAD("2d") "{%3, %4}], [%2];" ::"r"(destination), "l"(map),
                 "r"(barrier), "r"(c[0]), "r"(c[1])
                 : "memory");
  } else if constexpr (kRank == 3) {
    asm volatile(FOLDCONV_TENSOR_LOAD("3d") "{%3, %4, %5}], [%2];" ::"r"(destination), "l"(map),
                 "r"(barrier), "r"(c[0]), "r"(c[1]), "r"(c[2])
                 : "memory");
  } else if constexpr (kRank == 4) {
    asm volatile(FOLDCONV_TENSOR_LOAD("4d") "{%3, %4, %5, %6}], [%2];" ::"r"(destination), "l"(map),
                 "r"(barrier), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3])
                 : "memory");
  } else {
    asm volatile(FOLDCONV_TENSOR_LOAD("5d") "{%3, %4, %5, %6, %7}], [%2];" ::"r"(destination),
                 "l"(map), "r"(barrier), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]), "r"(c[4])
                 : "memory");
  }
#undef FOLDCONV_TENSOR_LOAD
}

// Rows of an im2col matrix. `offsets`: of the filter tap, in the order w, h, d.
template <int kRank>
__device__ __forceinline__ void tensor_load_im2col(std::uint32_t destination,
                                                   const CUtensorMap* map, const int (&c)[5],
                                                   const std::uint16_t (&offsets)[3],
                                                   std::uint32_t barrier) {
#define FOLDCONV_IM2COL_LOAD(rank) \
  "cp.async.bulk.tensor." rank     \
  ".shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, "
  if constexpr (kRank == 3) {
    asm volatile(FOLDCONV_IM2COL_LOAD("3d") "{%3, %4, %5}], [%2], {%6};" ::"r"(destination),
                 "l"(map), "r"(barrier), "r"(c[0]), "r"(c[1]), "r"(c[2]), "h"(offsets[0])
                 : "memory");
  } else if constexpr (kRank == 4) {
    asm volatile(FOLDCONV_IM2COL_LOAD("4d") "{%3, %4, %5, %6}], [%2], {%7, %8};" ::"r"(destination),
                 "l"(map), "r"(barrier), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]),
                 "h"(offsets[0]), "h"(offsets[1])
                 : "memory");
  } else {
    asm volatile(
        FOLDCONV_IM2COL_LOAD("5d") "{%3, %4, %5, %6, %7}], [%2], {%8, %9, %10};" ::"r"(destination),
        "l"(map), "r"(barrier), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]), "r"(c[4]),
        "h"(offsets[0]), "h"(offsets[1]), "h"(offsets[2])
        : "memory");
  }
#undef FOLDCONV_IM2COL_LOAD
}

// To the CTAs of the cluster whose bits are set, at the same place in each.
__device__ __forceinline__ void tensor_load_2d_multicast(std::uint32_t destination,
                                                         const CUtensorMap* map, int c0, int c1,
                                                         std::uint32_t barrier,
                                                         std::uint16_t mask) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;" ::"r"(destination),
      "l"(map), "r"(barrier), "r"(c0), "r"(c1), "h"(mask)
      : "memory");
}

__device__ __forceinline__ void tensor_load_im2col_4d_multicast(
    std::uint32_t destination, const CUtensorMap* map, const int (&c)[5],
    const std::uint16_t (&offsets)[3], std::uint32_t barrier, std::uint16_t mask) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%3, %4, %5, %6}], [%2], {%7, %8}, %9;" ::"r"(destination),
      "l"(map), "r"(barrier), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3]), "h"(offsets[0]),
      "h"(offsets[1]), "h"(mask)
      : "memory");
}

__device__ __forceinline__ void tensor_store_2d(const CUtensorMap* map, int c0, int c1,
                                                std::uint32_t source) {
  asm volatile(
      "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map),
      "r"(source), "r"(c0), "r"(c1)
      : "memory");
}

__device__ __forceinline__ void tensor_store_4d(const CUtensorMap* map, const int (&c)[5],
                                                std::uint32_t source) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%0, {%2, %3, %4, %5}], "
      "[%1];" ::"l"(map),
      "r"(source), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3])
      : "memory");
}

// Rows of an im2col matrix back to their pixels; there is no tap.
__device__ __forceinline__ void tensor_store_4d_im2col(const CUtensorMap* map, const int (&c)[5],
                                                       std::uint32_t source) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.im2col_no_offs.bulk_group [%0, {%2, %3, %4, "
      "%5}], [%1];" ::"l"(map),
      "r"(source), "r"(c[0]), "r"(c[1]), "r"(c[2]), "r"(c[3])
      : "memory");
}

__device__ __forceinline__ void tensor_add_2d(const CUtensorMap* map, int c0, int c1,
                                              std::uint32_t source) {
  asm volatile(
      "cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%0, {%2, %3}], "
      "[%1];" ::"l"(map),
      "r"(source), "r"(c0), "r"(c1)
      : "memory");
}

// --- Registers, order of grids ---

template <int kRegisters>
__device__ __forceinline__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

template <int kRegisters>
__device__ __forceinline__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

__device__ __forceinline__ void wait_for_earlier_grids() {
  asm volatile("griddepcontrol.wait;" ::: "memory");
}

__device__ __forceinline__ void launch_dependent_grids() {
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}

}  // namespace foldconv::probes::ptx
