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
  uint64_t mma_instructions;  // mma.sync (and later wgmma) warp instructions
  uint64_t mma_flops;         // 2*m*n*k each
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
} cuemu_counters;

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
//   unknown-opcode, invalid-launch, trap.
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
// accesses of different warps without a barrier between them), "late" (asynchronous copies land as
// late as allowed, the destination poisoned until then; 0: they land at once). Returns the old
// value, or -1 for an unknown name or without the emulator. Start values come from the environment:
// CUEMU_CHECK=uninit,race and CUEMU_ASYNC=late|eager (late is the default).
static inline int cuemu_set_switch(const char* name, int value) {
  void* f = cuemu_symbol_("cuemu_set_switch_impl");
  return f == NULL ? -1 : ((int (*)(const char*, int))f)(name, value);
}

#endif  // CUEMU_H_
