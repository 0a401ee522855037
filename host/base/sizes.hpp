// SPDX-License-Identifier: MIT
// Sizes in 64 bits; products that notice when they overflow.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

namespace foldconv::host {

// Product of positive factors; nothing past 2^63 - 1.
inline std::optional<std::int64_t> checked_product(std::initializer_list<std::int64_t> factors) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return std::nullopt;
  }
  return product;
}

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace foldconv::host
