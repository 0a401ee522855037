// SPDX-License-Identifier: MIT
// Arithmetic of f16, bf16 and their pairs: rounded once, to nearest even.
#include <type_traits>

#include "support/float_formats.hpp"
#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

template <class Half>
Half encode_as(double value) {
  return Half{encode(value, std::is_same_v<Half, f16> ? kF16 : kBf16)};
}

constexpr auto kAdd = [](auto a, auto b) {
  return encode_as<decltype(a)>(to_double(a) + to_double(b));
};
constexpr auto kSubtract = [](auto a, auto b) {
  return encode_as<decltype(a)>(to_double(a) - to_double(b));
};
constexpr auto kMultiply = [](auto a, auto b) {
  return encode_as<decltype(a)>(to_double(a) * to_double(b));
};
constexpr auto kFma = [](auto a, auto b, auto c) {
  // The product of two 11-bit mantissas is exact in double; the sum need not be.
  return encode_as<decltype(a)>(add_round_to_odd(to_double(a) * to_double(b), to_double(c)));
};
constexpr auto kFmaRelu = [](auto a, auto b, auto c) {
  // max(x, 0) that keeps NaN; a negative zero becomes +0.
  const auto result = kFma(a, b, c);
  return is_nan(result) || to_double(result) > 0 ? result : decltype(a){0};
};
// The number where one operand is NaN; -0 below +0.
constexpr auto kMinimum = [](auto a, auto b) {
  if (is_nan(a)) return b;
  if (is_nan(b)) return a;
  if (to_double(a) == to_double(b)) return a.bits & 0x8000 ? a : b;
  return to_double(a) < to_double(b) ? a : b;
};
template <class Half>
Half negate(Half a) {
  return Half{u16(a.bits ^ 0x8000)};
}
constexpr auto kMaximum = [](auto a, auto b) { return negate(kMinimum(negate(a), negate(b))); };
constexpr auto kMinimumNan = [](auto a, auto b) {
  return is_nan(a) ? a : is_nan(b) ? b : kMinimum(a, b);
};
constexpr auto kMaximumNan = [](auto a, auto b) {
  return is_nan(a) ? a : is_nan(b) ? b : kMaximum(a, b);
};
constexpr auto kNegate = [](auto a) { return negate(a); };
constexpr auto kAbsolute = [](auto a) { return decltype(a){u16(a.bits & 0x7fff)}; };

// The same function on both halves of a pair.
template <class Half, class F>
auto on_halves(F f) {
  return [f](auto... pairs) {
    const u32 low = f(Half{u16(pairs.bits)}...).bits;
    const u32 high = f(Half{u16(pairs.bits >> 16)}...).bits;
    return std::common_type_t<decltype(pairs)...>{low | high << 16};
  };
}
// ... or on the one value of a scalar.
template <class T, class F>
auto as(F f) {
  if constexpr (std::is_same_v<T, f16x2>) {
    return on_halves<f16>(f);
  } else if constexpr (std::is_same_v<T, bf16x2>) {
    return on_halves<bf16>(f);
  } else {
    return f;
  }
}

#define COMMON_OF(T)                                                      \
  PTX_OP3(Fma_##T, T, T, T, T, "fma.rn." #T " %0, %1, %2, %3;");          \
  PTX_OP3(FmaRelu_##T, T, T, T, T, "fma.rn.relu." #T " %0, %1, %2, %3;"); \
  PTX_OP2(Minimum_##T, T, T, T, "min." #T " %0, %1, %2;");                \
  PTX_OP2(Maximum_##T, T, T, T, "max." #T " %0, %1, %2;");                \
  PTX_OP2(MinimumNan_##T, T, T, T, "min.NaN." #T " %0, %1, %2;");         \
  PTX_OP2(MaximumNan_##T, T, T, T, "max.NaN." #T " %0, %1, %2;");         \
  PTX_OP1(Negate_##T, T, T, "neg." #T " %0, %1;");                        \
  PTX_OP1(Absolute_##T, T, T, "abs." #T " %0, %1;");                      \
  TEST(HalfArithmetic, T##_fma) {                                         \
    EXPECT_OPCODE(Fma_##T, as<T>(kFma));                                  \
    EXPECT_OPCODE(FmaRelu_##T, as<T>(kFmaRelu));                          \
  }                                                                       \
  TEST(HalfArithmetic, T##_minimum_and_maximum) {                         \
    EXPECT_OPCODE(Minimum_##T, as<T>(kMinimum));                          \
    EXPECT_OPCODE(Maximum_##T, as<T>(kMaximum));                          \
    EXPECT_OPCODE(MinimumNan_##T, as<T>(kMinimumNan));                    \
    EXPECT_OPCODE(MaximumNan_##T, as<T>(kMaximumNan));                    \
  }                                                                       \
  TEST(HalfArithmetic, T##_signs) {                                       \
    EXPECT_OPCODE(Negate_##T, as<T>(kNegate));                            \
    EXPECT_OPCODE(Absolute_##T, as<T>(kAbsolute));                        \
  }
COMMON_OF(f16)
COMMON_OF(f16x2)
COMMON_OF(bf16)
COMMON_OF(bf16x2)

// bf16 has these only from sm_90 on.
#define SUMS_OF(T)                                               \
  PTX_OP2(Add_##T, T, T, T, "add." #T " %0, %1, %2;");           \
  PTX_OP2(AddRounded_##T, T, T, T, "add.rn." #T " %0, %1, %2;"); \
  PTX_OP2(Subtract_##T, T, T, T, "sub." #T " %0, %1, %2;");      \
  PTX_OP2(Multiply_##T, T, T, T, "mul." #T " %0, %1, %2;");      \
  TEST(HalfArithmetic, T##_sum_difference_product) {             \
    EXPECT_OPCODE(Add_##T, as<T>(kAdd));                         \
    EXPECT_OPCODE(AddRounded_##T, as<T>(kAdd));                  \
    EXPECT_OPCODE(Subtract_##T, as<T>(kSubtract));               \
    EXPECT_OPCODE(Multiply_##T, as<T>(kMultiply));               \
  }
SUMS_OF(f16)
SUMS_OF(f16x2)

PTX_OP2(AddSaturate, f16, f16, f16, "add.sat.f16 %0, %1, %2;");
PTX_OP3(FmaSaturate, f16x2, f16x2, f16x2, f16x2, "fma.rn.sat.f16x2 %0, %1, %2, %3;");

TEST(HalfArithmetic, saturation_clamps_to_the_unit_interval) {
  const auto clamp = [](f16 a) {
    return is_nan(a) || to_double(a) <= 0 ? f16{0} : to_double(a) > 1 ? f16{0x3c00} : a;
  };
  EXPECT_OPCODE(AddSaturate, [=](f16 a, f16 b) { return clamp(kAdd(a, b)); });
  EXPECT_OPCODE(FmaSaturate, as<f16x2>([=](f16 a, f16 b, f16 c) { return clamp(kFma(a, b, c)); }));
}

PTX_OP2(AddFlush, f16, f16, f16, "add.ftz.f16 %0, %1, %2;");
PTX_OP2(MultiplyFlush, f16x2, f16x2, f16x2, "mul.ftz.f16x2 %0, %1, %2;");

TEST(HalfArithmetic, flush_to_zero) {
  const auto flush = [](f16 a) { return (a.bits & 0x7c00) == 0 ? f16{u16(a.bits & 0x8000)} : a; };
  EXPECT_OPCODE(AddFlush, [=](f16 a, f16 b) { return flush(kAdd(flush(a), flush(b))); });
  EXPECT_OPCODE(MultiplyFlush,
                as<f16x2>([=](f16 a, f16 b) { return flush(kMultiply(flush(a), flush(b))); }));
}

}  // namespace
