// SPDX-License-Identifier: MIT
// Sums, differences and products of bf16, and its direct conversions, which are instructions from
// compute capability 9.0 on.
#include "support/float_formats.hpp"
#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

PTX_OP2(Add, bf16, bf16, bf16, "add.bf16 %0, %1, %2;");
PTX_OP2(Subtract, bf16, bf16, bf16, "sub.rn.bf16 %0, %1, %2;");
PTX_OP2(Multiply, bf16, bf16, bf16, "mul.bf16 %0, %1, %2;");
PTX_OP2(AddPair, bf16x2, bf16x2, bf16x2, "add.rn.bf16x2 %0, %1, %2;");
PTX_OP1(Widen, f32, bf16, "cvt.f32.bf16 %0, %1;");
PTX_OP1(Truncate, s32, bf16, "cvt.rzi.s32.bf16 %0, %1;");

TEST(Bf16Sums, results_are_rounded_once) {
  if (!has_compute_capability_9()) SKIP_TEST("compute capability below 9.0");
  const auto add = [](bf16 a, bf16 b) {
    return to_bf16(add_round_to_odd(to_double(a), to_double(b)));
  };
  EXPECT_OPCODE(Add, add);
  EXPECT_OPCODE(Subtract, [](bf16 a, bf16 b) {
    return to_bf16(add_round_to_odd(to_double(a), -to_double(b)));
  });
  EXPECT_OPCODE(Multiply, [](bf16 a, bf16 b) { return to_bf16(to_double(a) * to_double(b)); });
  EXPECT_OPCODE(AddPair, [=](bf16x2 a, bf16x2 b) {
    const u32 low = add(bf16{u16(a.bits)}, bf16{u16(b.bits)}).bits;
    const u32 high = add(bf16{u16(a.bits >> 16)}, bf16{u16(b.bits >> 16)}).bits;
    return bf16x2{low | high << 16};
  });
}

TEST(Bf16Sums, conversions) {
  if (!has_compute_capability_9()) SKIP_TEST("compute capability below 9.0");
  EXPECT_OPCODE(Widen, [](bf16 a) { return f32(to_double(a)); });
  EXPECT_OPCODE(Truncate, [](bf16 a) {
    const double value = to_double(a);
    if (is_nan(a)) return 0;
    return value >= 0x1p31 ? 0x7fffffff : value < -0x1p31 ? s32(0x80000000) : s32(value);
  });
}

}  // namespace
