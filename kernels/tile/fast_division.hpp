// SPDX-License-Identifier: MIT
// Division of 31-bit numbers by a divisor known on the host: one multiply-high and a shift.
#pragma once

#include <cstdint>

#include "tile/host_device.hpp"

namespace foldconv {

// quotient(n) == n / divisor for 0 <= n < 2^31 and 1 <= divisor < 2^31.
// Granlund and Montgomery, "Division by Invariant Integers using Multiplication", 1994, theorem 4.2
// with N = 31: multiplier = ceil(2^(31 + bits) / divisor), bits = ceil(log2(divisor)), fits in 32
// bits.
struct FastDivision {
  std::uint32_t divisor = 1;
  std::uint32_t multiplier = 1u << 31;
  std::uint32_t shift = 0;  // applied after the upper half of the product, shifted left by one

  FastDivision() = default;
  explicit FastDivision(std::uint32_t d) : divisor(d) {
    std::uint32_t bits = 0;
    while ((std::uint64_t{1} << bits) < d) ++bits;
    multiplier = static_cast<std::uint32_t>(((std::uint64_t{1} << (31 + bits)) + d - 1) / d);
    shift = bits;
  }

  FOLDCONV_HOST_DEVICE std::uint32_t quotient(std::uint32_t n) const {
    const std::uint64_t product = static_cast<std::uint64_t>(n) * multiplier;
    return static_cast<std::uint32_t>(product >> 31) >> shift;
  }
  FOLDCONV_HOST_DEVICE std::uint32_t remainder(std::uint32_t n, std::uint32_t quotient) const {
    return n - quotient * divisor;
  }
};

}  // namespace foldconv
