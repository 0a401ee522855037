// SPDX-License-Identifier: MIT
// Neighbouring elements that a thread moves as one access, as fp32 values; and where in a tensor of any size they lie.
#pragma once

#include <cstdint>
#include <type_traits>

#include "stage/element.cuh"
#include "tile/fast_division.hpp"

namespace foldconv {

template <class Element, int kCount>
struct alignas(kCount * sizeof(Element)) Piece {
  Element values[kCount];
};

template <int kCount>
struct Values {
  float at[kCount];
};

// Of 16 bytes.
template <class Element>
inline constexpr int kPieceWidth = static_cast<int>(16 / sizeof(Element));

template <int kCount, class Element>
__device__ __forceinline__ Values<kCount> load_piece(const Element* from) {
  const auto piece = *reinterpret_cast<const Piece<Element, kCount>*>(from);
  Values<kCount> values;
#pragma unroll
  for (int e = 0; e < kCount; ++e) values.at[e] = to_float(piece.values[e]);
  return values;
}

// Rounds to nearest even.
template <int kCount, class Element>
__device__ __forceinline__ void store_piece(Element* to, const Values<kCount>& values) {
  Piece<Element, kCount> piece;
#pragma unroll
  for (int e = 0; e < kCount; ++e) piece.values[e] = from_float<Element>(values.at[e]);
  *reinterpret_cast<Piece<Element, kCount>*>(to) = piece;
}

// Calls body(width) with a constant: the elements of 16 bytes, or 1.
template <class Element, class Body>
__device__ __forceinline__ void with_width(int vector, Body&& body) {
  if (vector != 0) {
    body(std::integral_constant<int, kPieceWidth<Element>>());
  } else {
    body(std::integral_constant<int, 1>());
  }
}

// Calls body(unit) for this thread's units of a loop in steps of the grid.
template <int kThreads, class Body>
__device__ __forceinline__ void for_units_of_thread(std::int64_t units, Body&& body) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < units;
       i += step) {
    body(i);
  }
}

// Takes the last digit off a number of mixed base: n becomes n / base, the remainder is returned. 0 <= n < 2^63; a
// multiplication where n < 2^31.
__device__ __forceinline__ std::int64_t take_digit(std::int64_t& n, const FastDivision& base) {
  const std::int64_t whole =
      n >> 31 == 0 ? base.quotient(static_cast<std::uint32_t>(n)) : n / base.divisor;
  const std::int64_t digit = n - whole * base.divisor;
  n = whole;
  return digit;
}

}  // namespace foldconv
