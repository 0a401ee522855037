// SPDX-License-Identifier: MIT
// IEEE arithmetic of f32 and f64: every rounding, fma exactness, NaNs, signed zeros, denormals,
// .sat and .ftz.
#include <cfenv>
#include <cmath>
#include <limits>

#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

// Evaluates f under a rounding mode. The volatile copies keep the compiler from moving the
// arithmetic out of it.
template <class T, class F>
T rounded(int mode, F f, T a, T b = 0, T c = 0) {
  volatile T va = a, vb = b, vc = c;
  std::fesetround(mode);
  volatile T result = f(va, vb, vc);
  std::fesetround(FE_TONEAREST);
  return result;
}

constexpr auto kAdd = [](auto a, auto b, auto) { return a + b; };
constexpr auto kSubtract = [](auto a, auto b, auto) { return a - b; };
constexpr auto kMultiply = [](auto a, auto b, auto) { return a * b; };
constexpr auto kDivide = [](auto a, auto b, auto) { return a / b; };
constexpr auto kFma = [](auto a, auto b, auto c) { return std::fma(a, b, c); };
constexpr auto kReciprocal = [](auto a, auto, auto) { return decltype(a)(1) / a; };
constexpr auto kSquareRoot = [](auto a, auto, auto) { return std::sqrt(a); };

#define ROUNDED_OF(T, rnd, mode)                                                                  \
  PTX_OP2(Add_##T##_##rnd, T, T, T, "add." #rnd "." #T " %0, %1, %2;");                           \
  PTX_OP2(Subtract_##T##_##rnd, T, T, T, "sub." #rnd "." #T " %0, %1, %2;");                      \
  PTX_OP2(Multiply_##T##_##rnd, T, T, T, "mul." #rnd "." #T " %0, %1, %2;");                      \
  PTX_OP2(Divide_##T##_##rnd, T, T, T, "div." #rnd "." #T " %0, %1, %2;");                        \
  PTX_OP3(Fma_##T##_##rnd, T, T, T, T, "fma." #rnd "." #T " %0, %1, %2, %3;");                    \
  PTX_OP1(Reciprocal_##T##_##rnd, T, T, "rcp." #rnd "." #T " %0, %1;");                           \
  PTX_OP1(SquareRoot_##T##_##rnd, T, T, "sqrt." #rnd "." #T " %0, %1;");                          \
  TEST(FloatArithmetic, T##_##rnd) {                                                              \
    EXPECT_OPCODE(Add_##T##_##rnd, [](T a, T b) { return rounded(mode, kAdd, a, b); });           \
    EXPECT_OPCODE(Subtract_##T##_##rnd, [](T a, T b) { return rounded(mode, kSubtract, a, b); }); \
    EXPECT_OPCODE(Multiply_##T##_##rnd, [](T a, T b) { return rounded(mode, kMultiply, a, b); }); \
    EXPECT_OPCODE(Divide_##T##_##rnd, [](T a, T b) { return rounded(mode, kDivide, a, b); });     \
    EXPECT_OPCODE(Fma_##T##_##rnd, [](T a, T b, T c) { return rounded(mode, kFma, a, b, c); });   \
    EXPECT_OPCODE(Reciprocal_##T##_##rnd, [](T a) { return rounded(mode, kReciprocal, a); });     \
    EXPECT_OPCODE(SquareRoot_##T##_##rnd, [](T a) { return rounded(mode, kSquareRoot, a); });     \
  }
ROUNDED_OF(f32, rn, FE_TONEAREST)
ROUNDED_OF(f32, rz, FE_TOWARDZERO)
ROUNDED_OF(f32, rm, FE_DOWNWARD)
ROUNDED_OF(f32, rp, FE_UPWARD)
ROUNDED_OF(f64, rn, FE_TONEAREST)
ROUNDED_OF(f64, rz, FE_TOWARDZERO)
ROUNDED_OF(f64, rm, FE_DOWNWARD)
ROUNDED_OF(f64, rp, FE_UPWARD)

PTX_OP2(AddDefault_f32, f32, f32, f32, "add.f32 %0, %1, %2;");
PTX_OP2(MultiplyDefault_f32, f32, f32, f32, "mul.f32 %0, %1, %2;");
PTX_OP2(AddDefault_f64, f64, f64, f64, "add.f64 %0, %1, %2;");
PTX_OP3(MultiplyAdd_f32, f32, f32, f32, f32, "mad.rn.f32 %0, %1, %2, %3;");

TEST(FloatArithmetic, default_rounding_is_to_nearest) {
  EXPECT_OPCODE(AddDefault_f32, [](f32 a, f32 b) { return a + b; });
  EXPECT_OPCODE(MultiplyDefault_f32, [](f32 a, f32 b) { return a * b; });
  EXPECT_OPCODE(AddDefault_f64, [](f64 a, f64 b) { return a + b; });
  EXPECT_OPCODE(MultiplyAdd_f32, [](f32 a, f32 b, f32 c) { return std::fma(a, b, c); });
}

// fma rounds once: (1 + e)(1 - e) - 1 is -e*e, which a rounded product would lose.
TEST(FloatArithmetic, fma_keeps_the_low_half_of_the_product) {
  const f32 e = 0x1p-23f;
  const std::vector<f32> a = {1 + e}, b = {1 - e}, c = {-1};
  EXPECT_OPCODE_ON(
      Fma_f32_rn, [](f32, f32, f32) { return -0x1p-46f; }, a, b, c);
}

// Flush to zero: denormal operands and results become zeros of their sign.
f32 flush(f32 a) {
  return std::fabs(a) < std::numeric_limits<f32>::min() ? std::copysign(0.0f, a) : a;
}
// A result that only rounding lifts to the smallest normal number may or may not be flushed.
Expected<f32> flush_result(f32 nearest, f32 truncated) {
  if (flush(nearest) != flush(truncated) && flush(truncated) == 0) return std::nullopt;
  return flush(nearest);
}

PTX_OP2(AddFlush, f32, f32, f32, "add.ftz.f32 %0, %1, %2;");
PTX_OP2(MultiplyFlush, f32, f32, f32, "mul.rn.ftz.f32 %0, %1, %2;");
PTX_OP3(FmaFlush, f32, f32, f32, f32, "fma.rn.ftz.f32 %0, %1, %2, %3;");
PTX_OP2(DivideFlush, f32, f32, f32, "div.rn.ftz.f32 %0, %1, %2;");
PTX_OP2(MinimumFlush, f32, f32, f32, "min.ftz.f32 %0, %1, %2;");
PTX_OP1(AbsoluteFlush, f32, f32, "abs.ftz.f32 %0, %1;");

TEST(FloatArithmetic, flush_to_zero) {
  const auto flushed = [](auto f) {
    return [f](f32 a, f32 b) {
      a = flush(a), b = flush(b);
      return flush_result(rounded(FE_TONEAREST, f, a, b), rounded(FE_TOWARDZERO, f, a, b));
    };
  };
  EXPECT_OPCODE(AddFlush, flushed(kAdd));
  EXPECT_OPCODE(MultiplyFlush, flushed(kMultiply));
  EXPECT_OPCODE(DivideFlush, flushed(kDivide));
  EXPECT_OPCODE(FmaFlush, [](f32 a, f32 b, f32 c) {
    a = flush(a), b = flush(b), c = flush(c);
    return flush_result(rounded(FE_TONEAREST, kFma, a, b, c),
                        rounded(FE_TOWARDZERO, kFma, a, b, c));
  });
  EXPECT_OPCODE(AbsoluteFlush, [](f32 a) { return flush(std::fabs(a)); });
}

PTX_OP2(AddSaturate, f32, f32, f32, "add.sat.f32 %0, %1, %2;");
PTX_OP3(FmaSaturate, f32, f32, f32, f32, "fma.rn.sat.f32 %0, %1, %2, %3;");
PTX_OP2(MultiplySaturate, f32, f32, f32, "mul.sat.f32 %0, %1, %2;");

TEST(FloatArithmetic, saturation_clamps_to_the_unit_interval) {
  // NaN gives +0.
  const auto clamp = [](f32 a) { return a > 0 ? std::fmin(a, 1.0f) : 0.0f; };
  EXPECT_OPCODE(AddSaturate, [=](f32 a, f32 b) { return clamp(a + b); });
  EXPECT_OPCODE(MultiplySaturate, [=](f32 a, f32 b) { return clamp(a * b); });
  EXPECT_OPCODE(FmaSaturate, [=](f32 a, f32 b, f32 c) { return clamp(std::fma(a, b, c)); });
}

PTX_OP2(Minimum_f32, f32, f32, f32, "min.f32 %0, %1, %2;");
PTX_OP2(Maximum_f32, f32, f32, f32, "max.f32 %0, %1, %2;");
PTX_OP2(Minimum_f64, f64, f64, f64, "min.f64 %0, %1, %2;");
PTX_OP2(Maximum_f64, f64, f64, f64, "max.f64 %0, %1, %2;");
PTX_OP2(MinimumNan_f32, f32, f32, f32, "min.NaN.f32 %0, %1, %2;");
PTX_OP2(MaximumNan_f32, f32, f32, f32, "max.NaN.f32 %0, %1, %2;");

// The number where one operand is NaN; -0 below +0.
template <class T>
T minimum(T a, T b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
template <class T>
T maximum(T a, T b) {
  return -minimum(-a, -b);
}

TEST(FloatArithmetic, minimum_and_maximum) {
  EXPECT_OPCODE(Minimum_f32, [](f32 a, f32 b) { return minimum(a, b); });
  EXPECT_OPCODE(Maximum_f32, [](f32 a, f32 b) { return maximum(a, b); });
  EXPECT_OPCODE(Minimum_f64, [](f64 a, f64 b) { return minimum(a, b); });
  EXPECT_OPCODE(Maximum_f64, [](f64 a, f64 b) { return maximum(a, b); });
  EXPECT_OPCODE(MinimumFlush, [](f32 a, f32 b) { return minimum(flush(a), flush(b)); });
}

TEST(FloatArithmetic, minimum_and_maximum_that_propagate_nan) {
  const f32 nan = std::numeric_limits<f32>::quiet_NaN();
  const auto propagate = [=](f32 a, f32 b, f32 r) {
    return std::isnan(a) || std::isnan(b) ? nan : r;
  };
  EXPECT_OPCODE(MinimumNan_f32, [=](f32 a, f32 b) { return propagate(a, b, minimum(a, b)); });
  EXPECT_OPCODE(MaximumNan_f32, [=](f32 a, f32 b) { return propagate(a, b, maximum(a, b)); });
}

PTX_OP1(Absolute_f32, f32, f32, "abs.f32 %0, %1;");
PTX_OP1(Absolute_f64, f64, f64, "abs.f64 %0, %1;");
PTX_OP1(Negate_f32, f32, f32, "neg.f32 %0, %1;");
PTX_OP1(Negate_f64, f64, f64, "neg.f64 %0, %1;");
PTX_OP2(CopySign_f32, f32, f32, f32, "copysign.f32 %0, %1, %2;");
PTX_OP2(CopySign_f64, f64, f64, f64, "copysign.f64 %0, %1, %2;");

TEST(FloatArithmetic, signs) {
  EXPECT_OPCODE(Absolute_f32, [](f32 a) { return std::fabs(a); });
  EXPECT_OPCODE(Absolute_f64, [](f64 a) { return std::fabs(a); });
  EXPECT_OPCODE(Negate_f32, [](f32 a) { return -a; });
  EXPECT_OPCODE(Negate_f64, [](f64 a) { return -a; });
  // The sign of the first operand on the second.
  EXPECT_OPCODE(CopySign_f32, [](f32 a, f32 b) { return std::copysign(b, a); });
  EXPECT_OPCODE(CopySign_f64, [](f64 a, f64 b) { return std::copysign(b, a); });
}

#define PREDICATE_OF(kind) "{.reg .pred p;\n testp." kind ".f32 p, %1;\n selp.u32 %0, 1, 0, p;\n}"
PTX_OP1(IsFinite, u32, f32, PREDICATE_OF("finite"));
PTX_OP1(IsInfinite, u32, f32, PREDICATE_OF("infinite"));
PTX_OP1(IsNumber, u32, f32, PREDICATE_OF("number"));
PTX_OP1(IsNotANumber, u32, f32, PREDICATE_OF("notanumber"));
PTX_OP1(IsNormal, u32, f32, PREDICATE_OF("normal"));
PTX_OP1(IsSubnormal, u32, f32, PREDICATE_OF("subnormal"));

TEST(FloatArithmetic, classification) {
  EXPECT_OPCODE(IsFinite, [](f32 a) { return u32(std::isfinite(a)); });
  EXPECT_OPCODE(IsInfinite, [](f32 a) { return u32(std::isinf(a)); });
  EXPECT_OPCODE(IsNumber, [](f32 a) { return u32(!std::isnan(a)); });
  EXPECT_OPCODE(IsNotANumber, [](f32 a) { return u32(std::isnan(a)); });
  EXPECT_OPCODE(IsNormal, [](f32 a) { return u32(a == 0 || std::isnormal(a)); });  // zeros count
  EXPECT_OPCODE(IsSubnormal, [](f32 a) { return u32(std::fpclassify(a) == FP_SUBNORMAL); });
}

}  // namespace
