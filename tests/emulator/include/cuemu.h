// SPDX-License-Identifier: MIT
// cuemu.h: what a program can ask of the CUDA emulator it runs on.
//
// The emulator is a libcudart.so.13 that interprets PTX on the CPU. A program that includes this
// header needs no other library: every function is looked up with dlsym at run time, so the same
// binary runs on a real CUDA runtime, where cuemu_present() is 0 and every other call does nothing
// and returns 0.
//
// Counters are sums over all launches since the last cuemu_reset_counters(), over all host threads.
// All functions may be called from any thread; counters are consistent between launches.
#ifndef CUEMU_H_
#define CUEMU_H_

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Shared-memory traffic of one kind of instruction. A wavefront is one pass over the 32 banks (4
// bytes each): accesses of 4 bytes a lane or less are served for all 32 lanes together, 8 bytes by
// half warps, 16 bytes by quarter warps; within such a phase the wavefronts are the largest number
// of distinct 4-byte words that fall into one bank. The ideal is what the same active lanes would
// need if their distinct words were spread evenly over the banks (at least 1 a phase).
// ldmatrix/stmatrix: one phase for each 8x8 matrix (8 rows of 16 bytes).
typedef struct cuemu_shared_traffic {
  uint64_t instructions;
  uint64_t wavefronts;
  uint64_t ideal_wavefronts;
} cuemu_shared_traffic;

// Global-memory traffic of one direction. A sector is 32 aligned bytes; each warp instruction
// touches every sector its active lanes touch once. Ideal: ceil(distinct bytes touched by the
// instruction / 32).
typedef struct cuemu_global_traffic {
  uint64_t instructions;
  uint64_t bytes;    // sum over active lanes of the access width
  uint64_t sectors;  // sectors touched, summed over warp instructions
  uint64_t ideal_sectors;
  uint64_t unique_bytes;  // 32 x distinct sectors per launch, summed over launches: DRAM traffic
                          // under an L2 that is cold at each launch and large enough within it
} cuemu_global_traffic;

typedef struct cuemu_counters {
  uint64_t
      size;  // sizeof(cuemu_counters) as the caller compiled it; set before cuemu_read_counters
  uint64_t launches;
  uint64_t ctas;
  uint64_t warp_instructions;
  uint64_t mma_instructions;  // mma.sync warp instructions
  uint64_t mma_flops;         // 2*m*n*k each, of mma.sync and wgmma
  uint64_t fma_flops;  // 2 x active lanes of scalar fp fma/mad (x2 for f16x2), 1 x for add/mul/sub
  uint64_t integer_divisions;         // warp instructions div/rem of integer type
  uint64_t barriers;                  // CTA-wide barriers completed
  cuemu_shared_traffic shared_load;   // ld.shared
  cuemu_shared_traffic shared_store;  // st.shared
  cuemu_shared_traffic ldmatrix;
  cuemu_shared_traffic stmatrix;
  cuemu_shared_traffic async_copy;  // the shared side of cp.async
  cuemu_global_traffic
      global_load;  // ld.global (all caches operators) and the global side of cp.async
  cuemu_global_traffic global_store;  // st.global
  uint64_t atomic_instructions;       // atom, red (global and shared)
  uint64_t divergent_branches;        // branches that split a group of lanes
  // Compute capability 9.0. global_load and global_store count bulk and tensor copies in unique_bytes only.
  uint64_t wgmma_instructions;  // wgmma.mma_async, a warpgroup's counted once
  uint64_t
      wgmma_shared_bytes;   // that they read from shared memory: A once a warp, B once a warpgroup
  uint64_t tma_loads;       // bulk and tensor copies to shared memory, a multicast counted once
  uint64_t tma_load_bytes;  // that arrive in shared memory by them, in every CTA of a multicast
  uint64_t tma_filled_bytes;    // of these, zeros for what lies outside the tensor
  uint64_t tma_stores;          // bulk and tensor copies and reductions to global memory
  uint64_t tma_store_bytes;     // that they write: what lies outside the tensor is not
  uint64_t tma_global_sectors;  // that all of these touch: each touches a sector once
  uint64_t multicast_bytes;     // of tma_load_bytes, those of copies to several CTAs
  uint64_t cluster_accesses;    // warp instructions on another CTA's shared memory
  uint64_t barrier_phases;      // of mbarriers, that completed
} cuemu_counters;

// What the program has created and not given back.
typedef struct cuemu_live {
  uint64_t size;         // sizeof(cuemu_live) as the caller compiled it; set by cuemu_read_live
  uint64_t allocations;  // cudaMalloc and its relatives: device, managed and pinned host memory
  uint64_t bytes;        // of these allocations, as asked for
  uint64_t streams;
  uint64_t events;
  uint64_t graphs;
  uint64_t graph_executables;
} cuemu_live;

// One launch that ran (not one that was refused, or only captured; each replay of a graph counts).
typedef struct cuemu_launch {
  const char* kernel;   // demangled, with its template arguments; lives as long as the process
  const char* mangled;  // the symbol; lives as long as the process
  const void*
      function;  // the address of the kernel in the program, as cudaFuncGetAttributes takes it
  uint32_t grid[3], block[3];
  uint32_t dynamic_shared_bytes, static_shared_bytes;
  int32_t device;
  uint32_t cluster[3];        // blocks of a cluster; 1, 1, 1 where there are none
  int32_t overlaps_previous;  // 1: it may have begun before the kernel in front of it had ended
  int32_t cooperative;        // 1: all its blocks were there at once
} cuemu_launch;

#ifdef __cplusplus
}
#endif

// Implementation of the look-up. Internal.
static inline void* cuemu_symbol_(const char* name) {
  return dlsym(RTLD_DEFAULT, name);
}

// 1 where the program runs on the emulator, else 0.
static inline int cuemu_present(void) {
  return cuemu_symbol_("cuemu_read_counters_impl") != NULL;
}

// Fills *out with the sums since the last reset; out->size is set here. Returns 1, or 0 without the
// emulator (then *out is untouched).
static inline int cuemu_read_counters(cuemu_counters* out) {
  void* f = cuemu_symbol_("cuemu_read_counters_impl");
  if (f == NULL) return 0;
  out->size = sizeof *out;
  ((void (*)(cuemu_counters*))f)(out);
  return 1;
}

// Sets all counters to zero.
static inline void cuemu_reset_counters(void) {
  void* f = cuemu_symbol_("cuemu_reset_counters_impl");
  if (f != NULL) ((void (*)(void))f)();
}

// The text of the first fault since the last cuemu_clear_fault(), "" if none. A fault is also
// printed on stderr and becomes a sticky error of the runtime (cudaGetLastError and every later
// call return it), as on a GPU. The text has the form "KIND: detail; kernel NAME, block (x,y,z),
// thread (x,y,z) [lanes ...], FILE:LINE", where KIND is one of
//   out-of-bounds, misaligned-access, divergent-barrier, deadlock, uninitialised-read, race,
//   unknown-opcode, invalid-launch, trap, planted-failure (without a place);
// and of the instructions of compute capability 9.0
//   barrier-reinit, barrier-overrun, barrier-lapped, barrier-misuse, unfenced-barrier,
//   missing-proxy-fence, missing-wgmma-fence, wgmma-in-flight, bulk-source-race, unfinished-copy,
//   negative-store, im2col-start, tensor-map-misuse, dsmem-after-exit, pdl-early-read, register-pool,
//   unprobed (the documents leave open what a GPU does; what follows names the question).
// Copies at most size-1 characters, always terminates; returns the full length.
static inline size_t cuemu_last_fault(char* text, size_t size) {
  void* f = cuemu_symbol_("cuemu_last_fault_impl");
  if (f == NULL) {
    if (size > 0) text[0] = '\0';
    return 0;
  }
  return ((size_t(*)(char*, size_t))f)(text, size);
}

// Forgets the fault and the sticky error, so that a test can go on in the same process (a real GPU
// cannot).
static inline void cuemu_clear_fault(void) {
  void* f = cuemu_symbol_("cuemu_clear_fault_impl");
  if (f != NULL) ((void (*)(void))f)();
}

// Switches, by name: "uninit" (reads of uninitialised shared memory), "race" (shared-memory
// accesses of different warps, asynchronous copies or wgmma without a barrier, or a fence, between them), "late" (asynchronous copies land as
// late as allowed, the destination poisoned until then; 0: they land at once. cp.async lands at the
// wait; a copy from pageable host memory to the device, of which cudaMemcpy and cudaMemcpyAsync
// promise only that the source has been read when they return, lands when something ordered after it
// begins or the host waits for it), "seed" (not 0, and late: bulk and tensor copies, cp.reduce and wgmma act at moments
// drawn at random between issue and wait, by this seed), "sparse" (cudaMalloc gives as much as the emulated device has,
// whatever the host's memory: for a program that touches little of it), "reuse" (freed addresses are given out again by
// the next allocation of their size, as a GPU's allocator may; else much later, so that a use after free is found).
// Returns the old value, or -1 for an unknown name or without the emulator. Start values come from the environment:
// CUEMU_CHECK=uninit,race, CUEMU_ASYNC=late|eager|shuffled[:SEED] (late is the default) and CUEMU_SPARSE=1.
static inline int cuemu_set_switch(const char* name, int value) {
  void* f = cuemu_symbol_("cuemu_set_switch_impl");
  return f == NULL ? -1 : ((int (*)(const char*, int))f)(name, value);
}

// --- Failing calls ---
//
// Every call of a CUDA runtime function that returns a cudaError_t is counted under the function's
// name (the per-thread-default-stream twins under the plain name, kernel<<<>>>() under
// cudaLaunchKernel); only cudaGetLastError and cudaPeekAtLastError are not. Without a name (NULL or
// "") all counted calls are meant but those that give something back (cudaFree..., ...Destroy,
// cudaHostUnregister, cudaDeviceReset; and cudaThreadExchangeStreamCaptureMode and
// cudaPointerGetAttributes, which stand before those): failing them would leak by the test's own doing.
//
//   for (uint64_t n = 1;; ++n) {
//     cuemu_fail_call(NULL, n, cudaErrorMemoryAllocation);
//     const Status status = create(...);
//     if (cuemu_cancel_failure()) break;  // fewer than n calls: all of them have failed once
//     EXPECT_FALSE(status.ok());          // and cuemu_read_live gives what it gave before
//   }

// Makes the n-th such call from now on (1: the next), on whatever thread, fail once with `error` (a
// cudaError_t) and do nothing. The error is the thread's last error as CUDA's are: cudaGetLastError
// returns and forgets it; those that a GPU's context does not survive (cudaErrorIllegalAddress,
// cudaErrorLaunchFailure and the like) stay until cuemu_clear_fault. One failure can be planted at a
// time: the last one counts. Returns 1, or 0 without the emulator, for n = 0 or for cudaSuccess.
// From the environment, counted from the start of the program:
// CUEMU_FAIL=NAME:N[:ERROR], NAME may be `any`, ERROR is a name or a number
// (cudaErrorMemoryAllocation unless given).
static inline int cuemu_fail_call(const char* name, uint64_t n, int error) {
  void* f = cuemu_symbol_("cuemu_fail_call_impl");
  return f == NULL ? 0 : ((int (*)(const char*, uint64_t, int))f)(name, n, error);
}

// Forgets the planted failure. Returns 1 if it had not happened yet, else 0.
static inline int cuemu_cancel_failure(void) {
  void* f = cuemu_symbol_("cuemu_cancel_failure_impl");
  return f == NULL ? 0 : ((int (*)(void))f)();
}

// The number of such calls since the program started, failed ones among them.
static inline uint64_t cuemu_calls(const char* name) {
  void* f = cuemu_symbol_("cuemu_calls_impl");
  return f == NULL ? 0 : ((uint64_t(*)(const char*))f)(name);
}

// Fills *out with what is alive now; out->size is set here. Returns 1, or 0 without the emulator
// (then *out is untouched).
static inline int cuemu_read_live(cuemu_live* out) {
  void* f = cuemu_symbol_("cuemu_read_live_impl");
  if (f == NULL) return 0;
  out->size = sizeof *out;
  ((void (*)(cuemu_live*))f)(out);
  return 1;
}

// --- Launches ---

// The launches since the last cuemu_reset_counters, in the order in which they ran: writes the first
// `count` of them to `out` (which may be NULL when count is 0) and returns how many there were. At
// most the first 65,536 are kept.
static inline size_t cuemu_read_launches(cuemu_launch* out, size_t count) {
  void* f = cuemu_symbol_("cuemu_read_launches_impl");
  if (f == NULL) return 0;
  return ((size_t(*)(cuemu_launch*, size_t, size_t))f)(out, count, sizeof(cuemu_launch));
}

// From now on, launches run only `count` of their CTAs, from number `first` on (x runs fastest);
// a negative `first` counts from the end of the grid: -1 is its last CTA. What lies outside the grid
// is left out. The others are as if they had returned at once: the grid keeps its size, the counters
// see what ran. count = 0: all CTAs again. For tensors too large to compute: see "sparse" at
// cuemu_set_switch.
static inline void cuemu_run_ctas(int64_t first, uint64_t count) {
  void* f = cuemu_symbol_("cuemu_run_ctas_impl");
  if (f != NULL) ((void (*)(int64_t, uint64_t))f)(first, count);
}

// From now on, every launch calls hook(argument) on the launching thread before it reads the
// kernel's arguments (NULL: no more). A hook that makes two threads wait for each other there shows
// arguments that they share by mistake.
static inline void cuemu_at_launch(void (*hook)(void*), void* argument) {
  void* f = cuemu_symbol_("cuemu_at_launch_impl");
  if (f != NULL) ((void (*)(void (*)(void*), void*))f)(hook, argument);
}

#endif  // CUEMU_H_
