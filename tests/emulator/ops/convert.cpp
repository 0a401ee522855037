// SPDX-License-Identifier: MIT
// cvt, and the moves between slots of different widths.
#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>
#include <type_traits>

#include "half.hpp"
#include "lanes.hpp"
#include "rounding.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

struct Same {
  template <class T>
  static T run(T a) {
    return a;
  }
};
struct ZeroExtend8 {
  static uint16_t run(uint16_t a) { return a & 0xFF; }
};
struct SignExtend8 {
  static int16_t run(int16_t a) { return static_cast<int8_t>(a); }
};

// --- Integers: a value is clamped (.sat), then cut or extended
// -----------------------------------------------------------

template <class T>
void clamp_integer(Warp& w, const Instr& in, uint32_t mask) {
  const T* a = w.lanes<T>(in.a);
  const T low = static_cast<T>(in.imm), high = static_cast<T>(uint64_t{in.target} << 32 | in.extra);
  map_lanes(w, mask, w.lanes<T>(in.dst), [=](uint32_t l) { return std::clamp(a[l], low, high); });
}

struct Range {
  __int128 low, high;
};
Range range_of(Type t) {
  const unsigned bits = bytes_of(t) * 8;
  if (is_signed(t)) return {-(__int128{1} << (bits - 1)), (__int128{1} << (bits - 1)) - 1};
  return {0, (__int128{1} << bits) - 1};
}

uint32_t emit_clamp(Decoder& d, uint32_t a, Type from, Type to) {
  const Range r = range_of(to), limit = range_of(from);
  const __int128 low = std::max(r.low, limit.low), high = std::min(r.high, limit.high);
  const uint32_t clamped = d.scratch(bytes_of(from));
  Instr& in = d.emit(for_integer(from, []<class T>() -> Handler { return &clamp_integer<T>; }));
  in.dst = clamped, in.a = a;
  in.imm = static_cast<int64_t>(low);
  in.target = static_cast<uint32_t>(static_cast<uint64_t>(high) >> 32);
  in.extra = static_cast<uint32_t>(high);
  return clamped;
}

template <class S>
Handler integer_move(unsigned to_bytes) {
  switch (to_bytes) {
    case 2:
      return &unary<Same, uint16_t, S>;
    case 4:
      return &unary<Same, uint32_t, S>;
    default:
      return &unary<Same, uint64_t, S>;
  }
}

// --- Floating point to integers
// ------------------------------------------------------------------------------------------

template <class T, int kMode>
struct Integral {
  static T run(T a) {
    if constexpr (kMode == FE_TONEAREST)
      return std::rint(a);
    else if constexpr (kMode == FE_TOWARDZERO)
      return std::trunc(a);
    else if constexpr (kMode == FE_DOWNWARD)
      return std::floor(a);
    else
      return std::ceil(a);
  }
};

template <class T>
Handler integral_handler(int mode) {
  switch (mode) {
    case FE_TOWARDZERO:
      return &unary<Integral<T, FE_TOWARDZERO>, T>;
    case FE_DOWNWARD:
      return &unary<Integral<T, FE_DOWNWARD>, T>;
    case FE_UPWARD:
      return &unary<Integral<T, FE_UPWARD>, T>;
    default:
      return &unary<Integral<T, FE_TONEAREST>, T>;
  }
}

// Saturates. NaN gives 0, or the top bit alone where either type has 64 bits.
template <class I, class F>
struct ToInteger {
  static I run(F v) {
    constexpr I low = std::numeric_limits<I>::min(), high = std::numeric_limits<I>::max();
    constexpr F above = static_cast<F>(high / 2 + 1) * 2;  // exact, unlike high itself
    constexpr bool wide = sizeof(F) == 8 || sizeof(I) == 8;
    if (v != v)
      return wide ? static_cast<I>(std::make_unsigned_t<I>{1} << (sizeof(I) * 8 - 1)) : I{0};
    if (v >= above) return high;
    if (v <= static_cast<F>(low)) return low;
    return static_cast<I>(v);
  }
};

template <class F>
Handler to_integer_handler(Type t) {
  switch (t) {
    case Type::s8:
      return &unary_each<ToInteger<int8_t, F>, int16_t, F>;
    case Type::u8:
      return &unary_each<ToInteger<uint8_t, F>, uint16_t, F>;
    case Type::s16:
      return &unary_each<ToInteger<int16_t, F>, int16_t, F>;
    case Type::u16:
      return &unary_each<ToInteger<uint16_t, F>, uint16_t, F>;
    case Type::s32:
      return &unary_each<ToInteger<int32_t, F>, int32_t, F>;
    case Type::u32:
      return &unary_each<ToInteger<uint32_t, F>, uint32_t, F>;
    case Type::s64:
      return &unary_each<ToInteger<int64_t, F>, int64_t, F>;
    case Type::u64:
      return &unary_each<ToInteger<uint64_t, F>, uint64_t, F>;
    default:
      throw NotImplemented{"cvt to this type"};
  }
}

// --- To f32 and f64
// --------------------------------------------------------------------------------------------------------

template <class D, class S>
void to_float(Warp& w, const Instr& in, uint32_t mask) {
  unary<Same, D, S>(w, in, mask);
}
template <class D, class S>
void to_float_directed(Warp& w, const Instr& in, uint32_t mask) {
  const RoundingScope scope(static_cast<int>(in.extra));
  unary<Same, D, S>(w, in, mask);
}

template <class S>
Handler to_float_handler(Type d, bool directed) {
  if (d == Type::f64) return directed ? &to_float_directed<double, S> : &to_float<double, S>;
  return directed ? &to_float_directed<float, S> : &to_float<float, S>;
}

struct CanonicalToFloat {
  static float run(double v) { return canonical_nan(static_cast<float>(v)); }
};
void double_to_float(Warp& w, const Instr& in, uint32_t mask) {
  unary<CanonicalToFloat, float, double>(w, in, mask);
}
void double_to_float_directed(Warp& w, const Instr& in, uint32_t mask) {
  const RoundingScope scope(static_cast<int>(in.extra));
  unary<CanonicalToFloat, float, double>(w, in, mask);
}

template <class Format>
void half_to_float(Warp& w, const Instr& in, uint32_t mask) {
  alignas(64) float v[32];
  Format::widen(w.lanes<uint16_t>(in.a), v, 32);
  map_lanes(w, mask, w.lanes<float>(in.dst), [&](uint32_t l) { return v[l]; });
}

// --- To 16-bit floating point
// ------------------------------------------------------------------------------------------------

constexpr uint32_t kSat = 0x100, kRelu = 0x200, kModeMask = 0xF00;
enum class Direction : uint32_t { nearest, zero, down, up };

Direction direction_of(const Decoder& d) {
  return d.has("rz")   ? Direction::zero
         : d.has("rm") ? Direction::down
         : d.has("rp") ? Direction::up
                       : Direction::nearest;
}

// Moves a value rounded to nearest to its neighbour where the direction asks for it.
template <class Format>
uint16_t redirect(uint16_t h, double exact, Direction direction) {
  const double v = Format::to_float(h);
  const bool negative = (h & 0x8000) != 0;
  switch (direction) {
    case Direction::zero:
      return std::fabs(v) > std::fabs(exact) ? static_cast<uint16_t>(h - 1) : h;
    case Direction::down:
      if (!(v > exact)) return h;
      return (h & 0x7FFF) == 0 ? 0x8001 : static_cast<uint16_t>(negative ? h + 1 : h - 1);
    case Direction::up:
      if (!(v < exact)) return h;
      return (h & 0x7FFF) == 0 ? 0x0001 : static_cast<uint16_t>(negative ? h - 1 : h + 1);
    case Direction::nearest:
      break;
  }
  return h;
}

template <class T>
double exact_double(T v) {
  if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
    // 53 bits hold it when the lowest bit left says whether any below it was set: enough to round
    // further.
    const bool negative = v < 0;
    uint64_t m = negative ? uint64_t{0} - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
    if ((m >> 53) != 0) m = (m & ~uint64_t{0x7FF}) | ((m & 0x7FF) != 0 ? 0x800 : 0);
    return negative ? -static_cast<double>(m) : static_cast<double>(m);
  } else {
    return static_cast<double>(v);
  }
}

template <class Format, class S>
uint16_t to_half(S value, uint32_t flags) {
  double exact = exact_double(value);
  if ((flags & kSat) != 0) exact = exact > 0 ? std::min(exact, 1.0) : 0.0;
  if ((flags & kRelu) != 0 && exact <= 0) exact = 0.0;
  if (exact != exact) return kHalfNaN;
  const uint16_t nearest = Format::from_float(round_to_odd(exact, 0.0));
  return redirect<Format>(nearest, exact, static_cast<Direction>(flags & 0xFF));
}

template <class Format, class S>
void to_half_each(Warp& w, const Instr& in, uint32_t mask) {
  each_lane(mask, [&](unsigned l) {
    w.lanes<uint16_t>(in.dst)[l] = to_half<Format>(w.lanes<S>(in.a)[l], in.extra);
  });
}

template <class Format>
void float_to_half(Warp& w, const Instr& in, uint32_t mask) {
  alignas(64) uint16_t h[32];
  Format::narrow(w.lanes<float>(in.a), h, 32);
  map_lanes(w, mask, w.lanes<uint16_t>(in.dst), [&](uint32_t l) { return h[l]; });
}

template <class Format>
void floats_to_pair(Warp& w, const Instr& in, uint32_t mask) {
  alignas(64) uint16_t high[32], low[32];
  const float *a = w.lanes<float>(in.a), *b = w.lanes<float>(in.b);
  if (in.extra == 0) {
    Format::narrow(a, high, 32);
    Format::narrow(b, low, 32);
  } else {
    for (int l = 0; l < 32; ++l) {
      high[l] = to_half<Format>(a[l], in.extra);
      low[l] = to_half<Format>(b[l], in.extra);
    }
  }
  map_lanes(w, mask, w.lanes<uint32_t>(in.dst),
            [&](uint32_t l) { return uint32_t{high[l]} << 16 | low[l]; });
}

uint32_t half_flags(const Decoder& d) {
  return static_cast<uint32_t>(direction_of(d)) | (d.has("sat") ? kSat : 0) |
         (d.has("relu") ? kRelu : 0);
}

template <class S>
Handler to_half_handler(Type to) {
  return to == Type::f16 ? &to_half_each<Fp16, S> : &to_half_each<Bf16, S>;
}

// --- tf32: fp32 with the low 13 bits rounded away
// ------------------------------------------------------------------------------

template <bool kTiesAway>
struct ToTf32 {
  static uint32_t run(uint32_t a) {
    if ((a & 0x7FFFFFFF) > 0x7F800000) return kFloatNaNBits;
    if ((a & 0x7F800000) == 0x7F800000) return a;
    return (a + (kTiesAway ? 0x1000 : 0xFFF + (a >> 13 & 1))) & ~0x1FFFu;
  }
};

struct Flush {
  static uint32_t run(uint32_t a) { return (a & 0x7F800000) == 0 ? a & 0x80000000 : a; }
};
struct SaturateFloat {
  template <class T>
  static T run(T a) {
    const T low = a > T{0} ? a : T{0};
    return low < T{1} ? low : T{1};
  }
};
struct CanonicalNaN {
  static float run(float a) { return canonical_nan(a); }
};

// --- Decoding
// ------------------------------------------------------------------------------------------------------------------

Instr& emit_simple(Decoder& d, Handler h, uint32_t dst, uint32_t a) {
  Instr& in = d.emit(h);
  in.dst = dst, in.a = a;
  return in;
}

int integral_mode(const Decoder& d) {
  if (d.has("rni")) return FE_TONEAREST;
  if (d.has("rzi")) return FE_TOWARDZERO;
  if (d.has("rmi")) return FE_DOWNWARD;
  if (d.has("rpi")) return FE_UPWARD;
  return -1;
}

void convert_integer(Decoder& d, Type to, Type from, uint32_t a) {
  if (bytes_of(from) == 1) {
    a = is_signed(from) ? d.before(&unary<SignExtend8, int16_t>, a, 2)
                        : d.before(&unary<ZeroExtend8, uint16_t>, a, 2);
    from = is_signed(from) ? Type::s16 : Type::u16;
  }
  if (to == Type::f16 || to == Type::bf16) {
    const uint32_t dst = d.dest(0, to);
    const uint32_t flags = half_flags(d);
    emit_simple(d, for_integer(from, [&]<class T>() -> Handler { return to_half_handler<T>(to); }),
                dst, a)
        .extra = flags;
  } else if (is_float(to)) {
    const int mode = rounding_of(d);
    const uint32_t dst = d.dest(0, to);
    emit_simple(d,
                for_integer(from,
                            [&]<class T>() -> Handler {
                              return to_float_handler<T>(to, mode != FE_TONEAREST);
                            }),
                dst, a)
        .extra = static_cast<uint32_t>(mode);
    if (d.has("sat"))
      d.after(to == Type::f64 ? &unary<SaturateFloat, double> : &unary<SaturateFloat, float>, dst);
  } else {
    if (d.has("sat")) a = emit_clamp(d, a, from, to);
    const uint32_t dst = d.dest(0, to);
    emit_simple(
        d,
        for_integer(
            from, [&]<class T>() -> Handler { return integer_move<T>(slot_bytes(bytes_of(to))); }),
        dst, a);
    if (bytes_of(to) == 1)
      d.after(is_signed(to) ? &unary<SignExtend8, int16_t> : &unary<ZeroExtend8, uint16_t>, dst);
  }
}

void convert_float(Decoder& d, Type to, Type from, uint32_t a) {
  const int integral = integral_mode(d);
  // 16-bit sources become f32 first, which is exact.
  if (is_half(from)) {
    const bool only_widens = to == Type::f32 && integral < 0 && !d.has("sat");
    const uint32_t wide = only_widens ? d.dest(0, to) : d.scratch(4);
    emit_simple(d, from == Type::f16 ? &half_to_float<Fp16> : &half_to_float<Bf16>, wide, a);
    if (only_widens) return;
    a = wide;
    from = Type::f32;
  } else if (d.has("ftz") && from == Type::f32) {
    a = d.before(&unary<Flush, uint32_t>, a, 4);
  }
  const bool is_double = from == Type::f64;
  if (integral >= 0)
    a = is_double ? d.before(integral_handler<double>(integral), a, 8)
                  : d.before(integral_handler<float>(integral), a, 4);
  if (is_integer(to)) {
    const uint32_t dst = d.dest(0, to);
    emit_simple(d, is_double ? to_integer_handler<double>(to) : to_integer_handler<float>(to), dst,
                a);
  } else if (to == Type::f16 || to == Type::bf16) {
    const uint32_t flags = half_flags(d);
    const uint32_t dst = d.dest(0, to);
    Handler h = is_double ? to_half_handler<double>(to) : to_half_handler<float>(to);
    if (flags == 0 && !is_double) h = to == Type::f16 ? &float_to_half<Fp16> : &float_to_half<Bf16>;
    emit_simple(d, h, dst, a).extra = flags;
  } else if (to == Type::tf32) {
    const uint32_t dst = d.dest(0, Type::b32);
    if (d.has("rz") || d.has("satfinite")) throw NotImplemented{"this form of cvt to tf32"};
    emit_simple(d, d.has("rna") ? &unary<ToTf32<true>, uint32_t> : &unary<ToTf32<false>, uint32_t>,
                dst, a);
    if (d.has("relu")) throw NotImplemented{"cvt.relu to tf32"};
  } else {
    const uint32_t dst = d.dest(0, to);
    if (to == Type::f32 && is_double) {
      const int mode = rounding_of(d);
      emit_simple(d, mode == FE_TONEAREST ? &double_to_float : &double_to_float_directed, dst, a)
          .extra = static_cast<uint32_t>(mode);
    } else if (to == Type::f64) {
      emit_simple(d, is_double ? &unary<Same, double> : &unary<Same, double, float>, dst, a);
    } else {
      emit_simple(d, &unary<CanonicalNaN, float>, dst, a);
    }
    if (d.has("sat"))
      d.after(to == Type::f64 ? &unary<SaturateFloat, double> : &unary<SaturateFloat, float>, dst);
    if (d.has("ftz") && to == Type::f32) d.after(&unary<Flush, uint32_t>, dst);
  }
}

void decode_cvt(Decoder& d) {
  const Type to = d.type(0), from = d.type(1);
  if (to == Type::none || from == Type::none) throw NotImplemented{"cvt of this type"};
  if (to == Type::f16x2 || to == Type::bf16x2) {
    if (from != Type::f32 || d.operand_count() != 3 || d.has("rs"))
      throw NotImplemented{"this cvt to a pair"};
    const uint32_t a = d.source(1, from), b = d.source(2, from), dst = d.dest(0, to);
    const uint32_t flags = half_flags(d);
    Instr& in = d.emit(to == Type::f16x2 ? &floats_to_pair<Fp16> : &floats_to_pair<Bf16>);
    in.dst = dst, in.a = a, in.b = b, in.extra = flags;
    return;
  }
  const uint32_t a = d.source(1, from);
  if (is_integer(from))
    convert_integer(d, to, from, a);
  else
    convert_float(d, to, from, a);
}

// cvt.pack.sat.u8.s32.b32 d, a, b, c: a and b saturated to bytes below the low half of c.
template <bool kSigned>
struct PackBytes {
  static uint32_t run(int32_t a, int32_t b, uint32_t c) {
    const int32_t low = kSigned ? -128 : 0, high = kSigned ? 127 : 255;
    auto byte = [&](int32_t v) { return static_cast<uint32_t>(std::clamp(v, low, high)) & 0xFF; };
    return c << 16 | byte(a) << 8 | byte(b);
  }
};
template <bool kSigned>
struct PackHalves {
  static uint32_t run(int32_t a, int32_t b) {
    const int32_t low = kSigned ? -32768 : 0, high = kSigned ? 32767 : 65535;
    auto half = [&](int32_t v) { return static_cast<uint32_t>(std::clamp(v, low, high)) & 0xFFFF; };
    return half(a) << 16 | half(b);
  }
};

void decode_cvt_or_pack(Decoder& d) {
  if (!d.has("pack")) return decode_cvt(d);
  const Type to = d.type(0);
  if (d.type(1) != Type::s32) throw NotImplemented{"cvt.pack of this type"};
  if (bytes_of(to) == 1 && d.operand_count() == 4)
    emit_uniform(d,
                 to == Type::s8 ? &ternary<PackBytes<true>, uint32_t, int32_t, int32_t>
                                : &ternary<PackBytes<false>, uint32_t, int32_t, int32_t>,
                 Type::b32, 3);
  else if (bytes_of(to) == 2)
    emit_uniform(d,
                 to == Type::s16 ? &binary<PackHalves<true>, uint32_t, int32_t>
                                 : &binary<PackHalves<false>, uint32_t, int32_t>,
                 Type::b32, 2);
  else
    throw NotImplemented{"this cvt.pack"};
}

}  // namespace

Handler narrowing(unsigned from_bytes, unsigned to_bytes) {
  return from_bytes == 4 ? integer_move<uint32_t>(to_bytes) : integer_move<uint64_t>(to_bytes);
}

Handler widening(unsigned from_bytes, unsigned to_bytes, bool sign) {
  if (from_bytes == 2)
    return sign ? integer_move<int16_t>(to_bytes) : integer_move<uint16_t>(to_bytes);
  return sign ? integer_move<int32_t>(to_bytes) : integer_move<uint32_t>(to_bytes);
}

std::span<const OpcodeEntry> convert_opcodes() {
  static constexpr OpcodeEntry table[] = {{"cvt", decode_cvt_or_pack}};
  return table;
}

}  // namespace cuemu
