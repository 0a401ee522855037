// SPDX-License-Identifier: MIT
// fp16 and bf16 values: conversions of single values and of rows of lanes.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "../isa/types.hpp"

#ifdef __F16C__
#include <immintrin.h>
#endif

namespace cuemu {

inline constexpr uint16_t kHalfNaN = 0x7FFF;
inline constexpr uint32_t kFloatNaNBits = 0x7FFFFFFF;  // what NVIDIA GPUs produce

inline float canonical_nan(float v) {
  return v != v ? std::bit_cast<float>(kFloatNaNBits) : v;
}

// fp16. Without F16C the bits are moved by hand.
struct Fp16 {
  static constexpr float kSmallestNormal = 0x1p-14f;
  static constexpr uint16_t kExponentMask = 0x7C00;

  static float to_float(uint16_t h) {
    const uint32_t sign = uint32_t{h & 0x8000u} << 16, magnitude = h & 0x7FFFu;
    if (magnitude >= 0x7C00)
      return std::bit_cast<float>(sign | 0x7F800000 | (magnitude & 0x3FF) << 13);
    if (magnitude < 0x0400)
      return std::copysign(static_cast<float>(magnitude) * 0x1p-24f, std::bit_cast<float>(sign));
    return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000));
  }
  static uint16_t from_float(float f) {
    const auto bits = std::bit_cast<uint32_t>(f);
    const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
    const uint32_t magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000) return kHalfNaN;
    if (magnitude >= 0x477FF000) return sign | 0x7C00;  // rounds to 65536 or more
    if (magnitude < 0x38800000) {                       // below the smallest normal number
      const float scaled = std::bit_cast<float>(magnitude) * 0x1p24f;
      return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(scaled)));
    }
    const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
    return static_cast<uint16_t>(sign | (rounded - 0x38000000) >> 13);
  }

  static void widen(const uint16_t* from, float* to, int count) {
    // The masked intrinsic, because GCC 12 warns of an undefined value in its plain one.
#if defined(__AVX512F__)
    for (int i = 0; i < count; i += 16)
      _mm512_storeu_ps(to + i,
                       _mm512_maskz_cvtph_ps(
                           0xFFFF, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i))));
#elif defined(__F16C__)
    for (int i = 0; i < count; i += 8)
      _mm256_storeu_ps(
          to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
#else
    for (int i = 0; i < count; ++i) to[i] = to_float(from[i]);
#endif
  }
  static void narrow(const float* from, uint16_t* to, int count) {
#if defined(__F16C__)
    for (int i = 0; i < count; i += 8) {
      const __m256 v = _mm256_loadu_ps(from + i);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i),
                       _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
    for (int i = 0; i < count; ++i) to[i] = (to[i] & 0x7FFF) > 0x7C00 ? kHalfNaN : to[i];
#else
    for (int i = 0; i < count; ++i) to[i] = from_float(from[i]);
#endif
  }
};

struct Bf16 {
  static constexpr float kSmallestNormal = 0x1p-126f;
  static constexpr uint16_t kExponentMask = 0x7F80;

  static float to_float(uint16_t h) { return std::bit_cast<float>(uint32_t{h} << 16); }
  static uint16_t from_float(float f) {
    const auto bits = std::bit_cast<uint32_t>(f);
    const uint32_t rounded = bits + 0x7FFF + (bits >> 16 & 1);
    return (bits & 0x7FFFFFFF) > 0x7F800000 ? kHalfNaN : static_cast<uint16_t>(rounded >> 16);
  }
  static void widen(const uint16_t* from, float* to, int count) {
    for (int i = 0; i < count; ++i) to[i] = to_float(from[i]);
  }
  static void narrow(const float* from, uint16_t* to, int count) {
    for (int i = 0; i < count; ++i) to[i] = from_float(from[i]);
  }
};

// A 16-bit type as an instruction has it: one value a lane, or two, the first in the low half. Handlers take the form at
// run time: one instance for all four.
struct HalfForm {
  bool bf16 = false, packed = false;

  explicit HalfForm(Type t) : bf16(t == Type::bf16 || t == Type::bf16x2), packed(is_packed(t)) {}
  explicit HalfForm(uint8_t code) : bf16((code & 1) != 0), packed((code & 2) != 0) {}
  uint8_t code() const { return static_cast<uint8_t>((bf16 ? 1 : 0) | (packed ? 2 : 0)); }

  // Values of the 32 lanes.
  int count() const { return packed ? 64 : 32; }
  float smallest_normal() const { return bf16 ? Bf16::kSmallestNormal : Fp16::kSmallestNormal; }
  uint16_t exponent_mask() const { return bf16 ? Bf16::kExponentMask : Fp16::kExponentMask; }
  void widen(const uint16_t* from, float* to) const {
    (bf16 ? &Bf16::widen : &Fp16::widen)(from, to, count());
  }
  void narrow(const float* from, uint16_t* to) const {
    (bf16 ? &Bf16::narrow : &Fp16::narrow)(from, to, count());
  }
};

// A double as a float of which only the last bit tells that it was inexact: rounding it to fewer
// bits then gives what rounding the exact value would. `rest` is what the double itself lacks.
inline float round_to_odd(double value, double rest) {
  auto bits = std::bit_cast<uint64_t>(value);
  if (rest != 0 && value != 0) {
    if ((bits & 1) == 0 && (rest > 0) != (value > 0)) bits -= 1;
    bits |= 1;
  }
  const double exact = std::bit_cast<double>(bits);
  const auto f = static_cast<float>(exact);
  auto low = std::bit_cast<uint32_t>(f);
  if (static_cast<double>(f) != exact && exact == exact && (low & 0x7F800000) != 0x7F800000) {
    if (std::fabs(static_cast<double>(f)) > std::fabs(exact)) low -= 1;
    low |= 1;
  }
  return std::bit_cast<float>(low);
}

// a * b + c with one rounding to come, for factors of at most 11 bits.
inline float fma_to_odd(float a, float b, float c) {
  const double product = static_cast<double>(a) * b;
  const double sum = product + c;
  const double share = sum - product;
  const double rest = (product - (sum - share)) + (c - share);
  return round_to_odd(sum, std::isfinite(sum) ? rest : 0.0);
}

}  // namespace cuemu
