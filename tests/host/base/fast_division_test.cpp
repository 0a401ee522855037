// SPDX-License-Identifier: MIT
#include "tile/fast_division.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace foldconv {
namespace {

constexpr std::uint32_t kLimit = 1u << 31;  // of dividends and divisors, exclusive

auto random_numbers(unsigned seed) {
  return [engine = std::mt19937(seed)]() mutable { return static_cast<std::uint32_t>(engine()); };
}

std::vector<std::uint32_t> interesting_divisors() {
  std::vector<std::uint32_t> divisors;
  for (std::uint32_t d = 1; d <= 2048; ++d) divisors.push_back(d);
  for (int bit = 11; bit <= 31; ++bit) {
    for (const int offset : {-3, -2, -1, 0, 1, 2, 3}) {
      const std::int64_t d = (std::int64_t{1} << bit) + offset;
      if (d < kLimit) divisors.push_back(static_cast<std::uint32_t>(d));
    }
  }
  auto random = random_numbers(1);
  for (int i = 0; i < 2000; ++i) divisors.push_back(std::max(1u, random() >> (1 + random() % 20)));
  return divisors;
}

void expect_exact(const FastDivision& division, std::uint32_t n) {
  ASSERT_EQ(division.quotient(n), n / division.divisor) << n << " / " << division.divisor;
  ASSERT_EQ(division.remainder(n, division.quotient(n)), n % division.divisor);
}

// The quotient grows with n, so it is right everywhere if it is right on both sides of every
// multiple of the divisor. Here: the first and last multiples, and a sample between.
TEST(FastDivision, ExactOnBothSidesOfMultiples) {
  auto random = random_numbers(2);
  for (const std::uint32_t d : interesting_divisors()) {
    const FastDivision division(d);
    const std::uint32_t multiples = (kLimit - 1) / d;
    expect_exact(division, kLimit - 1);
    const auto around = [&](std::uint32_t multiple) {
      expect_exact(division, multiple * d);
      if (multiple > 0) expect_exact(division, multiple * d - 1);
    };
    for (std::uint32_t i = 0; i < std::min(multiples + 1, 64u); ++i) {
      around(i);
      around(multiples - i);
    }
    for (int i = 0; i < 200; ++i) around(random() % (multiples + 1));
    if (HasFatalFailure()) return;
  }
}

TEST(FastDivision, ExactForEverySmallDividend) {
  for (std::uint32_t d = 1; d <= 257; ++d) {
    const FastDivision division(d);
    for (std::uint32_t n = 0; n < 20000; ++n) expect_exact(division, n);
    if (HasFatalFailure()) return;
  }
}

// Granlund and Montgomery's condition, under which the quotient is exact for all n < 2^31:
// 2^(31 + bits) <= multiplier * d <= 2^(31 + bits) + 2^bits.
TEST(FastDivision, MultiplierMeetsTheTheorem) {
  const auto meets = [](std::uint32_t d) {
    const FastDivision division(d);
    const std::uint64_t power = std::uint64_t{1} << (31 + division.shift);
    const std::uint64_t product = std::uint64_t{division.multiplier} * d;
    return (std::uint64_t{1} << division.shift) >= d && power <= product &&
           product <= power + (std::uint64_t{1} << division.shift);
  };
  for (std::uint32_t d = 1; d < 1u << 20; ++d) ASSERT_TRUE(meets(d)) << d;
  for (std::uint32_t d = kLimit - (1u << 18); d < kLimit; ++d) ASSERT_TRUE(meets(d)) << d;
  for (const std::uint32_t d : interesting_divisors()) ASSERT_TRUE(meets(d)) << d;
}

}  // namespace
}  // namespace foldconv
