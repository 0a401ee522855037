// SPDX-License-Identifier: MIT
// Text of wgmma's accumulators, for asm that declares them itself.
#pragma once

// Accumulators are registers that the assembly declares itself, four for each 8 columns: an operand
// list of up to 128 would do the same and read worse. M(j) is written once for each 8 columns j.
#define REST_8(M)
#define REST_16(M) REST_8(M) M(1)
#define REST_24(M) REST_16(M) M(2)
#define REST_32(M) REST_24(M) M(3)
#define REST_64(M) REST_32(M) M(4) M(5) M(6) M(7)
#define REST_96(M) REST_64(M) M(8) M(9) M(10) M(11)
#define REST_128(M) REST_96(M) M(12) M(13) M(14) M(15)
#define REST_192(M) REST_128(M) M(16) M(17) M(18) M(19) M(20) M(21) M(22) M(23)
#define REST_256(M) REST_192(M) M(24) M(25) M(26) M(27) M(28) M(29) M(30) M(31)
#define EACH(n, M) M(0) REST_##n(M)

#define DECLARE(j) ".reg .b32 d" #j "_<4>;\n"
#define NAMES(j) "d" #j "_0, d" #j "_1, d" #j "_2, d" #j "_3"
#define MORE_NAMES(j) ", " NAMES(j)
