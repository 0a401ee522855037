// SPDX-License-Identifier: MIT
// Carry chains: the condition code passes from one instruction to the next, so each test is a chain
// in one asm block.
#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

using Wide = unsigned __int128;

// Splits the two 64-bit operands into words; JOIN makes the result of two words.
#define SPLIT_64 \
  ".reg .u32 al, ah, bl, bh, dl, dh;\n mov.b64 {al, ah}, %1;\n mov.b64 {bl, bh}, %2;\n "
#define JOIN_64 " mov.b64 %0, {dl, dh};\n"

PTX_OP2(Add64ByWords, u64, u64, u64,
        "{" SPLIT_64 "add.cc.u32 dl, al, bl;\n addc.u32 dh, ah, bh;\n" JOIN_64 "}");
PTX_OP2(Subtract64ByWords, u64, u64, u64,
        "{" SPLIT_64 "sub.cc.u32 dl, al, bl;\n subc.u32 dh, ah, bh;\n" JOIN_64 "}");
PTX_OP2(AddSigned64ByWords, u64, u64, u64,
        "{" SPLIT_64 "add.cc.s32 dl, al, bl;\n addc.s32 dh, ah, bh;\n" JOIN_64 "}");

TEST(IntegerCarry, two_words) {
  EXPECT_OPCODE(Add64ByWords, [](u64 a, u64 b) { return a + b; });
  EXPECT_OPCODE(Subtract64ByWords, [](u64 a, u64 b) { return a - b; });
  EXPECT_OPCODE(AddSigned64ByWords, [](u64 a, u64 b) { return a + b; });
}

// addc.cc takes a carry in and passes one out; the last word is that carry alone.
PTX_OP2(CarryOutOf64, u32, u64, u64,
        "{" SPLIT_64 "add.cc.u32 dl, al, bl;\n addc.cc.u32 dh, ah, bh;\n addc.u32 %0, 0, 0;\n}");
PTX_OP2(BorrowOutOf64, u32, u64, u64,
        "{" SPLIT_64 "sub.cc.u32 dl, al, bl;\n subc.cc.u32 dh, ah, bh;\n subc.u32 %0, 0, 0;\n}");

TEST(IntegerCarry, out_of_the_second_word) {
  EXPECT_OPCODE(CarryOutOf64, [](u64 a, u64 b) { return u32((Wide(a) + b) >> 64); });
  EXPECT_OPCODE(BorrowOutOf64, [](u64 a, u64 b) { return a < b ? 0xffffffffu : 0u; });
}

PTX_OP2(AddUpperWord128, u64, u64, u64,
        "{.reg .u64 low;\n add.cc.u64 low, %1, %2;\n addc.u64 %0, %1, %2;\n}");

TEST(IntegerCarry, words_of_64_bits) {
  // Upper word of (a, a) + (b, b).
  EXPECT_OPCODE(AddUpperWord128, [](u64 a, u64 b) { return a + b + u64((Wide(a) + b) >> 64); });
}

PTX_OP3(MultiplyAddByWords, u64, u32, u32, u64,
        "{.reg .u32 cl, ch, dl, dh;\n mov.b64 {cl, ch}, %3;\n mad.lo.cc.u32 dl, %1, %2, cl;\n"
        " madc.hi.u32 dh, %1, %2, ch;\n mov.b64 %0, {dl, dh};\n}");
PTX_OP3(MultiplyAddHighWithCarryOut, u64, u32, u32, u32,
        "{.reg .u32 dl, dh;\n mad.hi.cc.u32 dl, %1, %2, %3;\n addc.u32 dh, 0, 0;\n"
        " mov.b64 %0, {dl, dh};\n}");

TEST(IntegerCarry, multiply_add) {
  EXPECT_OPCODE(MultiplyAddByWords, [](u32 a, u32 b, u64 c) { return u64(a) * b + c; });
  EXPECT_OPCODE(MultiplyAddHighWithCarryOut,
                [](u32 a, u32 b, u32 c) { return ((u64(a) * b) >> 32) + c; });
}

// The schoolbook product that the PTX manual gives as the example of madc: words 3 and 2 of a 64 x
// 64 bit product.
PTX_OP2(MultiplyHigh64ByWords, u64, u64, u64,
        "{.reg .u32 al, ah, bl, bh, r1, r2, r3;\n mov.b64 {al, ah}, %1;\n mov.b64 {bl, bh}, %2;\n"
        " mul.hi.u32 r1, al, bl;\n"
        " mad.lo.cc.u32 r1, ah, bl, r1;\n madc.hi.u32 r2, ah, bl, 0;\n"
        " mad.lo.cc.u32 r1, al, bh, r1;\n madc.hi.cc.u32 r2, al, bh, r2;\n addc.u32 r3, 0, 0;\n"
        " mad.lo.cc.u32 r2, ah, bh, r2;\n madc.hi.u32 r3, ah, bh, r3;\n mov.b64 %0, {r2, r3};\n}");

TEST(IntegerCarry, schoolbook_product) {
  EXPECT_OPCODE(MultiplyHigh64ByWords, [](u64 a, u64 b) { return u64((Wide(a) * b) >> 64); });
}

// What the compiler makes of 128-bit arithmetic.
__global__ void multiply_128(Wide* out, const Wide* a, const Wide* b) {
  const int i = threadIdx.x;
  out[3 * i] = a[i] + b[i];
  out[3 * i + 1] = a[i] - b[i];
  out[3 * i + 2] = a[i] * b[i];
}

TEST(IntegerCarry, compiled_128_bit_arithmetic) {
  Random random(128);
  std::vector<Wide> a, b;
  for (int i = 0; i < 64; ++i) {
    a.push_back(Wide(random.next()) << 64 | random.next());
    b.push_back(Wide(random.next()) << 64 | random.next() >> (i % 64));
  }
  const DeviceBuffer<Wide> device_a(a), device_b(b), out(3 * a.size());
  LAUNCH(multiply_128, 1, 64, out.get(), device_a.get(), device_b.get());
  const std::vector<Wide> values = out.download();
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(values[3 * i] == a[i] + b[i]);
    EXPECT_TRUE(values[3 * i + 1] == a[i] - b[i]);
    EXPECT_TRUE(values[3 * i + 2] == a[i] * b[i]);
  }
}

}  // namespace
