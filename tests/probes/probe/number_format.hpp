// SPDX-License-Identifier: MIT
// Bits of the number types that tensor cores take.
#pragma once

#include <cstdint>
#include <string>

namespace foldconv::probes {

struct NumberFormat {
  std::string name;
  int bits;           // storage of an element
  int mantissa_bits;  // stored; -1: an integer
  int bias;
  bool has_infinity;  // e4m3 has none: its largest exponent holds numbers, and one NaN
  int digit;          // tables are coded with 0 .. digit - 1: those and sums of a few are exact

  int bytes() const { return bits / 8; }
  int per_register() const { return 32 / bits; }
};

extern const NumberFormat kF16, kBf16, kTf32, kE4m3, kS8;

// Rounded to nearest, ties to even; too large: infinity, or the largest number where there is none.
std::uint32_t encode(double value, const NumberFormat& format);
std::uint32_t quiet_nan(const NumberFormat& format);

// Of a result register: fp32 or s32.
double decode_sum(std::uint32_t word, const NumberFormat& operands);

}  // namespace foldconv::probes
