// SPDX-License-Identifier: MIT
// Comparisons of every type into predicates, logic between predicates, guards, and selections.
#include <cmath>

#include "support/float_formats.hpp"
#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

// A row of comparisons in one instruction sequence: bit i of the result is comparison i.
#define BIT_IF(comparison, bit) " setp." comparison " p, %1, %2;\n @p or.b32 m, m, " bit ";\n"
#define BITS_OF(comparisons) \
  "{.reg .pred p;\n .reg .b32 m;\n mov.b32 m, 0;\n" comparisons " mov.b32 %0, m;\n}"

#define ORDER_OF(T)     \
  BIT_IF("eq." #T, "1") \
  BIT_IF("ne." #T, "2") \
  BIT_IF("lt." #T, "4") BIT_IF("le." #T, "8") BIT_IF("gt." #T, "16") BIT_IF("ge." #T, "32")
// Unordered forms, which are true when an operand is NaN, and the tests for that.
#define UNORDERED_OF(T)     \
  BIT_IF("equ." #T, "64")   \
  BIT_IF("neu." #T, "128")  \
  BIT_IF("ltu." #T, "256")  \
  BIT_IF("leu." #T, "512")  \
  BIT_IF("gtu." #T, "1024") \
  BIT_IF("geu." #T, "2048") BIT_IF("num." #T, "4096") BIT_IF("nan." #T, "8192")

template <class T>
u32 order(T a, T b) {
  return u32(a == b) | u32(a != b && a == a && b == b) << 1 | u32(a < b) << 2 | u32(a <= b) << 3 |
         u32(a > b) << 4 | u32(a >= b) << 5;
}
u32 order_and_unordered(f64 a, f64 b) {
  const bool nan = std::isnan(a) || std::isnan(b);
  return order(a, b) | u32(nan || a == b) << 6 | u32(nan || a != b) << 7 | u32(nan || a < b) << 8 |
         u32(nan || a <= b) << 9 | u32(nan || a > b) << 10 | u32(nan || a >= b) << 11 |
         u32(!nan) << 12 | u32(nan) << 13;
}

#define COMPARE_INTEGERS(T)                                           \
  PTX_OP2(Compare_##T, u32, T, T, BITS_OF(ORDER_OF(T)));              \
  TEST(CompareSelect, T) {                                            \
    EXPECT_OPCODE(Compare_##T, [](T a, T b) { return order(a, b); }); \
  }
COMPARE_INTEGERS(s16)
COMPARE_INTEGERS(u16)
COMPARE_INTEGERS(s32)
COMPARE_INTEGERS(u32)
COMPARE_INTEGERS(s64)
COMPARE_INTEGERS(u64)

PTX_OP2(CompareNames_u32, u32, u32, u32,
        BITS_OF(BIT_IF("lo.u32", "1") BIT_IF("ls.u32", "2") BIT_IF("hi.u32", "4")
                    BIT_IF("hs.u32", "8")));
PTX_OP2(CompareBits_32, u32, u32, u32, BITS_OF(BIT_IF("eq.b32", "1") BIT_IF("ne.b32", "2")));

TEST(CompareSelect, unsigned_names_and_untyped) {
  EXPECT_OPCODE(CompareNames_u32, [](u32 a, u32 b) {
    return u32(a < b) | u32(a <= b) << 1 | u32(a > b) << 2 | u32(a >= b) << 3;
  });
  EXPECT_OPCODE(CompareBits_32, [](u32 a, u32 b) { return u32(a == b) | u32(a != b) << 1; });
}

PTX_OP2(Compare_f32, u32, f32, f32, BITS_OF(ORDER_OF(f32) UNORDERED_OF(f32)));
PTX_OP2(Compare_f64, u32, f64, f64, BITS_OF(ORDER_OF(f64) UNORDERED_OF(f64)));
PTX_OP2(Compare_f16, u32, f16, f16, BITS_OF(ORDER_OF(f16) UNORDERED_OF(f16)));
PTX_OP2(CompareFlush_f32, u32, f32, f32, BITS_OF(ORDER_OF(ftz.f32)));

TEST(CompareSelect, floating_point) {
  EXPECT_OPCODE(Compare_f32, [](f32 a, f32 b) { return order_and_unordered(a, b); });
  EXPECT_OPCODE(Compare_f64, [](f64 a, f64 b) { return order_and_unordered(a, b); });
  EXPECT_OPCODE(Compare_f16,
                [](f16 a, f16 b) { return order_and_unordered(to_double(a), to_double(b)); });
  const auto flush = [](f32 a) { return std::fpclassify(a) == FP_SUBNORMAL ? 0.0f : a; };
  EXPECT_OPCODE(CompareFlush_f32, [=](f32 a, f32 b) { return order(flush(a), flush(b)); });
}

// setp can write the result and its complement, each joined with another predicate.
#define JOINED(op)                                                                \
  "{.reg .pred c, p, q;\n .reg .b32 m;\n mov.b32 m, 0;\n setp.ne.u32 c, %3, 0;\n" \
  " setp.lt." op                                                                  \
  ".s32 p|q, %1, %2, c;\n @p or.b32 m, m, 1;\n @q or.b32 m, m, 2;\n"              \
  " setp.lt." op                                                                  \
  ".s32 p, %1, %2, !c;\n @p or.b32 m, m, 4;\n @!p or.b32 m, m, 8;\n mov.b32 %0, m;\n}"
PTX_OP3(JoinedAnd, u32, s32, s32, u32, JOINED("and"));
PTX_OP3(JoinedOr, u32, s32, s32, u32, JOINED("or"));
PTX_OP3(JoinedXor, u32, s32, s32, u32, JOINED("xor"));

TEST(CompareSelect, predicates_joined_in_setp) {
  const auto joined = [](auto join) {
    return [join](s32 a, s32 b, u32 c) {
      const bool less = a < b, with = c != 0, third = join(less, !with);
      return u32(join(less, with)) | u32(join(!less, with)) << 1 | u32(third) << 2 |
             u32(!third) << 3;
    };
  };
  EXPECT_OPCODE(JoinedAnd, joined([](bool x, bool y) { return x && y; }));
  EXPECT_OPCODE(JoinedOr, joined([](bool x, bool y) { return x || y; }));
  EXPECT_OPCODE(JoinedXor, joined([](bool x, bool y) { return x != y; }));
}

PTX_OP2(PredicateLogic, u32, u32, u32,
        "{.reg .pred p, q, r;\n .reg .b32 m;\n mov.b32 m, 0;\n setp.ne.u32 p, %1, 0;\n"
        " setp.ne.u32 q, %2, 0;\n and.pred r, p, q;\n @r or.b32 m, m, 1;\n or.pred r, p, q;\n"
        " @r or.b32 m, m, 2;\n xor.pred r, p, q;\n @r or.b32 m, m, 4;\n not.pred r, p;\n"
        " @r or.b32 m, m, 8;\n mov.pred r, q;\n @r or.b32 m, m, 16;\n mov.b32 %0, m;\n}");

TEST(CompareSelect, predicate_logic) {
  EXPECT_OPCODE(PredicateLogic, [](u32 a, u32 b) {
    const bool p = a != 0, q = b != 0;
    return u32(p && q) | u32(p || q) << 1 | u32(p != q) << 2 | u32(!p) << 3 | u32(q) << 4;
  });
}

#define SELECT(type) "{.reg .pred p;\n setp.ne.u32 p, %3, 0;\n selp." type " %0, %1, %2, p;\n}"
PTX_OP3(Select_b16, u16, u16, u16, u32, SELECT("b16"));
PTX_OP3(Select_s32, s32, s32, s32, u32, SELECT("s32"));
PTX_OP3(Select_f32, f32, f32, f32, u32, SELECT("f32"));
PTX_OP3(Select_f64, f64, f64, f64, u32, SELECT("f64"));
PTX_OP3(SelectBySign_u32, u32, u32, u32, s32, "slct.u32.s32 %0, %1, %2, %3;");
PTX_OP3(SelectBySign_f32, f32, f32, f32, f32, "slct.f32.f32 %0, %1, %2, %3;");
PTX_OP3(SelectBySign_u64, u64, u64, u64, f32, "slct.u64.f32 %0, %1, %2, %3;");

TEST(CompareSelect, selections) {
  const auto select = [](auto a, auto b, u32 c) { return c != 0 ? a : b; };
  EXPECT_OPCODE(Select_b16, select);
  EXPECT_OPCODE(Select_s32, select);
  EXPECT_OPCODE(Select_f32, select);
  EXPECT_OPCODE(Select_f64, select);
  const auto by_sign = [](auto a, auto b, auto c) {
    return c >= 0 ? a : b;
  };  // NaN takes b, -0 takes a
  EXPECT_OPCODE(SelectBySign_u32, by_sign);
  EXPECT_OPCODE(SelectBySign_f32, by_sign);
  EXPECT_OPCODE(SelectBySign_u64, by_sign);
}

PTX_OP2(SetMask, u32, f32, f32, "set.ge.u32.f32 %0, %1, %2;");
PTX_OP2(SetFloat, f32, s32, s32, "set.ne.f32.s32 %0, %1, %2;");

TEST(CompareSelect, set_gives_all_ones_or_one) {
  EXPECT_OPCODE(SetMask, [](f32 a, f32 b) { return a >= b ? 0xffffffffu : 0u; });
  EXPECT_OPCODE(SetFloat, [](s32 a, s32 b) { return a != b ? 1.0f : 0.0f; });
}

}  // namespace
