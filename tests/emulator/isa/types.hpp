// SPDX-License-Identifier: MIT
// The scalar types of PTX, as they appear as opcode suffixes.
#pragma once

#include <cstdint>

namespace cuemu {

enum class Type : uint8_t {
  none,
  pred,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  b8,
  b16,
  b32,
  b64,
  b128,
  f16,
  f16x2,
  bf16,
  bf16x2,
  f32,
  f64,
  tf32,
  u16x2,
  s16x2,
};

constexpr unsigned bytes_of(Type t) {
  switch (t) {
    case Type::u8:
    case Type::s8:
    case Type::b8:
      return 1;
    case Type::u16:
    case Type::s16:
    case Type::b16:
    case Type::f16:
    case Type::bf16:
      return 2;
    case Type::u32:
    case Type::s32:
    case Type::b32:
    case Type::f32:
    case Type::tf32:
    case Type::f16x2:
    case Type::bf16x2:
    case Type::u16x2:
    case Type::s16x2:
      return 4;
    case Type::u64:
    case Type::s64:
    case Type::b64:
    case Type::f64:
      return 8;
    case Type::b128:
      return 16;
    case Type::none:
    case Type::pred:
      return 0;
  }
  return 0;
}

constexpr bool is_signed(Type t) {
  return t == Type::s8 || t == Type::s16 || t == Type::s32 || t == Type::s64;
}
constexpr bool is_float(Type t) {
  return t == Type::f16 || t == Type::f16x2 || t == Type::bf16 || t == Type::bf16x2 ||
         t == Type::f32 || t == Type::f64 || t == Type::tf32;
}
constexpr bool is_half(Type t) {
  return t == Type::f16 || t == Type::f16x2 || t == Type::bf16 || t == Type::bf16x2;
}
constexpr bool is_packed(Type t) {
  return t == Type::f16x2 || t == Type::bf16x2 || t == Type::u16x2 || t == Type::s16x2;
}
constexpr bool is_integer(Type t) {
  return bytes_of(t) != 0 && !is_float(t);
}

// Registers of 8 bits live in 16-bit slots; there are slots of 2, 4 and 8 bytes a lane.
constexpr unsigned slot_bytes(unsigned value_bytes) {
  return value_bytes <= 2 ? 2 : value_bytes;
}

}  // namespace cuemu
