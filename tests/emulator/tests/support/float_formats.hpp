// SPDX-License-Identifier: MIT
// Host arithmetic of the narrow formats, by way of double: exact, and without any CUDA header.
#pragma once

#include <algorithm>
#include <cfenv>
#include <cmath>

#include "operand_types.hpp"

namespace cuemu_tests {

struct FloatFormat {
  int mantissa_bits;  // stored
  int bias;           // also the largest exponent
};
inline constexpr FloatFormat kF16{10, 15};
inline constexpr FloatFormat kBf16{7, 127};

// The bits of `value` in a 16-bit format, rounded once by `mode` (FE_TONEAREST or FE_TOWARDZERO).
inline u16 encode(double value, FloatFormat format, int mode = FE_TONEAREST) {
  const u16 sign = std::signbit(value) ? 0x8000 : 0;
  const u16 infinity = u16((2 * format.bias + 1) << format.mantissa_bits);
  if (std::isnan(value)) return 0x7fff;
  if (std::isinf(value)) return sign | infinity;
  if (value == 0) return sign;
  const int exponent =
      std::max(std::ilogb(value), 1 - format.bias);  // of the leading bit; clamped: denormal
  std::fesetround(mode);
  // In units of the last place, so that the encoding is that integer with the exponent added on
  // top.
  const double units =
      std::nearbyint(std::ldexp(std::fabs(value), format.mantissa_bits - exponent));
  std::fesetround(FE_TONEAREST);
  const double encoded = units + std::ldexp(exponent + format.bias - 1, format.mantissa_bits);
  if (encoded < infinity) return u16(sign | u16(encoded));
  return u16(sign | (mode == FE_TOWARDZERO ? infinity - 1 : infinity));
}

inline double decode(u16 bits, FloatFormat format) {
  const int exponent = (bits & 0x7fff) >> format.mantissa_bits;
  const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
  const double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 2 * format.bias + 1) return sign * (mantissa == 0 ? HUGE_VAL : std::nan(""));
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - format.bias - format.mantissa_bits);
  return sign * std::ldexp(mantissa + (1 << format.mantissa_bits),
                           exponent - format.bias - format.mantissa_bits);
}

inline double to_double(f16 value) {
  return decode(value.bits, kF16);
}
inline double to_double(bf16 value) {
  return decode(value.bits, kBf16);
}
inline f16 to_f16(double value, int mode = FE_TONEAREST) {
  return f16{encode(value, kF16, mode)};
}
inline bf16 to_bf16(double value, int mode = FE_TONEAREST) {
  return bf16{encode(value, kBf16, mode)};
}

// x + y rounded to odd: an inexact sum gets an odd last bit, so that rounding it once more to a
// much narrower format gives what rounding the exact sum would.
inline double add_round_to_odd(double x, double y) {
  const double sum = x + y;
  if (!std::isfinite(sum)) return sum;
  const double part = sum - x;
  const double error = (x - (sum - part)) + (y - part);
  if (error == 0 || (bit_cast<u64>(sum) & 1) != 0) return sum;
  return std::nextafter(sum, error > 0 ? HUGE_VAL : -HUGE_VAL);
}

}  // namespace cuemu_tests
