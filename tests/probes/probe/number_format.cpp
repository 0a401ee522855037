// SPDX-License-Identifier: MIT
#include "probe/number_format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace foldconv::probes {

const NumberFormat kF16{"f16", 16, 10, 15, true, 1024};
const NumberFormat kBf16{"bf16", 16, 7, 127, true, 128};
const NumberFormat kTf32{"tf32", 32, 10, 127, true, 1024};
const NumberFormat kE4m3{"e4m3", 8, 3, 7, false, 16};
const NumberFormat kS8{"s8", 8, -1, 0, false, 64};

std::uint32_t quiet_nan(const NumberFormat& f) {
  if (f.bits == 32) return 0x7fc00000;
  if (!f.has_infinity) return 0x7f;
  const std::uint32_t top = (1u << (f.bits - 1)) - 1;
  return top & ~((1u << (f.mantissa_bits - 1)) - 1);
}

std::uint32_t encode(double value, const NumberFormat& f) {
  if (f.mantissa_bits < 0) return static_cast<std::uint32_t>(static_cast<int>(value)) & 0xff;
  if (std::isnan(value)) return quiet_nan(f);
  const std::uint32_t sign = std::signbit(value) ? 1u << (f.bits - 1) : 0;
  const int stored = f.bits == 32 ? 23 : f.mantissa_bits;  // tf32 lies in the bits of an fp32
  const int exponent_bits = f.bits - 1 - stored;
  const std::uint32_t infinity = ((1u << exponent_bits) - 1) << stored;
  const std::uint32_t largest = f.has_infinity ? infinity : infinity + (1u << stored) - 2;
  const double magnitude = std::fabs(value);
  if (magnitude == 0) return sign;
  if (std::isinf(value)) return sign | largest;
  const int exponent = std::max(std::ilogb(magnitude), 1 - f.bias);
  // Units of the last place, with the exponent added on top; a carry moves into the exponent by
  // itself.
  const double units = std::nearbyint(std::ldexp(magnitude, f.mantissa_bits - exponent));
  const double bits =
      std::ldexp(units, stored - f.mantissa_bits) + std::ldexp(exponent + f.bias - 1, stored);
  return sign | (bits >= largest ? largest : static_cast<std::uint32_t>(bits));
}

double decode_sum(std::uint32_t word, const NumberFormat& operands) {
  if (operands.mantissa_bits < 0) return static_cast<double>(std::bit_cast<std::int32_t>(word));
  return static_cast<double>(std::bit_cast<float>(word));
}

}  // namespace foldconv::probes
