// SPDX-License-Identifier: MIT
// Integer arithmetic.
#include <limits>
#include <type_traits>

#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;
template <class T>
using Wide = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

struct Add {
  template <class T>
  static T run(T a, T b) {
    return static_cast<T>(Unsigned<T>(a) + Unsigned<T>(b));
  }
};
struct Sub {
  template <class T>
  static T run(T a, T b) {
    return static_cast<T>(Unsigned<T>(a) - Unsigned<T>(b));
  }
};
template <class T>
T clamp_wide(int64_t v) {
  return static_cast<T>(std::max<int64_t>(std::numeric_limits<T>::min(),
                                          std::min<int64_t>(std::numeric_limits<T>::max(), v)));
}
struct AddSat {
  static int32_t run(int32_t a, int32_t b) { return clamp_wide<int32_t>(int64_t{a} + b); }
};
struct SubSat {
  static int32_t run(int32_t a, int32_t b) { return clamp_wide<int32_t>(int64_t{a} - b); }
};
struct MulLo {
  template <class T>
  static T run(T a, T b) {
    if constexpr (sizeof(T) == 2)
      return static_cast<T>(uint32_t(a) * uint32_t(b));
    else
      return static_cast<T>(Unsigned<T>(a) * Unsigned<T>(b));
  }
};
struct MulHi {
  template <class T>
  static T run(T a, T b) {
    return static_cast<T>((Wide<T>(a) * Wide<T>(b)) >> (sizeof(T) * 8));
  }
};
struct MulWide {
  template <class T>
  static Wide<T> run(T a, T b) {
    return static_cast<Wide<T>>(static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b));
  }
};
struct MadLo {
  template <class T>
  static T run(T a, T b, T c) {
    return Add::run(MulLo::run(a, b), c);
  }
};
struct MadHi {
  template <class T>
  static T run(T a, T b, T c) {
    return Add::run(MulHi::run(a, b), c);
  }
};
struct MadHiSat {
  static int32_t run(int32_t a, int32_t b, int32_t c) {
    return clamp_wide<int32_t>(int64_t{MulHi::run(a, b)} + c);
  }
};
struct MadWide {
  template <class T, class W>
  static W run(T a, T b, W c) {
    return Add::run(static_cast<W>(MulWide::run(a, b)), c);
  }
};
template <class T>
T low24(T v) {
  return static_cast<T>(static_cast<T>(Unsigned<T>(v) << 8) >> 8);
}
struct Mul24Lo {
  template <class T>
  static T run(T a, T b) {
    return MulLo::run(low24(a), low24(b));
  }
};
struct Mul24Hi {
  template <class T>
  static T run(T a, T b) {
    return static_cast<T>((Wide<T>(low24(a)) * Wide<T>(low24(b))) >> 16);
  }
};
struct Mad24Lo {
  template <class T>
  static T run(T a, T b, T c) {
    return Add::run(Mul24Lo::run(a, b), c);
  }
};
// By zero the manual leaves the result open; GPUs give all ones for div, the dividend for rem.
struct Div {
  template <class T>
  static T run(T a, T b) {
    if (b == 0) return static_cast<T>(-1);
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return static_cast<T>(Unsigned<T>(0) - Unsigned<T>(a));
    return static_cast<T>(a / b);
  }
};
struct Rem {
  template <class T>
  static T run(T a, T b) {
    if (b == 0) return a;
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return 0;
    return static_cast<T>(a % b);
  }
};
struct Min {
  template <class T>
  static T run(T a, T b) {
    return a < b ? a : b;
  }
};
struct Max {
  template <class T>
  static T run(T a, T b) {
    return a > b ? a : b;
  }
};
struct Abs {
  template <class T>
  static T run(T a) {
    return a < 0 ? static_cast<T>(Unsigned<T>(0) - Unsigned<T>(a)) : a;
  }
};
struct Neg {
  template <class T>
  static T run(T a) {
    return static_cast<T>(Unsigned<T>(0) - Unsigned<T>(a));
  }
};
struct Relu {
  static int32_t run(int32_t a) { return a < 0 ? 0 : a; }
};
struct Sad {
  template <class T>
  static T run(T a, T b, T c) {
    const auto difference = a < b ? Sub::run(b, a) : Sub::run(a, b);
    return Add::run(c, difference);
  }
};
template <class Op, class T>
struct Packed {  // on the two halves of 32 bits
  static uint32_t run(uint32_t a, uint32_t b) {
    const T low = Op::run(static_cast<T>(a), static_cast<T>(b));
    const T high = Op::run(static_cast<T>(a >> 16), static_cast<T>(b >> 16));
    return static_cast<uint16_t>(low) | uint32_t{static_cast<uint16_t>(high)} << 16;
  }
};

template <class Op>
Handler binary_handler(Type t) {
  if (t == Type::u16x2) return &binary<Packed<Op, uint16_t>, uint32_t>;
  if (t == Type::s16x2) return &binary<Packed<Op, int16_t>, uint32_t>;
  return for_integer(t, []<class T>() -> Handler { return &binary<Op, T>; });
}
template <class Op>
Handler ternary_handler(Type t) {
  return for_integer(t, []<class T>() -> Handler { return &ternary<Op, T>; });
}

template <class Op, class T>
void divide(Warp& w, const Instr& in, uint32_t mask) {
  ++w.counters->integer_divisions;
  binary_each<Op, T>(w, in, mask);
}

// --- Extended precision: add.cc, addc, sub.cc, subc, mad.cc, madc
// -----------------------------------------------------

template <class T, bool kSubtract, bool kCarryIn, bool kCarryOut>
void add_with_carry(Warp& w, const Instr& in, uint32_t mask) {
  const T *a = w.lanes<T>(in.a), *b = w.lanes<T>(in.b);
  T* d = w.lanes<T>(in.dst);
  uint32_t& carry = w.predicate(in.d);
  // A borrow is kept as the missing carry of a + ~b + 1.
  each_lane(mask, [&](unsigned l) {
    const T second = kSubtract ? static_cast<T>(~b[l]) : b[l];
    const unsigned __int128 sum = static_cast<unsigned __int128>(a[l]) + second +
                                  (kCarryIn    ? carry >> l & 1
                                   : kSubtract ? 1
                                               : 0);
    d[l] = static_cast<T>(sum);
    if (kCarryOut) {
      const auto out = static_cast<uint32_t>(sum >> (sizeof(T) * 8)) & 1;
      carry = (carry & ~(1u << l)) | out << l;
    }
  });
}

template <class T, bool kSubtract>
Handler carry_handler(bool in, bool out) {
  if (in)
    return out ? &add_with_carry<T, kSubtract, true, true>
               : &add_with_carry<T, kSubtract, true, false>;
  return &add_with_carry<T, kSubtract, false, true>;
}

void emit_carry(Decoder& d, Type t, bool subtract, bool carry_in, bool carry_out, uint32_t dst,
                uint32_t a, uint32_t b) {
  const bool wide = bytes_of(t) == 8;
  const Handler h = wide ? (subtract ? carry_handler<uint64_t, true>(carry_in, carry_out)
                                     : carry_handler<uint64_t, false>(carry_in, carry_out))
                         : (subtract ? carry_handler<uint32_t, true>(carry_in, carry_out)
                                     : carry_handler<uint32_t, false>(carry_in, carry_out));
  const uint32_t carry = d.carry_slot();
  Instr& in = d.emit(h);
  in.dst = dst, in.a = a, in.b = b, in.d = carry;
}

void decode_add_sub(Decoder& d) {
  const Type t = d.type();
  if (is_float(t)) return decode_float_arithmetic(d);
  const std::string_view base = d.base();
  const bool subtract = base.starts_with("sub");
  const bool carry_in = base == "addc" || base == "subc";
  if (carry_in || d.has("cc")) {
    const uint32_t a = d.source(1, t), b = d.source(2, t);
    emit_carry(d, t, subtract, carry_in, d.has("cc"), d.dest(0, t), a, b);
    return;
  }
  if (d.has("sat")) {
    if (t != Type::s32) throw NotImplemented{"saturation of this type"};
    emit_uniform(d, subtract ? &binary<SubSat, int32_t> : &binary<AddSat, int32_t>, t, 2);
    return;
  }
  emit_uniform(d, subtract ? binary_handler<Sub>(t) : binary_handler<Add>(t), t, 2);
}

Type wide_type(Type t) {
  switch (t) {
    case Type::u16:
      return Type::u32;
    case Type::s16:
      return Type::s32;
    case Type::u32:
      return Type::u64;
    case Type::s32:
      return Type::s64;
    default:
      throw NotImplemented{"no wider type"};
  }
}

template <bool kAdd>
Handler wide_handler(Type t) {
  switch (t) {
    case Type::u16:
      return kAdd ? &ternary<MadWide, uint32_t, uint16_t> : &binary<MulWide, uint32_t, uint16_t>;
    case Type::s16:
      return kAdd ? &ternary<MadWide, int32_t, int16_t> : &binary<MulWide, int32_t, int16_t>;
    case Type::u32:
      return kAdd ? &ternary<MadWide, uint64_t, uint32_t> : &binary<MulWide, uint64_t, uint32_t>;
    default:
      return kAdd ? &ternary<MadWide, int64_t, int32_t> : &binary<MulWide, int64_t, int32_t>;
  }
}

void decode_mul(Decoder& d) {
  const Type t = d.type();
  if (is_float(t)) return decode_float_arithmetic(d);
  if (d.has("wide")) {
    const uint32_t a = d.source(1, t), b = d.source(2, t);
    const uint32_t dst = d.dest(0, wide_type(t));
    Instr& in = d.emit(wide_handler<false>(t));
    in.dst = dst, in.a = a, in.b = b;
    return;
  }
  emit_uniform(d, d.has("hi") ? binary_handler<MulHi>(t) : binary_handler<MulLo>(t), t, 2);
}

void decode_mad(Decoder& d) {
  const Type t = d.type();
  if (is_float(t)) return decode_float_arithmetic(d);
  if (d.base() == "madc" || d.has("cc")) {
    const uint32_t a = d.source(1, t), b = d.source(2, t), c = d.source(3, t);
    const uint32_t product = d.scratch(bytes_of(t));
    Instr& in = d.emit(d.has("hi") ? binary_handler<MulHi>(t) : binary_handler<MulLo>(t));
    in.dst = product, in.a = a, in.b = b;
    emit_carry(d, t, false, d.base() == "madc", d.has("cc"), d.dest(0, t), product, c);
    return;
  }
  if (d.has("wide")) {
    const Type w = wide_type(t);
    const uint32_t a = d.source(1, t), b = d.source(2, t), c = d.source(3, w);
    const uint32_t dst = d.dest(0, w);
    Instr& in = d.emit(wide_handler<true>(t));
    in.dst = dst, in.a = a, in.b = b, in.c = c;
    return;
  }
  if (d.has("sat"))
    emit_uniform(d, &ternary<MadHiSat, int32_t>, t, 3);
  else
    emit_uniform(d, d.has("hi") ? ternary_handler<MadHi>(t) : ternary_handler<MadLo>(t), t, 3);
}

void decode_mul24(Decoder& d) {
  const Type t = d.type();
  const bool is_s32 = t == Type::s32;
  if (d.base() == "mad24") {
    if (d.has("hi")) throw NotImplemented{"mad24.hi"};
    emit_uniform(d, is_s32 ? &ternary<Mad24Lo, int32_t> : &ternary<Mad24Lo, uint32_t>, t, 3);
  } else if (d.has("hi")) {
    emit_uniform(d, is_s32 ? &binary<Mul24Hi, int32_t> : &binary<Mul24Hi, uint32_t>, t, 2);
  } else {
    emit_uniform(d, is_s32 ? &binary<Mul24Lo, int32_t> : &binary<Mul24Lo, uint32_t>, t, 2);
  }
}

void decode_div_rem(Decoder& d) {
  const Type t = d.type();
  if (is_float(t)) return decode_float_arithmetic(d);
  const bool rem = d.base() == "rem";
  emit_uniform(
      d,
      for_integer(t,
                  [rem]<class T>() -> Handler { return rem ? &divide<Rem, T> : &divide<Div, T>; }),
      t, 2);
}

void decode_min_max(Decoder& d) {
  const Type t = d.type();
  if (is_float(t)) return decode_float_arithmetic(d);
  const Instr& in =
      emit_uniform(d, d.base() == "min" ? binary_handler<Min>(t) : binary_handler<Max>(t), t, 2);
  if (d.has("relu")) {
    if (t != Type::s32) throw NotImplemented{"relu of this type"};
    d.after(&unary<Relu, int32_t>, in.dst);
  }
}

void decode_abs_neg(Decoder& d) {
  const Type t = d.type();
  if (is_float(t)) return decode_float_arithmetic(d);
  const bool abs = d.base() == "abs";
  emit_uniform(
      d,
      for_integer(t, [abs]<class T>() -> Handler { return abs ? &unary<Abs, T> : &unary<Neg, T>; }),
      t, 1);
}

void decode_sad(Decoder& d) {
  emit_uniform(d, ternary_handler<Sad>(d.type()), d.type(), 3);
}

// --- dp4a, dp2a
// -------------------------------------------------------------------------------------------------------

template <bool kSignedA, bool kSignedB>
struct Dot4 {
  static int32_t run(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t sum = c;
    for (int i = 0; i < 32; i += 8) {
      const int32_t x = kSignedA ? static_cast<int8_t>(a >> i) : static_cast<uint8_t>(a >> i);
      const int32_t y = kSignedB ? static_cast<int8_t>(b >> i) : static_cast<uint8_t>(b >> i);
      sum += static_cast<uint32_t>(x * y);
    }
    return static_cast<int32_t>(sum);
  }
};
template <bool kSignedA, bool kSignedB, int kFirst>
struct Dot2 {
  static int32_t run(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t sum = c;
    for (int i = 0; i < 2; ++i) {
      const uint32_t half = a >> (16 * i), byte = b >> (8 * (kFirst + i));
      const int32_t x = kSignedA ? static_cast<int16_t>(half) : static_cast<uint16_t>(half);
      const int32_t y = kSignedB ? static_cast<int8_t>(byte) : static_cast<uint8_t>(byte);
      sum += static_cast<uint32_t>(x) * static_cast<uint32_t>(y);
    }
    return static_cast<int32_t>(sum);
  }
};

template <bool kSignedA, bool kSignedB>
Handler dot_handler(Decoder& d) {
  if (d.base() == "dp4a") return &ternary<Dot4<kSignedA, kSignedB>, uint32_t>;
  return d.has("hi") ? &ternary<Dot2<kSignedA, kSignedB, 2>, uint32_t>
                     : &ternary<Dot2<kSignedA, kSignedB, 0>, uint32_t>;
}

void decode_dot(Decoder& d) {
  const bool a = is_signed(d.type(0)), b = is_signed(d.type(1));
  const Handler h = a ? (b ? dot_handler<true, true>(d) : dot_handler<true, false>(d))
                      : (b ? dot_handler<false, true>(d) : dot_handler<false, false>(d));
  emit_uniform(d, h, Type::b32, 3);
}

}  // namespace

std::span<const OpcodeEntry> integer_opcodes() {
  static constexpr OpcodeEntry table[] = {
      {"add", decode_add_sub},  {"sub", decode_add_sub}, {"addc", decode_add_sub},
      {"subc", decode_add_sub}, {"mul", decode_mul},     {"mad", decode_mad},
      {"madc", decode_mad},     {"mul24", decode_mul24}, {"mad24", decode_mul24},
      {"div", decode_div_rem},  {"rem", decode_div_rem}, {"min", decode_min_max},
      {"max", decode_min_max},  {"abs", decode_abs_neg}, {"neg", decode_abs_neg},
      {"sad", decode_sad},      {"dp4a", decode_dot},    {"dp2a", decode_dot}};
  return table;
}

}  // namespace cuemu
