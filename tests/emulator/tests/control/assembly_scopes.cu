// SPDX-License-Identifier: MIT
// The text that inline assembly puts into PTX: scopes, spacing, names that repeat, literals of
// every kind.
#include <cmath>

#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

// An inner scope sees the names of the outer one and may hide them; the outer one gets them back.
PTX_OP1(
    InnerScopeSeesOuter, u32, u32,
    "{.reg .b32 outer;\n add.u32 outer, %1, 1;\n {.reg .b32 inner;\n add.u32 inner, outer, 10;\n"
    " mov.b32 outer, inner;\n}\n mov.b32 %0, outer;\n}");
PTX_OP1(
    InnerScopeHidesOuter, u32, u32,
    "{.reg .b32 x, y;\n add.u32 x, %1, 1;\n {.reg .b32 x;\n mov.u32 x, 77;\n add.u32 y, x, 1;\n}\n"
    " {.reg .b32 x;\n mov.u32 x, 100;\n add.u32 y, y, x;\n}\n add.u32 %0, x, y;\n}");
PTX_OP1(NoSpaceAfterReg, u32, u32,
        "{.reg.b32         a,  b;   \n .reg.b16    h,r;\n .reg.pred p;\n  cvt.u16.u32 h,%1;\n "
        "mov.b16 r,h;\n"
        "  cvt.u32.u16 a,r;  add.u32 b,a,1;\tsetp.eq.u32 p,b,1;\n@p add.u32 b,b,b; mov.b32 %0,b;}");
PTX_OP1(DirectivesAfterInstructions, u32, u32,
        "{.reg .b32 a;\n add.u32 a, %1, 3;\n .reg .b32 b;\n add.u32 b, a, 4;\n mov.b32 %0, b;\n}");
PTX_OP1(NumberedRegisters, u32, u32,
        "{.reg .b32 t<4>;\n mov.b32 t0, %1;\n add.u32 t1, t0, t0;\n add.u32 t2, t1, t0;\n add.u32 "
        "t3, t2, t1;\n"
        " mov.b32 %0, t3;\n}");

TEST(AssemblyScopes, declarations) {
  EXPECT_OPCODE(InnerScopeSeesOuter, [](u32 a) { return a + 11; });
  EXPECT_OPCODE(InnerScopeHidesOuter, [](u32 a) { return a + 1 + 178; });
  EXPECT_OPCODE(NoSpaceAfterReg, [](u32 a) {
    const u32 b = (a & 0xffff) + 1;
    return b == 1 ? 2 * b : b;
  });
  EXPECT_OPCODE(DirectivesAfterInstructions, [](u32 a) { return a + 7; });
  EXPECT_OPCODE(NumberedRegisters, [](u32 a) { return 5 * a; });
}

// The same names and labels in several blocks of one kernel, some of them unrolled by the compiler.
__device__ unsigned sum_below(unsigned n) {
  unsigned sum;
  asm volatile(
      "{.reg .pred p;\n .reg .u32 i;\n mov.u32 i, 0;\n mov.u32 %0, 0;\n"
      "again:\n setp.ge.u32 p, i, %1;\n @p bra end;\n add.u32 %0, %0, i;\n add.u32 i, i, 1;\n bra "
      "again;\nend:\n}"
      : "=&r"(sum)
      : "r"(n));
  return sum;
}
__global__ void repeat_labels(unsigned* out) {
  unsigned total = 0;
#pragma unroll
  for (unsigned k = 0; k < 4; ++k) total = total * 10 + sum_below(k + threadIdx.x % 3);
  out[threadIdx.x] = total;
}

TEST(AssemblyScopes, labels_that_repeat) {
  const DeviceBuffer<unsigned> out(32);
  LAUNCH(repeat_labels, 1, 32, out.get());
  std::vector<unsigned> expected;
  for (unsigned i = 0; i < 32; ++i) {
    unsigned total = 0;
    for (unsigned k = 0; k < 4; ++k) total = total * 10 + (k + i % 3) * (k + i % 3 - 1) / 2;
    expected.push_back(total);
  }
  EXPECT_VALUES(out.download(), expected);
}

PTX_OP1(DecimalLiteral, u32, u32, "add.u32 %0, %1, 4000000000;");
PTX_OP1(NegativeLiteral, s32, s32, "add.s32 %0, %1, -2147483648;");
PTX_OP1(HexLiteral, u32, u32, "xor.b32 %0, %1, 0xDeadBeefU;");
PTX_OP1(OctalLiteral, u32, u32, "xor.b32 %0, %1, 0777;");
PTX_OP1(BinaryLiteral, u32, u32, "xor.b32 %0, %1, 0b1011;");
PTX_OP1(WideLiteral, u64, u64, "xor.b64 %0, %1, 0x123456789abcdef0;");
PTX_OP1(ConstantExpression, u32, u32, "add.u32 %0, %1, ((3 + 4) * 5 - 1) << 2;");
PTX_OP1(FloatLiteral, f32, f32, "add.f32 %0, %1, 0f3fC00000;");
PTX_OP1(DecimalFloatLiteral, f32, f32, "add.f32 %0, %1, 2.5;");
PTX_OP1(DoubleLiteral, f64, f64, "mul.f64 %0, %1, 0dBFE0000000000000;");

TEST(AssemblyScopes, literals) {
  EXPECT_OPCODE(DecimalLiteral, [](u32 a) { return a + 4000000000u; });
  EXPECT_OPCODE(NegativeLiteral, [](s32 a) { return s32(u32(a) + 0x80000000u); });
  EXPECT_OPCODE(HexLiteral, [](u32 a) { return a ^ 0xdeadbeefu; });
  EXPECT_OPCODE(OctalLiteral, [](u32 a) { return a ^ 0777u; });
  EXPECT_OPCODE(BinaryLiteral, [](u32 a) { return a ^ 11u; });
  EXPECT_OPCODE(WideLiteral, [](u64 a) { return a ^ 0x123456789abcdef0ull; });
  EXPECT_OPCODE(ConstantExpression, [](u32 a) { return a + 136; });
  EXPECT_OPCODE(FloatLiteral, [](f32 a) { return a + 1.5f; });
  EXPECT_OPCODE(DecimalFloatLiteral, [](f32 a) { return a + 2.5f; });
  EXPECT_OPCODE(DoubleLiteral, [](f64 a) { return a * -0.5; });
}

PTX_OP1(Comments, u32, u32,
        "{ // to the end of the line ; { \n .reg .b32 /* inside */ a;\n add.u32 a, /* 5 */ %1, 6; "
        "// 7\n mov.b32 %0, a;\n}");
PTX_OP1(SeveralOnALine, u32, u32,
        "{.reg .b32 a; add.u32 a, %1, 1; add.u32 a, a, a; mov.b32 %0, a;}");

TEST(AssemblyScopes, comments_and_lines) {
  EXPECT_OPCODE(Comments, [](u32 a) { return a + 6; });
  EXPECT_OPCODE(SeveralOnALine, [](u32 a) { return 2 * (a + 1); });
}

}  // namespace
