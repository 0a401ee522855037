// SPDX-License-Identifier: MIT
// add sub mul mad div rem abs neg min max sad mul24 of all integer types.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

// Wrap-around arithmetic on the host, free of signed overflow.
template <class T>
T wrap(u64 value) {
  return static_cast<T>(value);
}
template <class T>
u64 bits(T value) {
  return static_cast<u64>(value);
}

template <class T>
T high_half(T a, T b) {
  using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
  return static_cast<T>((static_cast<Wide>(a) * static_cast<Wide>(b)) >> (8 * sizeof(T)));
}

// What div and rem leave open: division by zero, and the one overflow.
template <class T>
bool division_defined(T a, T b) {
  return b != 0 && !(std::is_signed_v<T> && a == std::numeric_limits<T>::min() && b == T(-1));
}

constexpr auto kAdd = [](auto a, auto b) { return wrap<decltype(a)>(bits(a) + bits(b)); };
constexpr auto kSubtract = [](auto a, auto b) { return wrap<decltype(a)>(bits(a) - bits(b)); };
constexpr auto kMultiply = [](auto a, auto b) { return wrap<decltype(a)>(bits(a) * bits(b)); };
constexpr auto kMultiplyHigh = [](auto a, auto b) { return high_half(a, b); };
constexpr auto kMinimum = [](auto a, auto b) { return std::min(a, b); };
constexpr auto kMaximum = [](auto a, auto b) { return std::max(a, b); };
constexpr auto kDivide = [](auto a, auto b) -> Expected<decltype(a)> {
  if (!division_defined(a, b)) return std::nullopt;
  return static_cast<decltype(a)>(a / b);
};
constexpr auto kRemainder = [](auto a, auto b) -> Expected<decltype(a)> {
  if (!division_defined(a, b)) return std::nullopt;
  return static_cast<decltype(a)>(a % b);
};

// One struct an operation: the same eight instructions exist for each of the six types.
#define ARITHMETIC_OF(T)                                           \
  PTX_OP2(Add_##T, T, T, T, "add." #T " %0, %1, %2;");             \
  PTX_OP2(Subtract_##T, T, T, T, "sub." #T " %0, %1, %2;");        \
  PTX_OP2(MultiplyLow_##T, T, T, T, "mul.lo." #T " %0, %1, %2;");  \
  PTX_OP2(MultiplyHigh_##T, T, T, T, "mul.hi." #T " %0, %1, %2;"); \
  PTX_OP2(Divide_##T, T, T, T, "div." #T " %0, %1, %2;");          \
  PTX_OP2(Remainder_##T, T, T, T, "rem." #T " %0, %1, %2;");       \
  PTX_OP2(Minimum_##T, T, T, T, "min." #T " %0, %1, %2;");         \
  PTX_OP2(Maximum_##T, T, T, T, "max." #T " %0, %1, %2;");         \
  TEST(IntegerArithmetic, T##_two_operands) {                      \
    EXPECT_OPCODE(Add_##T, kAdd);                                  \
    EXPECT_OPCODE(Subtract_##T, kSubtract);                        \
    EXPECT_OPCODE(MultiplyLow_##T, kMultiply);                     \
    EXPECT_OPCODE(MultiplyHigh_##T, kMultiplyHigh);                \
    EXPECT_OPCODE(Divide_##T, kDivide);                            \
    EXPECT_OPCODE(Remainder_##T, kRemainder);                      \
    EXPECT_OPCODE(Minimum_##T, kMinimum);                          \
    EXPECT_OPCODE(Maximum_##T, kMaximum);                          \
  }
ARITHMETIC_OF(u16)
ARITHMETIC_OF(s16)
ARITHMETIC_OF(u32)
ARITHMETIC_OF(s32)
ARITHMETIC_OF(u64)
ARITHMETIC_OF(s64)

PTX_OP1(Negate_s16, s16, s16, "neg.s16 %0, %1;");
PTX_OP1(Negate_s32, s32, s32, "neg.s32 %0, %1;");
PTX_OP1(Negate_s64, s64, s64, "neg.s64 %0, %1;");
PTX_OP1(Absolute_s16, s16, s16, "abs.s16 %0, %1;");
PTX_OP1(Absolute_s32, s32, s32, "abs.s32 %0, %1;");
PTX_OP1(Absolute_s64, s64, s64, "abs.s64 %0, %1;");

TEST(IntegerArithmetic, negate_and_absolute) {
  // Both give the most negative value for itself.
  const auto negate = [](auto a) { return wrap<decltype(a)>(0 - bits(a)); };
  const auto absolute = [=](auto a) { return a < 0 ? negate(a) : a; };
  EXPECT_OPCODE(Negate_s16, negate);
  EXPECT_OPCODE(Negate_s32, negate);
  EXPECT_OPCODE(Negate_s64, negate);
  EXPECT_OPCODE(Absolute_s16, absolute);
  EXPECT_OPCODE(Absolute_s32, absolute);
  EXPECT_OPCODE(Absolute_s64, absolute);
}

PTX_OP2(AddSaturate_s32, s32, s32, s32, "add.sat.s32 %0, %1, %2;");
PTX_OP2(SubtractSaturate_s32, s32, s32, s32, "sub.sat.s32 %0, %1, %2;");

TEST(IntegerArithmetic, saturating) {
  const auto clamp = [](s64 v) { return s32(std::clamp<s64>(v, INT32_MIN, INT32_MAX)); };
  EXPECT_OPCODE(AddSaturate_s32, [=](s32 a, s32 b) { return clamp(s64(a) + b); });
  EXPECT_OPCODE(SubtractSaturate_s32, [=](s32 a, s32 b) { return clamp(s64(a) - b); });
}

PTX_OP2(MultiplyWide_u16, u32, u16, u16, "mul.wide.u16 %0, %1, %2;");
PTX_OP2(MultiplyWide_s16, s32, s16, s16, "mul.wide.s16 %0, %1, %2;");
PTX_OP2(MultiplyWide_u32, u64, u32, u32, "mul.wide.u32 %0, %1, %2;");
PTX_OP2(MultiplyWide_s32, s64, s32, s32, "mul.wide.s32 %0, %1, %2;");
PTX_OP3(MadWide_u16, u32, u16, u16, u32, "mad.wide.u16 %0, %1, %2, %3;");
PTX_OP3(MadWide_s16, s32, s16, s16, s32, "mad.wide.s16 %0, %1, %2, %3;");
PTX_OP3(MadWide_u32, u64, u32, u32, u64, "mad.wide.u32 %0, %1, %2, %3;");
PTX_OP3(MadWide_s32, s64, s32, s32, s64, "mad.wide.s32 %0, %1, %2, %3;");

TEST(IntegerArithmetic, wide_products) {
  EXPECT_OPCODE(MultiplyWide_u16, [](u16 a, u16 b) { return u32(a) * b; });
  EXPECT_OPCODE(MultiplyWide_s16, [](s16 a, s16 b) { return s32(a) * b; });
  EXPECT_OPCODE(MultiplyWide_u32, [](u32 a, u32 b) { return u64(a) * b; });
  EXPECT_OPCODE(MultiplyWide_s32, [](s32 a, s32 b) { return s64(a) * b; });
  EXPECT_OPCODE(MadWide_u16, [](u16 a, u16 b, u32 c) { return u32(a) * b + c; });
  EXPECT_OPCODE(MadWide_s16, [](s16 a, s16 b, s32 c) { return s32(u32(s32(a) * b) + u32(c)); });
  EXPECT_OPCODE(MadWide_u32, [](u32 a, u32 b, u64 c) { return u64(a) * b + c; });
  EXPECT_OPCODE(MadWide_s32, [](s32 a, s32 b, s64 c) { return s64(u64(s64(a) * b) + u64(c)); });
}

PTX_OP3(MadLow_u32, u32, u32, u32, u32, "mad.lo.u32 %0, %1, %2, %3;");
PTX_OP3(MadLow_s32, s32, s32, s32, s32, "mad.lo.s32 %0, %1, %2, %3;");
PTX_OP3(MadHigh_u32, u32, u32, u32, u32, "mad.hi.u32 %0, %1, %2, %3;");
PTX_OP3(MadHigh_s32, s32, s32, s32, s32, "mad.hi.s32 %0, %1, %2, %3;");
PTX_OP3(MadLow_u16, u16, u16, u16, u16, "mad.lo.u16 %0, %1, %2, %3;");
PTX_OP3(MadLow_s64, s64, s64, s64, s64, "mad.lo.s64 %0, %1, %2, %3;");
PTX_OP3(MadHigh_u64, u64, u64, u64, u64, "mad.hi.u64 %0, %1, %2, %3;");
PTX_OP3(MadHighSaturate_s32, s32, s32, s32, s32, "mad.hi.sat.s32 %0, %1, %2, %3;");

TEST(IntegerArithmetic, multiply_add) {
  const auto low = [](auto a, auto b, auto c) {
    return wrap<decltype(a)>(bits(a) * bits(b) + bits(c));
  };
  const auto high = [](auto a, auto b, auto c) {
    return wrap<decltype(a)>(bits(high_half(a, b)) + bits(c));
  };
  EXPECT_OPCODE(MadLow_u32, low);
  EXPECT_OPCODE(MadLow_s32, low);
  EXPECT_OPCODE(MadHigh_u32, high);
  EXPECT_OPCODE(MadHigh_s32, high);
  EXPECT_OPCODE(MadLow_u16, low);
  EXPECT_OPCODE(MadLow_s64, low);
  EXPECT_OPCODE(MadHigh_u64, high);
  EXPECT_OPCODE(MadHighSaturate_s32, [](s32 a, s32 b, s32 c) {
    return s32(std::clamp<s64>(s64(high_half(a, b)) + c, INT32_MIN, INT32_MAX));
  });
}

PTX_OP2(Multiply24_u32, u32, u32, u32, "mul24.lo.u32 %0, %1, %2;");
PTX_OP2(Multiply24_s32, s32, s32, s32, "mul24.lo.s32 %0, %1, %2;");
PTX_OP3(AbsoluteDifference_u32, u32, u32, u32, u32, "sad.u32 %0, %1, %2, %3;");
PTX_OP3(AbsoluteDifference_s32, s32, s32, s32, s32, "sad.s32 %0, %1, %2, %3;");

TEST(IntegerArithmetic, multiply_24_bits) {
  EXPECT_OPCODE(Multiply24_u32, [](u32 a, u32 b) { return (a & 0xffffff) * (b & 0xffffff); });
  const auto sign_extend_24 = [](s32 a) { return s32(u32(a) << 8) >> 8; };
  EXPECT_OPCODE(Multiply24_s32,
                [=](s32 a, s32 b) { return s32(s64(sign_extend_24(a)) * sign_extend_24(b)); });
}

TEST(IntegerArithmetic, sum_of_absolute_differences) {
  EXPECT_OPCODE(AbsoluteDifference_u32,
                [](u32 a, u32 b, u32 c) { return c + (a < b ? b - a : a - b); });
  EXPECT_OPCODE(AbsoluteDifference_s32, [](s32 a, s32 b, s32 c) {
    return s32(u32(c) + (a < b ? u32(b) - u32(a) : u32(a) - u32(b)));
  });
}

}  // namespace
