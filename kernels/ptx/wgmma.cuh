// SPDX-License-Identifier: MIT
// wgmma.m64nNk16 with 16-bit operands in shared memory, K-major, and fp32 accumulators (sm_90a). PTX ISA,
// "Asynchronous Warpgroup Level Matrix Multiply-Accumulate Instructions".
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace foldconv::ptx {

// Rows of 128 bytes that lie one after the other in shared memory from a 1024-byte boundary on, 128-byte swizzle:
// address in units of 16 bytes, 1024 bytes from eight rows to the next (bits 32 to 45), mode 1 (bits 62, 63). The
// distance of columns, bits 16 to 29, is not used in this mode. PTX ISA, "Matrix Descriptor".
__device__ __forceinline__ std::uint64_t matrix_descriptor(std::uint32_t address) {
  return std::uint64_t{1} << 62 | std::uint64_t{1024 >> 4} << 32 | (address & 0x3ffff) >> 4;
}

// Before a warpgroup's first wgmma, and wherever other instructions have accessed its accumulators.
__device__ __forceinline__ void fence_wgmma() {
  asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
}
// Closes the group of all wgmmas that this warp issued since the last call.
__device__ __forceinline__ void commit_wgmma() {
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
}
// Waits until at most `kPending` of the latest groups are under way.
template <int kPending>
__device__ __forceinline__ void wait_wgmma() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(kPending) : "memory");
}

// What reads the sum stays behind what stands before this: the compiler does not see wgmma write it.
__device__ __forceinline__ void settle(float& sum) {
  asm volatile("" : "+f"(sum)::"memory");
}

// d = a * b, + d if `accumulate`. a: 64 x 16, b: N x 16. Register i of thread t is row 16 * (t / 32 % 4) + t % 32 / 4
// + 8 * (i % 4 / 2), column 8 * (i / 4) + 2 * (t % 4) + i % 2.
template <class Element, int kN>
struct Wgmma;

// Operand lists by N: the registers' numbers, and the registers.
#define FOLDCONV_TEN(t) \
  "%" t "0, %" t "1, %" t "2, %" t "3, %" t "4, %" t "5, %" t "6, %" t "7, %" t "8, %" t "9, "
#define FOLDCONV_FOUR(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define FOLDCONV_SIXTEEN(i) \
  FOLDCONV_FOUR(i), FOLDCONV_FOUR(i + 4), FOLDCONV_FOUR(i + 8), FOLDCONV_FOUR(i + 12)

#define FOLDCONV_NAMES_8 "%0, %1, %2, %3"
#define FOLDCONV_NAMES_16 "%0, %1, %2, %3, %4, %5, %6, %7"
#define FOLDCONV_NAMES_32 FOLDCONV_TEN("") "%10, %11, %12, %13, %14, %15"
#define FOLDCONV_NAMES_64 FOLDCONV_TEN("") FOLDCONV_TEN("1") FOLDCONV_TEN("2") "%30, %31"
// clang-format off
#define FOLDCONV_NAMES_128 \
  FOLDCONV_TEN("") FOLDCONV_TEN("1") FOLDCONV_TEN("2") FOLDCONV_TEN("3") FOLDCONV_TEN("4") FOLDCONV_TEN("5") \
  "%60, %61, %62, %63"
#define FOLDCONV_NAMES_256 \
  FOLDCONV_TEN("") FOLDCONV_TEN("1") FOLDCONV_TEN("2") FOLDCONV_TEN("3") FOLDCONV_TEN("4") FOLDCONV_TEN("5") \
  FOLDCONV_TEN("6") FOLDCONV_TEN("7") FOLDCONV_TEN("8") FOLDCONV_TEN("9") FOLDCONV_TEN("10") FOLDCONV_TEN("11") \
  "%120, %121, %122, %123, %124, %125, %126, %127"
// clang-format on
#define FOLDCONV_REGISTERS_8 FOLDCONV_FOUR(0)
#define FOLDCONV_REGISTERS_16 FOLDCONV_FOUR(0), FOLDCONV_FOUR(4)
#define FOLDCONV_REGISTERS_32 FOLDCONV_SIXTEEN(0)
#define FOLDCONV_REGISTERS_64 FOLDCONV_SIXTEEN(0), FOLDCONV_SIXTEEN(16)
#define FOLDCONV_REGISTERS_128 \
  FOLDCONV_SIXTEEN(0), FOLDCONV_SIXTEEN(16), FOLDCONV_SIXTEEN(32), FOLDCONV_SIXTEEN(48)
#define FOLDCONV_REGISTERS_256                                                           \
  FOLDCONV_SIXTEEN(0), FOLDCONV_SIXTEEN(16), FOLDCONV_SIXTEEN(32), FOLDCONV_SIXTEEN(48), \
      FOLDCONV_SIXTEEN(64), FOLDCONV_SIXTEEN(80), FOLDCONV_SIXTEEN(96), FOLDCONV_SIXTEEN(112)

// The operands that follow the accumulators: a, b and whether to add.
#define FOLDCONV_WGMMA(element, type, n, a_name, b_name, add_name)                            \
  template <>                                                                                 \
  struct Wgmma<element, n> {                                                                  \
    static __device__ __forceinline__ void multiply(float (&d)[n / 2], std::uint64_t a,       \
                                                    std::uint64_t b, int accumulate) {        \
      asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, " add_name                           \
                   ", 0;\nwgmma.mma_async.sync.aligned.m64n" #n "k16.f32." type               \
                   " {" FOLDCONV_NAMES_##n "}, " a_name ", " b_name ", add, 1, 1, 0, 0;\n}\n" \
                   : FOLDCONV_REGISTERS_##n                                                   \
                   : "l"(a), "l"(b), "r"(accumulate)                                          \
                   : "memory");                                                               \
    }                                                                                         \
  };
#define FOLDCONV_WGMMAS(n, a_name, b_name, add_name)             \
  FOLDCONV_WGMMA(__half, "f16.f16", n, a_name, b_name, add_name) \
  FOLDCONV_WGMMA(__nv_bfloat16, "bf16.bf16", n, a_name, b_name, add_name)

FOLDCONV_WGMMAS(8, "%4", "%5", "%6")
FOLDCONV_WGMMAS(16, "%8", "%9", "%10")
FOLDCONV_WGMMAS(32, "%16", "%17", "%18")
FOLDCONV_WGMMAS(64, "%32", "%33", "%34")
FOLDCONV_WGMMAS(128, "%64", "%65", "%66")
FOLDCONV_WGMMAS(256, "%128", "%129", "%130")

#undef FOLDCONV_TEN
#undef FOLDCONV_FOUR
#undef FOLDCONV_SIXTEEN
#undef FOLDCONV_NAMES_8
#undef FOLDCONV_REGISTERS_8
#undef FOLDCONV_NAMES_16
#undef FOLDCONV_REGISTERS_16
#undef FOLDCONV_NAMES_32
#undef FOLDCONV_REGISTERS_32
#undef FOLDCONV_NAMES_64
#undef FOLDCONV_REGISTERS_64
#undef FOLDCONV_NAMES_128
#undef FOLDCONV_REGISTERS_128
#undef FOLDCONV_NAMES_256
#undef FOLDCONV_REGISTERS_256
#undef FOLDCONV_WGMMA
#undef FOLDCONV_WGMMAS

}  // namespace foldconv::ptx
