// SPDX-License-Identifier: MIT
// The operand types of PTX instructions, as the opcode tests name them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

namespace cuemu_tests {

using u16 = uint16_t;
using s16 = int16_t;
using u32 = uint32_t;
using s32 = int32_t;
using u64 = unsigned long long;
using s64 = long long;
using f32 = float;
using f64 = double;

// Bits of the narrow floating-point types. Distinct types, because their NaNs and their test values
// differ.
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

inline bool is_nan(f16 a) {
  return (a.bits & 0x7fff) > 0x7c00;
}
inline bool is_nan(bf16 a) {
  return (a.bits & 0x7fff) > 0x7f80;
}

inline std::string hex(const char* type, unsigned long long bits) {
  char text[40];
  std::snprintf(text, sizeof text, "%s 0x%llx", type, bits);
  return text;
}
inline std::string describe(f16 value) {
  return hex("f16", value.bits);
}
inline std::string describe(bf16 value) {
  return hex("bf16", value.bits);
}
inline std::string describe(f16x2 value) {
  return hex("f16x2", value.bits);
}
inline std::string describe(bf16x2 value) {
  return hex("bf16x2", value.bits);
}

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
  int between(int low, int high) {
    return low + static_cast<int>(next() % static_cast<unsigned>(high - low + 1));
  }

 private:
  u64 state_;
};

}  // namespace cuemu_tests
