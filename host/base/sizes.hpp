// Sizes derived from a problem, in 64 bits; and products that notice when they overflow.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

#include "foldconv/conv.hpp"
#include "tile/weight_layout.hpp"

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

// The functions below expect a problem that passed validate().

inline int c_per_group(const ConvProblem& problem) {
  return problem.c / problem.groups;
}
inline int k_per_group(const ConvProblem& problem) {
  return problem.k / problem.groups;
}
inline WeightLayout weight_layout(const ConvProblem& problem) {
  return {c_per_group(problem), problem.r * problem.s};
}
inline std::int64_t output_pixels(const ConvProblem& problem) {
  return std::int64_t{problem.n} * problem.p() * problem.q();
}

}  // namespace foldconv::host
