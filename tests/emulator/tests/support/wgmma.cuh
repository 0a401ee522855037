// SPDX-License-Identifier: MIT
// One wgmma, with any number of columns: accumulators from and to global memory, operands where the test has put them.
#pragma once

#include <cstdint>

#include "device.cuh"

namespace cuemu_tests::wgmma {

// Accumulators are registers that the assembly declares itself, four for each group of 8 columns.
// M(1) to M(n - 1):
#define WGMMA_REST_1(M)
#define WGMMA_REST_2(M) WGMMA_REST_1(M) M(1)
#define WGMMA_REST_3(M) WGMMA_REST_2(M) M(2)
#define WGMMA_REST_4(M) WGMMA_REST_3(M) M(3)
#define WGMMA_REST_5(M) WGMMA_REST_4(M) M(4)
#define WGMMA_REST_6(M) WGMMA_REST_5(M) M(5)
#define WGMMA_REST_7(M) WGMMA_REST_6(M) M(6)
#define WGMMA_REST_8(M) WGMMA_REST_7(M) M(7)
#define WGMMA_REST_9(M) WGMMA_REST_8(M) M(8)
#define WGMMA_REST_10(M) WGMMA_REST_9(M) M(9)
#define WGMMA_REST_11(M) WGMMA_REST_10(M) M(10)
#define WGMMA_REST_12(M) WGMMA_REST_11(M) M(11)
#define WGMMA_REST_13(M) WGMMA_REST_12(M) M(12)
#define WGMMA_REST_14(M) WGMMA_REST_13(M) M(13)
#define WGMMA_REST_15(M) WGMMA_REST_14(M) M(14)
#define WGMMA_REST_16(M) WGMMA_REST_15(M) M(15)
#define WGMMA_REST_17(M) WGMMA_REST_16(M) M(16)
#define WGMMA_REST_18(M) WGMMA_REST_17(M) M(17)
#define WGMMA_REST_19(M) WGMMA_REST_18(M) M(18)
#define WGMMA_REST_20(M) WGMMA_REST_19(M) M(19)
#define WGMMA_REST_21(M) WGMMA_REST_20(M) M(20)
#define WGMMA_REST_22(M) WGMMA_REST_21(M) M(21)
#define WGMMA_REST_23(M) WGMMA_REST_22(M) M(22)
#define WGMMA_REST_24(M) WGMMA_REST_23(M) M(23)
#define WGMMA_REST_25(M) WGMMA_REST_24(M) M(24)
#define WGMMA_REST_26(M) WGMMA_REST_25(M) M(25)
#define WGMMA_REST_27(M) WGMMA_REST_26(M) M(26)
#define WGMMA_REST_28(M) WGMMA_REST_27(M) M(27)
#define WGMMA_REST_29(M) WGMMA_REST_28(M) M(28)
#define WGMMA_REST_30(M) WGMMA_REST_29(M) M(29)
#define WGMMA_REST_31(M) WGMMA_REST_30(M) M(30)
#define WGMMA_REST_32(M) WGMMA_REST_31(M) M(31)
#define WGMMA_EACH(groups, M) M(0) WGMMA_REST_##groups(M)

#define WGMMA_DECLARE(j) ".reg .b32 d" #j "_<4>;\n"
#define WGMMA_NAMES(j) "d" #j "_0, d" #j "_1, d" #j "_2, d" #j "_3"
#define WGMMA_MORE_NAMES(j) ", " WGMMA_NAMES(j)
// Register i of thread t is word 128 i + t; %0 is the address of word t.
#define WGMMA_LOAD_ONE(j, i) "ld.global.b32 d" #j "_" #i ", [%0 + " #j "*2048 + " #i "*512];\n"
#define WGMMA_STORE_ONE(j, i) "st.global.b32 [%0 + " #j "*2048 + " #i "*512], d" #j "_" #i ";\n"
#define WGMMA_LOAD(j) \
  WGMMA_LOAD_ONE(j, 0) WGMMA_LOAD_ONE(j, 1) WGMMA_LOAD_ONE(j, 2) WGMMA_LOAD_ONE(j, 3)
#define WGMMA_STORE(j) \
  WGMMA_STORE_ONE(j, 0) WGMMA_STORE_ONE(j, 1) WGMMA_STORE_ONE(j, 2) WGMMA_STORE_ONE(j, 3)

struct Operands {
  uint64_t a, b;  // descriptors
  uint32_t scale_d;
  uint32_t registers[4];  // of A
};

#define WGMMA_SHARED "%1, %2"
#define WGMMA_REGISTERS "{%4, %5, %6, %7}, %2"

// A struct whose run() is the instruction of 8 * `groups` columns; `immediates` follow scale-d.
#define WGMMA(name, groups, columns, types, operands, immediates)                                \
  struct name {                                                                                  \
    static constexpr int kColumns = columns;                                                     \
    static __device__ void run(float* d, const cuemu_tests::wgmma::Operands& o) {                \
      asm volatile("{\n.reg .pred accumulate;\n" WGMMA_EACH(groups, WGMMA_DECLARE)             \
                       WGMMA_EACH(groups, WGMMA_LOAD)                                          \
                   "setp.ne.u32 accumulate, %3, 0;\nwgmma.fence.sync.aligned;\n"               \
                   "wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32." types               \
                   " {" WGMMA_NAMES(0) WGMMA_REST_##groups(WGMMA_MORE_NAMES) "}, " operands    \
                   ", accumulate, " immediates ";\n"                                           \
                   "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n"      \
                   WGMMA_EACH(groups, WGMMA_STORE) "}"                                         \
                   :                                                                           \
                   : "l"(d), "l"(o.a), "l"(o.b), "r"(o.scale_d), "r"(o.registers[0]),          \
                     "r"(o.registers[1]), "r"(o.registers[2]), "r"(o.registers[3])             \
                   : "memory"); \
    }                                                                                            \
  }

// Where element (line, k) lies; a line is a row of A or a column of B. Within a block of 8 rows of `swizzle` bytes, the 16-byte
// units of row i are exchanged: unit u is found at u ^ (number of the 128 bytes that row i is in).
struct Layout {
  bool mn_major;
  unsigned swizzle;    // 0: none
  unsigned start = 0;  // all in bytes
  unsigned lbo = 0, sbo = 0;

  uint64_t descriptor() const {
    const uint64_t mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0;
    return start >> 4 | uint64_t{lbo >> 4} << 16 | uint64_t{sbo >> 4} << 32 | mode << 62;
  }
  unsigned offset(unsigned line, unsigned k) const {
    if (swizzle == 0) {
      // Blocks of 8 x 8 elements, 128 bytes in a row, k along the rows, or the lines.
      const unsigned row = mn_major ? k % 8 : line % 8, place = mn_major ? line % 8 : k % 8;
      return start + line / 8 * sbo + k / 8 * lbo + row * 16 + place * 2;
    }
    // Rows of the pattern are along k and count lines, or the other way round.
    const unsigned along = mn_major ? line : k, across = mn_major ? k : line;
    const unsigned wide = swizzle / 2;
    // Behind the row's end, lines go on in the next block of rows; k does only by another descriptor.
    const unsigned first = start + (mn_major ? along / wide * lbo : 0) + across / 8 * sbo;
    const unsigned row = across % 8, in_row = first % swizzle + along % wide * 2;
    const unsigned unit = in_row / 16 ^ row * swizzle / 128 % (swizzle / 16);
    return first / swizzle * swizzle + row * swizzle + unit * 16 + in_row % 16;
  }
};

// Row and column of register i of thread t.
inline int row_of(int t, int i) {
  return t / 32 * 16 + t % 32 / 4 + i % 4 / 2 * 8;
}
inline int column_of(int t, int i) {
  return i / 4 * 8 + t % 4 * 2 + i % 2;
}

}  // namespace cuemu_tests::wgmma
