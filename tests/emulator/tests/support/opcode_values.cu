// SPDX-License-Identifier: MIT
// The values that each operand type is tried with: the edges of the type and fixed pseudo-random
// bits.
#include <limits>
#include <type_traits>

#include "opcode.cuh"

using namespace cuemu_tests;

namespace {

template <class T>
std::vector<T> integer_values() {
  using U = std::make_unsigned_t<T>;
  constexpr U kHigh = U(U(1) << (8 * sizeof(T) - 1));
  std::vector<T> values;
  for (unsigned v : {0, 1, 2, 3, 7, 8, 16, 31, 32, 33, 63, 64, 65, 255}) values.push_back(T(v));
  for (U v : {U(kHigh - 2), U(kHigh - 1), kHigh, U(kHigh + 1), U(~U(0) - 1), U(~U(0))}) {
    values.push_back(T(v));
  }
  Random random(sizeof(T));
  for (int i = 0; i < 11; ++i) values.push_back(T(random.next()));
  return values;
}

// Zeros, denormals, the ends of the normal range, ties near one, infinities, NaNs, then random
// bits: computed from the format's fields, so that all formats share the list.
template <class Bits>
std::vector<Bits> float_values(int mantissa_bits) {
  const int width = 8 * sizeof(Bits);
  const Bits sign = Bits(Bits(1) << (width - 1));
  const Bits unit = Bits(Bits(1) << mantissa_bits);
  const Bits infinity = Bits(sign - unit);
  const Bits one = Bits((infinity >> 1) & ~(unit - 1));
  std::vector<Bits> values;
  for (Bits v : {Bits(0), Bits(1), Bits(2), Bits(unit / 2), Bits(unit - 1), unit, Bits(unit + 1),
                 Bits(one - unit), Bits(one - 1), one, Bits(one + 1), Bits(one + unit / 2),
                 Bits(one + unit), Bits(one + unit + 1), Bits(one + 5 * unit + 5),
                 Bits(infinity - unit), Bits(infinity - 1), infinity, Bits(infinity + unit / 2)}) {
    values.push_back(v);
    values.push_back(Bits(v | sign));
  }
  Random random(mantissa_bits);
  for (int i = 0; i < 8; ++i) values.push_back(Bits(random.next()));
  for (int i = 0; i < 7; ++i) {  // near one, where sums cancel and round
    values.push_back(Bits(one - unit + (Bits(random.next()) & Bits(4 * unit - 1))));
  }
  return values;
}

template <class T>
std::vector<T> values_of() {
  if constexpr (std::is_integral_v<T>) {
    return integer_values<T>();
  } else {
    std::vector<T> values;
    if constexpr (sizeof(T) == 8) {
      for (u64 bits : float_values<u64>(52)) values.push_back(bit_cast<T>(bits));
    } else if constexpr (std::is_same_v<T, f32>) {
      for (u32 bits : float_values<u32>(23)) values.push_back(bit_cast<T>(bits));
    } else {
      const bool brain = std::is_same_v<T, bf16> || std::is_same_v<T, bf16x2>;
      const std::vector<u16> halves = float_values<u16>(brain ? 7 : 10);
      for (size_t i = 0; i < halves.size(); ++i) {
        // A pair has every value once in each half.
        const u32 high = sizeof(T) == 4 ? halves[(i * 7 + 3) % halves.size()] : 0;
        T value{};
        value.bits = decltype(value.bits)(halves[i] | high << 16);
        values.push_back(value);
      }
    }
    return values;
  }
}

// The same result: bit for bit, except that any NaN equals any NaN (PTX leaves the payload open).
template <class T>
bool same(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return a == b;
  } else if constexpr (std::is_floating_point_v<T>) {
    return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
  } else if constexpr (sizeof(T) == 2) {
    return a.bits == b.bits || (is_nan(a) && is_nan(b));
  } else {
    using Half = std::conditional_t<std::is_same_v<T, f16x2>, f16, bf16>;
    return same(Half{u16(a.bits)}, Half{u16(b.bits)}) &&
           same(Half{u16(a.bits >> 16)}, Half{u16(b.bits >> 16)});
  }
}

}  // namespace

namespace cuemu_tests {

template <class T>
const OperandType& operand_type() {
  static const OperandType type{
      sizeof(T), [] { return to_bytes(values_of<T>()); },
      [](const void* value) { return describe(*static_cast<const T*>(value)); },
      [](const void* a, const void* b) {
        return same(*static_cast<const T*>(a), *static_cast<const T*>(b));
      }};
  return type;
}
template const OperandType& operand_type<u16>();
template const OperandType& operand_type<s16>();
template const OperandType& operand_type<u32>();
template const OperandType& operand_type<s32>();
template const OperandType& operand_type<u64>();
template const OperandType& operand_type<s64>();
template const OperandType& operand_type<f32>();
template const OperandType& operand_type<f64>();
template const OperandType& operand_type<f16>();
template const OperandType& operand_type<bf16>();
template const OperandType& operand_type<f16x2>();
template const OperandType& operand_type<bf16x2>();

}  // namespace cuemu_tests
