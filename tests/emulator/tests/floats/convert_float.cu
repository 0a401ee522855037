// SPDX-License-Identifier: MIT
// Conversions between floating-point formats: ties, overflow, denormals, packing, rounding to
// integers.
#include <cfenv>
#include <cmath>
#include <limits>

#include "support/float_formats.hpp"
#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

// Values of f32 that fall between two halves: exact, ties, just off the ties, around the overflow
// and denormal limits.
std::vector<f32> between_halves(FloatFormat format) {
  std::vector<f32> values;
  for (u16 bits :
       {0x0000, 0x0001, 0x0002, 0x0003, 0x007f, 0x0080, 0x03ff, 0x0400, 0x3bff, 0x3c00,
        0x3c01, 0x3f7f, 0x3f80, 0x3f81, 0x7bfe, 0x7bff, 0x7c00, 0x7f7e, 0x7f7f, 0x7f80}) {
    const f64 low = decode(bits, format), high = decode(u16(bits + 1), format);
    for (f64 value : {low, (low + high) / 2, 0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high}) {
      if (std::isnan(value)) continue;
      for (f32 f :
           {f32(value), std::nextafter(f32(value), HUGE_VALF), std::nextafter(f32(value), 0.0f)}) {
        values.push_back(f);
        values.push_back(-f);
      }
    }
  }
  for (f32 f :
       {65519.96f, 65520.0f, 3.3961776e38f, 3.4e38f, std::numeric_limits<f32>::quiet_NaN()}) {
    values.push_back(f);
  }
  return values;
}

PTX_OP1(f16_rn, f16, f32, "cvt.rn.f16.f32 %0, %1;");
PTX_OP1(f16_rz, f16, f32, "cvt.rz.f16.f32 %0, %1;");
PTX_OP1(bf16_rn, bf16, f32, "cvt.rn.bf16.f32 %0, %1;");
PTX_OP1(bf16_rz, bf16, f32, "cvt.rz.bf16.f32 %0, %1;");

TEST(ConvertFloat, f32_to_halves) {
  const auto nearest = [](f32 a) { return to_f16(a); };
  const auto truncated = [](f32 a) { return to_f16(a, FE_TOWARDZERO); };
  const auto brain_nearest = [](f32 a) { return to_bf16(a); };
  const auto brain_truncated = [](f32 a) { return to_bf16(a, FE_TOWARDZERO); };
  EXPECT_OPCODE(f16_rn, nearest);
  EXPECT_OPCODE(bf16_rn, brain_nearest);
  EXPECT_OPCODE_ON(f16_rn, nearest, between_halves(kF16));
  EXPECT_OPCODE_ON(f16_rz, truncated, between_halves(kF16));
  EXPECT_OPCODE_ON(bf16_rn, brain_nearest, between_halves(kBf16));
  EXPECT_OPCODE_ON(bf16_rz, brain_truncated, between_halves(kBf16));
}

PTX_OP2(f16x2_rn, f16x2, f32, f32, "cvt.rn.f16x2.f32 %0, %1, %2;");
PTX_OP2(bf16x2_rn, bf16x2, f32, f32, "cvt.rn.bf16x2.f32 %0, %1, %2;");
PTX_OP2(f16x2_relu, f16x2, f32, f32, "cvt.rn.relu.f16x2.f32 %0, %1, %2;");
PTX_OP2(bf16x2_relu, bf16x2, f32, f32, "cvt.rz.relu.bf16x2.f32 %0, %1, %2;");

TEST(ConvertFloat, packed_halves_have_the_first_operand_on_top) {
  const auto pack = [](u16 high, u16 low) { return u32(high) << 16 | low; };
  const auto relu = [](f32 a) { return a > 0 || std::isnan(a) ? a : 0.0f; };
  EXPECT_OPCODE(f16x2_rn,
                [=](f32 a, f32 b) { return f16x2{pack(to_f16(a).bits, to_f16(b).bits)}; });
  EXPECT_OPCODE(bf16x2_rn,
                [=](f32 a, f32 b) { return bf16x2{pack(to_bf16(a).bits, to_bf16(b).bits)}; });
  EXPECT_OPCODE(f16x2_relu, [=](f32 a, f32 b) {
    return f16x2{pack(to_f16(relu(a)).bits, to_f16(relu(b)).bits)};
  });
  EXPECT_OPCODE(bf16x2_relu, [=](f32 a, f32 b) {
    return bf16x2{pack(to_bf16(relu(a), FE_TOWARDZERO).bits, to_bf16(relu(b), FE_TOWARDZERO).bits)};
  });
}

PTX_OP1(f32_from_f16, f32, f16, "cvt.f32.f16 %0, %1;");
PTX_OP1(f64_from_f16, f64, f16, "cvt.f64.f16 %0, %1;");
PTX_OP1(f16_from_f64, f16, f64, "cvt.rn.f16.f64 %0, %1;");
PTX_OP1(
    f32_from_f16_twice, u32, u32,
    "{.reg .b16 h;\n .reg .f32 f;\n cvt.u16.u32 h, %1;\n cvt.f32.f16 f, h;\n cvt.rn.f16.f32 h, f;\n"
    " cvt.u32.u16 %0, h;\n}");

TEST(ConvertFloat, f16_to_wider) {
  EXPECT_OPCODE(f32_from_f16, [](f16 a) { return f32(to_double(a)); });
  EXPECT_OPCODE(f64_from_f16, [](f16 a) { return to_double(a); });
  EXPECT_OPCODE(f16_from_f64, [](f64 a) { return to_f16(a); });
}

TEST(ConvertFloat, every_f16_survives_the_way_to_f32_and_back) {
  std::vector<u32> all;
  for (u32 bits = 0; bits < 0x10000; ++bits) {
    if (!is_nan(f16{u16(bits)})) all.push_back(bits);
  }
  EXPECT_OPCODE_ON(
      f32_from_f16_twice, [](u32 bits) { return bits; }, all);
}

#define NARROW_OF(rnd, mode)                                                                     \
  PTX_OP1(f32_from_f64_##rnd, f32, f64, "cvt." #rnd ".f32.f64 %0, %1;");                         \
  TEST(ConvertFloat, f64_to_f32_##rnd) {                                                         \
    const auto reference = [](f64 a) {                                                           \
      volatile f64 source = a;                                                                   \
      std::fesetround(mode);                                                                     \
      volatile f32 result = static_cast<f32>(source);                                            \
      std::fesetround(FE_TONEAREST);                                                             \
      return f32(result);                                                                        \
    };                                                                                           \
    EXPECT_OPCODE(f32_from_f64_##rnd, reference);                                                \
    EXPECT_OPCODE_ON(f32_from_f64_##rnd, reference,                                              \
                     std::vector<f64>{1 + 0x1p-24, 1 + 0x3p-24, 1 + 0x1.001p-24, 0x1.ffffffp127, \
                                      0x1.fffffefp127, 0x1p-150, 0x1.8p-149, -0x1.000001p-126}); \
  }
NARROW_OF(rn, FE_TONEAREST)
NARROW_OF(rz, FE_TOWARDZERO)
NARROW_OF(rm, FE_DOWNWARD)
NARROW_OF(rp, FE_UPWARD)

PTX_OP1(f64_from_f32, f64, f32, "cvt.f64.f32 %0, %1;");
PTX_OP1(Saturated, f32, f32, "cvt.sat.f32.f32 %0, %1;");
PTX_OP1(Flushed, f32, f32, "cvt.ftz.f32.f32 %0, %1;");

TEST(ConvertFloat, exact_saturated_and_flushed) {
  EXPECT_OPCODE(f64_from_f32, [](f32 a) { return f64(a); });
  EXPECT_OPCODE(Saturated, [](f32 a) { return a > 0 ? std::fmin(a, 1.0f) : 0.0f; });
  EXPECT_OPCODE(Flushed, [](f32 a) {
    return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(0.0f, a) : a;
  });
}

// Rounding to an integral value within the format.
#define INTEGRAL_OF(T, rnd, function)                                          \
  PTX_OP1(Integral_##T##_##rnd, T, T, "cvt." #rnd "." #T "." #T " %0, %1;");   \
  TEST(ConvertFloat, T##_to_integral_##rnd) {                                  \
    EXPECT_OPCODE(Integral_##T##_##rnd, [](T a) { return std::function(a); }); \
    std::vector<T> quarters;                                                   \
    for (int i = -26; i <= 26; ++i) quarters.push_back(T(i) / 4);              \
    EXPECT_OPCODE_ON(                                                          \
        Integral_##T##_##rnd, [](T a) { return std::function(a); }, quarters); \
  }
INTEGRAL_OF(f32, rni, nearbyint)
INTEGRAL_OF(f32, rzi, trunc)
INTEGRAL_OF(f32, rmi, floor)
INTEGRAL_OF(f32, rpi, ceil)
INTEGRAL_OF(f64, rni, nearbyint)
INTEGRAL_OF(f64, rzi, trunc)
INTEGRAL_OF(f64, rmi, floor)

PTX_OP1(Integral_f16, f16, f16, "cvt.rni.f16.f16 %0, %1;");

TEST(ConvertFloat, f16_to_integral) {
  EXPECT_OPCODE(Integral_f16, [](f16 a) { return to_f16(std::nearbyint(to_double(a))); });
}

PTX_OP1(TensorFloat, u32, f32, "cvt.rna.tf32.f32 %0, %1;");

TEST(ConvertFloat, tf32_rounds_ties_away_from_zero) {
  // Ten stored mantissa bits: half a unit added to the magnitude, the low 13 bits cleared.
  const auto reference = [](f32 a) -> Expected<u32> {
    if (std::isnan(a)) return std::nullopt;
    if (std::isinf(a)) return bit_cast<u32>(a);
    return (bit_cast<u32>(a) + 0x1000) & ~0x1fffu;
  };
  EXPECT_OPCODE(TensorFloat, reference);
  EXPECT_OPCODE_ON(
      TensorFloat, reference,
      std::vector<f32>{1 + 0x1p-11f, -1 - 0x1p-11f, 1 + 0x0.fp-11f, 1 + 0x3p-11f, 0x1.ffcp3f});
}

}  // namespace
