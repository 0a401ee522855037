// Operand types of the opcode tests and the values they are tried with: edges of each type and fixed pseudo-random bits.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace cuemu_tests {

using u16 = uint16_t;
using s16 = int16_t;
using u32 = uint32_t;
using s32 = int32_t;
using u64 = unsigned long long;
using s64 = long long;
using f32 = float;
using f64 = double;

// Bits of the narrow floating-point types. Distinct types, because their NaNs and their test values differ.
struct f16 {
  u16 bits;
};
struct bf16 {
  u16 bits;
};
struct f16x2 {
  u32 bits;
};
struct bf16x2 {
  u32 bits;
};

template <class To, class From>
To bit_cast(const From& from) {
  static_assert(sizeof(To) == sizeof(From), "bit_cast needs equal sizes");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// The same result: bit for bit, except that any NaN equals any NaN (PTX leaves the payload open) .
template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
bool same(T a, T b) {
  return a == b;
}
inline bool same(f32 a, f32 b) { return bit_cast<u32>(a) == bit_cast<u32>(b) || (a != a && b != b); }
inline bool same(f64 a, f64 b) { return bit_cast<u64>(a) == bit_cast<u64>(b) || (a != a && b != b); }
inline bool is_nan(f16 a) { return (a.bits & 0x7fff) > 0x7c00; }
inline bool is_nan(bf16 a) { return (a.bits & 0x7fff) > 0x7f80; }
inline bool same(f16 a, f16 b) { return a.bits == b.bits || (is_nan(a) && is_nan(b)); }
inline bool same(bf16 a, bf16 b) { return a.bits == b.bits || (is_nan(a) && is_nan(b)); }
template <class Half, class Pair>
bool same_halves(Pair a, Pair b) {
  return same(Half{u16(a.bits)}, Half{u16(b.bits)}) && same(Half{u16(a.bits >> 16)}, Half{u16(b.bits >> 16)});
}
inline bool same(f16x2 a, f16x2 b) { return same_halves<f16>(a, b); }
inline bool same(bf16x2 a, bf16x2 b) { return same_halves<bf16>(a, b); }

inline std::string hex(unsigned long long bits) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", bits);
  return text;
}
inline std::string describe(f16 value) { return "f16 " + hex(value.bits); }
inline std::string describe(bf16 value) { return "bf16 " + hex(value.bits); }
inline std::string describe(f16x2 value) { return "f16x2 " + hex(value.bits); }
inline std::string describe(bf16x2 value) { return "bf16x2 " + hex(value.bits); }

// A small generator (splitmix64): the same values on every machine.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // An integer in [low, high].
  int between(int low, int high) { return low + static_cast<int>(next() % (high - low + 1u)); }

 private:
  u64 state_;
};

template <class T>
struct ValuesOf;

template <class T>
std::vector<T> integer_values() {
  using U = std::make_unsigned_t<T>;
  constexpr U kHigh = U(1) << (8 * sizeof(T) - 1);
  std::vector<T> values;
  for (U v : {U(0), U(1), U(2), U(3), U(7), U(8), U(16), U(31), U(32), U(33), U(63), U(64), U(65), U(255),
              U(kHigh - 2), U(kHigh - 1), kHigh, U(kHigh + 1), U(~U(0) - 1), U(~U(0))}) {
    values.push_back(T(v));
  }
  Random random(sizeof(T));
  for (int i = 0; i < 12; ++i) values.push_back(T(random.next()));
  return values;
}

// Zeros, denormals, the ends of the normal range, ties near one, infinities, NaNs, then random bits: given by the two
// fields of the format, so that all four formats share the list.
template <class Bits>
std::vector<Bits> float_bit_patterns(int mantissa_bits) {
  const int width = 8 * sizeof(Bits);
  const Bits sign = Bits(Bits(1) << (width - 1));
  const Bits infinity = Bits(sign - (Bits(1) << mantissa_bits));
  const Bits one = Bits(infinity / 2) & Bits(~Bits(0) << mantissa_bits);
  const Bits unit = Bits(Bits(1) << mantissa_bits);
  std::vector<Bits> values;
  for (Bits v : {Bits(0), Bits(1), Bits(2), Bits(unit / 2), Bits(unit - 1), unit, Bits(unit + 1), Bits(one - unit),
                 Bits(one - 1), one, Bits(one + 1), Bits(one + unit / 2), Bits(one + unit), Bits(one + unit + 1),
                 Bits(one + 7 * unit + 5), Bits(infinity - unit), Bits(infinity - 1), infinity, Bits(infinity + unit / 2)}) {
    values.push_back(v);
    values.push_back(Bits(v | sign));
  }
  Random random(mantissa_bits);
  for (int i = 0; i < 8; ++i) values.push_back(Bits(random.next()));                         // any exponent
  for (int i = 0; i < 8; ++i) {                                                              // near one
    values.push_back(Bits(one + (Bits(random.next()) & Bits(4 * unit - 1)) - unit));
  }
  return values;
}

template <>
struct ValuesOf<f32> {
  static std::vector<f32> get() {
    std::vector<f32> values;
    for (u32 bits : float_bit_patterns<u32>(23)) values.push_back(bit_cast<f32>(bits));
    return values;
  }
};
template <>
struct ValuesOf<f64> {
  static std::vector<f64> get() {
    std::vector<f64> values;
    for (u64 bits : float_bit_patterns<u64>(52)) values.push_back(bit_cast<f64>(bits));
    return values;
  }
};
template <class Half, int kMantissaBits>
struct HalfValues {
  static std::vector<Half> get() {
    std::vector<Half> values;
    for (u16 bits : float_bit_patterns<u16>(kMantissaBits)) values.push_back(Half{bits});
    return values;
  }
};
template <>
struct ValuesOf<f16> : HalfValues<f16, 10> {};
template <>
struct ValuesOf<bf16> : HalfValues<bf16, 7> {};
// Pairs: every scalar value once in each half.
template <class Pair, class Half>
struct PairValues {
  static std::vector<Pair> get() {
    const std::vector<Half> halves = ValuesOf<Half>::get();
    std::vector<Pair> values;
    for (size_t i = 0; i < halves.size(); ++i) {
      values.push_back(Pair{u32(halves[i].bits) | u32(halves[(i * 7 + 3) % halves.size()].bits) << 16});
    }
    return values;
  }
};
template <>
struct ValuesOf<f16x2> : PairValues<f16x2, f16> {};
template <>
struct ValuesOf<bf16x2> : PairValues<bf16x2, bf16> {};
template <class T>
struct ValuesOf {
  static std::vector<T> get() { return integer_values<T>(); }
};

}  // namespace cuemu_tests
