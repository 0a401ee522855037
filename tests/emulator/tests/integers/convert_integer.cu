// SPDX-License-Identifier: MIT
// Conversions between integers, and between integers and floating point.
#include <cfenv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "support/float_formats.hpp"
#include "support/opcode.cuh"

using namespace cuemu_tests;

namespace {

using s8 = int8_t;
using u8 = uint8_t;

template <class T>
constexpr __int128 kLowest = std::numeric_limits<T>::min();
template <class T>
constexpr __int128 kHighest = std::numeric_limits<T>::max();

template <class T>
T clamp_to(__int128 value) {
  return T(value < kLowest<T> ? kLowest<T> : value > kHighest<T> ? kHighest<T> : value);
}

// An 8- or 16-bit value lives in a wider register here: only the low bits of the source count, and
// the result is extended by the sign of its type.
#define INTEGER_TO_INTEGER(D, d, A, a)                                   \
  PTX_OP1(d##_from_##a, D, A, "cvt." #d "." #a " %0, %1;");              \
  TEST(ConvertInteger, a##_to_##d) {                                     \
    EXPECT_OPCODE(d##_from_##a, [](A value) { return D(d(a(value))); }); \
  }
// PTX has .sat where values of the source can lie outside the result's range.
#define SATURATING(D, d, A, a)                                                                 \
  INTEGER_TO_INTEGER(D, d, A, a)                                                               \
  PTX_OP1(d##_from_##a##_saturated, D, A, "cvt.sat." #d "." #a " %0, %1;");                    \
  TEST(ConvertInteger, a##_to_##d##_saturated) {                                               \
    EXPECT_OPCODE(d##_from_##a##_saturated, [](A value) { return D(clamp_to<d>(a(value))); }); \
  }
INTEGER_TO_INTEGER(s32, s32, u32, u8)
INTEGER_TO_INTEGER(s32, s32, s32, s8)
INTEGER_TO_INTEGER(u32, u32, u16, u16)
INTEGER_TO_INTEGER(s32, s32, s16, s16)
INTEGER_TO_INTEGER(s64, s64, s32, s32)
INTEGER_TO_INTEGER(s64, s64, u32, u32)
INTEGER_TO_INTEGER(u64, u64, u32, u32)
INTEGER_TO_INTEGER(s64, s64, s16, s16)
SATURATING(u32, u32, s32, s8)
SATURATING(u32, u32, s32, s32)
SATURATING(s32, s32, u32, u32)
SATURATING(u64, u64, s32, s32)
SATURATING(u32, u32, u64, u64)
SATURATING(s32, s32, s64, s64)
SATURATING(u32, u32, s64, s64)
SATURATING(u64, u64, s64, s64)
SATURATING(s16, s16, s32, s32)
SATURATING(u16, u16, s32, s32)
SATURATING(u16, u16, u64, u64)
SATURATING(s32, s8, s32, s32)
SATURATING(u32, u8, s32, s32)
SATURATING(u32, u8, u32, u32)

// Out of range: the nearest integer of the type. NaN: 0, or the top bit alone when the source is
// f64 or the result has 64 bits.
template <class D>
D round_to_integer(f64 value, int mode, bool wide_source) {
  if (std::isnan(value)) {
    return wide_source || sizeof(D) == 8 ? D(D(1) << (8 * sizeof(D) - 1)) : D(0);
  }
  std::fesetround(mode);
  const f64 integer = std::nearbyint(value);
  std::fesetround(FE_TONEAREST);
  if (std::fabs(integer) >= 0x1p100) return clamp_to<D>(integer < 0 ? kLowest<s64> : kHighest<u64>);
  return clamp_to<D>(static_cast<__int128>(integer));
}

inline f64 to_double(f32 value) {
  return value;
}
inline f64 to_double(f64 value) {
  return value;
}

#define FLOAT_TO_INTEGER(d, a, rnd, mode)                                         \
  PTX_OP1(d##_from_##a##_##rnd, d, a, "cvt." #rnd "." #d "." #a " %0, %1;");      \
  TEST(ConvertInteger, a##_to_##d##_##rnd) {                                      \
    EXPECT_OPCODE(d##_from_##a##_##rnd, [](a value) {                             \
      return round_to_integer<d>(to_double(value), mode, std::is_same_v<a, f64>); \
    });                                                                           \
  }
#define FLOAT_TO_INTEGER_ALL_ROUNDINGS(d, a) \
  FLOAT_TO_INTEGER(d, a, rni, FE_TONEAREST)  \
  FLOAT_TO_INTEGER(d, a, rzi, FE_TOWARDZERO) \
  FLOAT_TO_INTEGER(d, a, rmi, FE_DOWNWARD)   \
  FLOAT_TO_INTEGER(d, a, rpi, FE_UPWARD)
FLOAT_TO_INTEGER_ALL_ROUNDINGS(s32, f32)
FLOAT_TO_INTEGER_ALL_ROUNDINGS(u32, f32)
FLOAT_TO_INTEGER_ALL_ROUNDINGS(s64, f32)
FLOAT_TO_INTEGER_ALL_ROUNDINGS(s32, f64)
FLOAT_TO_INTEGER(u32, f64, rzi, FE_TOWARDZERO)
FLOAT_TO_INTEGER(s64, f64, rni, FE_TONEAREST)
FLOAT_TO_INTEGER(u64, f64, rzi, FE_TOWARDZERO)
FLOAT_TO_INTEGER(u64, f32, rzi, FE_TOWARDZERO)
FLOAT_TO_INTEGER(s16, f32, rzi, FE_TOWARDZERO)
FLOAT_TO_INTEGER(u16, f32, rni, FE_TONEAREST)
FLOAT_TO_INTEGER(s32, f16, rni, FE_TONEAREST)
FLOAT_TO_INTEGER(s16, f16, rzi, FE_TOWARDZERO)
FLOAT_TO_INTEGER(u16, f16, rzi, FE_TOWARDZERO)
FLOAT_TO_INTEGER(u32, f16, rpi, FE_UPWARD)

// Halves and quarters around the ties, which the general values do not have.
TEST(ConvertInteger, ties) {
  std::vector<f32> quarters;
  for (int i = -26; i <= 26; ++i) quarters.push_back(f32(i) / 4);
  const auto reference = [](f32 a) { return s32(std::nearbyint(a)); };  // to even
  EXPECT_OPCODE_ON(s32_from_f32_rni, reference, quarters);
  EXPECT_OPCODE_ON(
      s32_from_f32_rmi, [](f32 a) { return s32(std::floor(a)); }, quarters);
  EXPECT_OPCODE_ON(
      s32_from_f32_rpi, [](f32 a) { return s32(std::ceil(a)); }, quarters);
  EXPECT_OPCODE_ON(
      s32_from_f32_rzi, [](f32 a) { return s32(std::trunc(a)); }, quarters);
}

PTX_OP1(s8_from_f32, s32, f32, "cvt.rni.sat.s8.f32 %0, %1;");
PTX_OP1(u8_from_f32, u32, f32, "cvt.rni.sat.u8.f32 %0, %1;");

TEST(ConvertInteger, f32_to_bytes) {
  std::vector<f32> values = {0,      0.5f, 1.5f,  126.5f,  127.5f,  128,  254.5f,
                             255.5f, 300,  -0.5f, -127.5f, -128.5f, -1e9f};
  EXPECT_OPCODE_ON(
      s8_from_f32, [](f32 a) { return s32(clamp_to<s8>(s64(std::nearbyint(a)))); }, values);
  EXPECT_OPCODE_ON(
      u8_from_f32, [](f32 a) { return u32(clamp_to<u8>(s64(std::nearbyint(a)))); }, values);
}

// The host converts with the rounding mode set, by the same rule.
template <class D, class A>
D round_to_float(A value, int mode) {
  volatile A source = value;
  std::fesetround(mode);
  volatile D result = static_cast<D>(source);
  std::fesetround(FE_TONEAREST);
  return result;
}

#define INTEGER_TO_FLOAT(d, a, rnd, mode)                                                        \
  PTX_OP1(d##_from_##a##_##rnd, d, a, "cvt." #rnd "." #d "." #a " %0, %1;");                     \
  TEST(ConvertInteger, a##_to_##d##_##rnd) {                                                     \
    EXPECT_OPCODE(d##_from_##a##_##rnd, [](a value) { return round_to_float<d>(value, mode); }); \
  }
INTEGER_TO_FLOAT(f32, s32, rn, FE_TONEAREST)
INTEGER_TO_FLOAT(f32, s32, rz, FE_TOWARDZERO)
INTEGER_TO_FLOAT(f32, u32, rn, FE_TONEAREST)
INTEGER_TO_FLOAT(f32, u32, rm, FE_DOWNWARD)
INTEGER_TO_FLOAT(f32, u32, rp, FE_UPWARD)
INTEGER_TO_FLOAT(f32, s16, rn, FE_TONEAREST)
INTEGER_TO_FLOAT(f32, u16, rn, FE_TONEAREST)
INTEGER_TO_FLOAT(f64, s32, rn, FE_TONEAREST)
INTEGER_TO_FLOAT(f64, u32, rn, FE_TONEAREST)
INTEGER_TO_FLOAT(f64, s64, rn, FE_TONEAREST)
INTEGER_TO_FLOAT(f64, s64, rz, FE_TOWARDZERO)

// 64-bit sources with few enough significant bits for one rounding on the host.
PTX_OP1(f32_from_s64, f32, s64, "cvt.rn.f32.s64 %0, %1;");
PTX_OP1(f32_from_u64, f32, u64, "cvt.rn.f32.u64 %0, %1;");
PTX_OP1(f64_from_u64, f64, u64, "cvt.rn.f64.u64 %0, %1;");
PTX_OP1(f16_from_s32, f16, s32, "cvt.rn.f16.s32 %0, %1;");
PTX_OP1(f16_from_u16, f16, u16, "cvt.rn.f16.u16 %0, %1;");

TEST(ConvertInteger, from_64_bits_and_to_halves) {
  EXPECT_OPCODE(f32_from_s64, [](s64 a) { return f32(a); });
  EXPECT_OPCODE(f32_from_u64, [](u64 a) { return f32(a); });
  EXPECT_OPCODE(f64_from_u64, [](u64 a) { return f64(a); });
  EXPECT_OPCODE(f16_from_s32, [](s32 a) { return to_f16(a); });
  EXPECT_OPCODE(f16_from_u16, [](u16 a) { return to_f16(a); });
}

}  // namespace
