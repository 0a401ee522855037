// SPDX-License-Identifier: MIT
// Logic, shifts, bit fields and permutations.
#include <algorithm>
#include <bit>
#include <type_traits>

#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

struct And {
  template <class T>
  static T run(T a, T b) {
    return a & b;
  }
};
struct Or {
  template <class T>
  static T run(T a, T b) {
    return a | b;
  }
};
struct Xor {
  template <class T>
  static T run(T a, T b) {
    return a ^ b;
  }
};
struct Not {
  template <class T>
  static T run(T a) {
    return static_cast<T>(~a);
  }
};
struct LogicalNot {
  template <class T>
  static T run(T a) {
    return a == 0 ? 1 : 0;
  }
};

template <class Op>
void predicate_binary(Warp& w, const Instr& in, uint32_t mask) {
  uint32_t& p = w.predicate(in.dst);
  p = (p & ~mask) | (Op::run(w.predicate(in.a), w.predicate(in.b)) & mask);
}

void predicate_negate(Warp& w, const Instr& in, uint32_t mask) {
  uint32_t& p = w.predicate(in.dst);
  p = (p & ~mask) | (~w.predicate(in.a) & mask);
}

template <class Op>
void decode_logic_as(Decoder& d) {
  const Type t = d.type();
  if (t == Type::pred) {
    const uint32_t a = d.predicate_source(d.operand(1)), b = d.predicate_source(d.operand(2));
    const uint32_t dst = d.predicate_dest(d.operand(0));
    Instr& in = d.emit(&predicate_binary<Op>);
    in.dst = dst, in.a = a, in.b = b;
    return;
  }
  emit_uniform(d, for_bits(t, []<class T>() -> Handler { return &binary<Op, T>; }), t, 2);
}

void decode_logic(Decoder& d) {
  if (d.base() == "and")
    decode_logic_as<And>(d);
  else if (d.base() == "or")
    decode_logic_as<Or>(d);
  else
    decode_logic_as<Xor>(d);
}

void decode_not(Decoder& d) {
  const Type t = d.type();
  if (t == Type::pred) {
    const uint32_t a = d.predicate_source(d.operand(1)), dst = d.predicate_dest(d.operand(0));
    Instr& in = d.emit(&predicate_negate);
    in.dst = dst, in.a = a;
    return;
  }
  const bool logical = d.base() == "cnot";
  emit_uniform(d,
               for_bits(t,
                        [logical]<class T>() -> Handler {
                          return logical ? &unary<LogicalNot, T> : &unary<Not, T>;
                        }),
               t, 1);
}

// --- Shifts: amounts beyond the width give 0 (or the sign)
// --------------------------------------------------------------

struct Shl {
  template <class T>
  static T run(T a, uint32_t n) {
    return n < sizeof(T) * 8 ? static_cast<T>(a << n) : T{0};
  }
};
struct Shr {
  template <class T>
  static T run(T a, uint32_t n) {
    constexpr uint32_t width = sizeof(T) * 8;
    if constexpr (std::is_signed_v<T>)
      return static_cast<T>(a >> (n < width ? n : width - 1));
    else
      return n < width ? static_cast<T>(a >> n) : T{0};
  }
};

void decode_shift(Decoder& d) {
  const Type t = d.type();
  const uint32_t a = d.source(1, t), n = d.source(2, Type::u32), dst = d.dest(0, t);
  const bool left = d.base() == "shl";
  Instr& in = d.emit(for_integer(t, [left]<class T>() -> Handler {
    return left ? &binary<Shl, T, T, uint32_t> : &binary<Shr, T, T, uint32_t>;
  }));
  in.dst = dst, in.a = a, in.b = n;
}

template <bool kLeft, bool kClamp>
struct Funnel {
  static uint32_t run(uint32_t low, uint32_t high, uint32_t count) {
    const uint64_t both = uint64_t{high} << 32 | low;
    const uint32_t n = kClamp ? std::min(count, 32u) : count & 31;
    return static_cast<uint32_t>(kLeft ? (both << n) >> 32 : both >> n);
  }
};

void decode_funnel(Decoder& d) {
  const bool left = d.has("l"), clamp = d.has("clamp");
  emit_uniform(d,
               left ? (clamp ? &ternary<Funnel<true, true>, uint32_t>
                             : &ternary<Funnel<true, false>, uint32_t>)
                    : (clamp ? &ternary<Funnel<false, true>, uint32_t>
                             : &ternary<Funnel<false, false>, uint32_t>),
               Type::b32, 3);
}

// --- Bit fields
// ---------------------------------------------------------------------------------------------------------

struct ExtractField {
  template <class T>
  static T run(T a, uint32_t position, uint32_t length) {
    constexpr uint32_t width = sizeof(T) * 8;
    using U = std::make_unsigned_t<T>;
    const uint32_t pos = position & 255, len = length & 255;
    if (len == 0) return 0;
    const uint32_t last = std::min(pos + len - 1, width - 1);
    U value = pos < width ? static_cast<U>(static_cast<U>(a) >> pos) : U{0};
    const U ones = len < width ? static_cast<U>((U{1} << len) - 1) : static_cast<U>(~U{0});
    value &= ones;
    if (std::is_signed_v<T> && (static_cast<U>(a) >> last & 1) != 0) {
      // Everything above the highest bit taken is its copy.
      const uint32_t taken = pos < width ? last - pos + 1 : 0;
      value |= taken < width ? static_cast<U>(~U{0} << taken) : U{0};
    }
    return static_cast<T>(value);
  }
};

template <class T>
void extract_field(Warp& w, const Instr& in, uint32_t mask) {
  each_lane(mask, [&](unsigned l) {
    w.lanes<T>(in.dst)[l] = ExtractField::run(w.lanes<T>(in.a)[l], w.lanes<uint32_t>(in.b)[l],
                                              w.lanes<uint32_t>(in.c)[l]);
  });
}

template <class T>
void insert_field(Warp& w, const Instr& in, uint32_t mask) {
  constexpr uint32_t width = sizeof(T) * 8;
  const T *field = w.lanes<T>(in.a), *into = w.lanes<T>(in.b);
  const uint32_t *position = w.lanes<uint32_t>(in.c), *length = w.lanes<uint32_t>(in.d);
  map_lanes(w, mask, w.lanes<T>(in.dst), [=](uint32_t l) {
    const uint32_t pos = position[l] & 255, len = length[l] & 255;
    const T ones =
        len < width ? static_cast<T>((T{1} << (len & (width - 1))) - 1) : static_cast<T>(~T{0});
    const T hole = pos < width ? static_cast<T>(ones << (pos & (width - 1))) : T{0};
    const T shifted = pos < width ? static_cast<T>(field[l] << (pos & (width - 1))) : T{0};
    return static_cast<T>((into[l] & ~hole) | (shifted & hole));
  });
}

void decode_extract(Decoder& d) {
  const Type t = d.type();
  const uint32_t a = d.source(1, t), b = d.source(2, Type::u32), c = d.source(3, Type::u32);
  const uint32_t dst = d.dest(0, t);
  Instr& in = d.emit(for_integer(t, []<class T>() -> Handler { return &extract_field<T>; }));
  in.dst = dst, in.a = a, in.b = b, in.c = c;
}

void decode_insert(Decoder& d) {
  const Type t = d.type();
  const uint32_t a = d.source(1, t), b = d.source(2, t);
  const uint32_t pos = d.source(3, Type::u32), len = d.source(4, Type::u32), dst = d.dest(0, t);
  Instr& in = d.emit(for_bits(t, []<class T>() -> Handler { return &insert_field<T>; }));
  in.dst = dst, in.a = a, in.b = b, in.c = pos, in.d = len;
}

template <class T, bool kShiftAmount>
struct FindMsb {
  static uint32_t run(T a) {
    using U = std::make_unsigned_t<T>;
    const U v = std::is_signed_v<T> && a < 0 ? static_cast<U>(~a) : static_cast<U>(a);
    if (v == 0) return ~0u;
    const auto msb = static_cast<uint32_t>(std::bit_width(v) - 1);
    return kShiftAmount ? static_cast<uint32_t>(sizeof(T)) * 8 - 1 - msb : msb;
  }
};

void decode_find(Decoder& d) {
  const Type t = d.type();
  const bool amount = d.has("shiftamt");
  const uint32_t a = d.source(1, t), dst = d.dest(0, Type::u32);
  Instr& in = d.emit(for_integer(t, [amount]<class T>() -> Handler {
    return amount ? &unary<FindMsb<T, true>, uint32_t, T> : &unary<FindMsb<T, false>, uint32_t, T>;
  }));
  in.dst = dst, in.a = a;
}

struct CountLeadingZeros {
  template <class T>
  static uint32_t run(T a) {
    return static_cast<uint32_t>(std::countl_zero(a));
  }
};
struct CountOnes {
  template <class T>
  static uint32_t run(T a) {
    return static_cast<uint32_t>(std::popcount(a));
  }
};
struct Reverse {
  template <class T>
  static T run(T a) {
    T r = 0;
    for (unsigned i = 0; i < sizeof(T) * 8; ++i) r |= (a >> i & 1) << (sizeof(T) * 8 - 1 - i);
    return r;
  }
};

void decode_count(Decoder& d) {
  const Type t = d.type();
  const bool zeros = d.base() == "clz";
  const uint32_t a = d.source(1, t), dst = d.dest(0, Type::u32);
  Instr& in = d.emit(for_bits(t, [zeros]<class T>() -> Handler {
    return zeros ? &unary<CountLeadingZeros, uint32_t, T> : &unary<CountOnes, uint32_t, T>;
  }));
  in.dst = dst, in.a = a;
}

void decode_reverse(Decoder& d) {
  emit_uniform(d, for_bits(d.type(), []<class T>() -> Handler { return &unary<Reverse, T>; }),
               d.type(), 1);
}

struct MaskBits {  // bmsk
  template <bool kClamp>
  static uint32_t make(uint32_t position, uint32_t length) {
    const uint32_t pos = kClamp ? std::min(position, 32u) : position & 31;
    const uint32_t len = kClamp ? std::min(length, 32u) : length & 31;
    return static_cast<uint32_t>(((uint64_t{1} << len) - 1) << pos);
  }
};
template <bool kClamp>
struct MaskBitsAs {
  static uint32_t run(uint32_t position, uint32_t length) {
    return MaskBits::make<kClamp>(position, length);
  }
};

void decode_mask_bits(Decoder& d) {
  emit_uniform(
      d,
      d.has("clamp") ? &binary<MaskBitsAs<true>, uint32_t> : &binary<MaskBitsAs<false>, uint32_t>,
      Type::b32, 2);
}

// --- prmt, lop3
// ---------------------------------------------------------------------------------------------------------

enum class Permute : uint32_t { plain, f4e, b4e, rc8, ecl, ecr, rc16 };

uint32_t permute_selector(Permute mode, uint32_t n) {
  static constexpr uint16_t tables[6][4] = {{0x3210, 0x4321, 0x5432, 0x6543},   // f4e
                                            {0x5670, 0x6701, 0x7012, 0x0123},   // b4e
                                            {0x0000, 0x1111, 0x2222, 0x3333},   // rc8
                                            {0x3210, 0x3211, 0x3222, 0x3333},   // ecl
                                            {0x0000, 0x1110, 0x2210, 0x3210},   // ecr
                                            {0x1010, 0x3232, 0x1010, 0x3232}};  // rc16
  return tables[static_cast<uint32_t>(mode) - 1][n & 3];
}

template <bool kPlain>
void permute(Warp& w, const Instr& in, uint32_t mask) {
  const uint32_t *a = w.lanes<uint32_t>(in.a), *b = w.lanes<uint32_t>(in.b),
                 *c = w.lanes<uint32_t>(in.c);
  const auto mode = static_cast<Permute>(in.extra);
  map_lanes(w, mask, w.lanes<uint32_t>(in.dst), [=](uint32_t l) {
    const uint64_t bytes = uint64_t{b[l]} << 32 | a[l];
    const uint32_t selector = kPlain ? c[l] : permute_selector(mode, c[l]);
    uint32_t result = 0;
    for (uint32_t i = 0; i < 4; ++i) {
      const uint32_t nibble = selector >> (4 * i) & 15;
      auto byte = static_cast<uint32_t>(bytes >> (8 * (nibble & 7)) & 0xFF);
      if ((nibble & 8) != 0) byte = (byte & 0x80) != 0 ? 0xFF : 0;
      result |= byte << (8 * i);
    }
    return result;
  });
}

void decode_permute(Decoder& d) {
  Permute mode = Permute::plain;
  static constexpr std::pair<std::string_view, Permute> names[] = {
      {"f4e", Permute::f4e}, {"b4e", Permute::b4e}, {"rc8", Permute::rc8},
      {"ecl", Permute::ecl}, {"ecr", Permute::ecr}, {"rc16", Permute::rc16}};
  for (const auto& [name, m] : names)
    if (d.has(name)) mode = m;
  emit_uniform(d, mode == Permute::plain ? &permute<true> : &permute<false>, Type::b32, 3).extra =
      static_cast<uint32_t>(mode);
}

void lop3(Warp& w, const Instr& in, uint32_t mask) {
  const uint32_t *a = w.lanes<uint32_t>(in.a), *b = w.lanes<uint32_t>(in.b),
                 *c = w.lanes<uint32_t>(in.c);
  uint32_t minterm[8];
  for (uint32_t i = 0; i < 8; ++i) minterm[i] = (in.extra >> i & 1) != 0 ? ~0u : 0u;
  map_lanes(w, mask, w.lanes<uint32_t>(in.dst), [=](uint32_t l) {
    const uint32_t x = a[l], y = b[l], z = c[l];
    const uint32_t low = (~y & ((~z & minterm[0]) | (z & minterm[1]))) |
                         (y & ((~z & minterm[2]) | (z & minterm[3])));
    const uint32_t high = (~y & ((~z & minterm[4]) | (z & minterm[5]))) |
                          (y & ((~z & minterm[6]) | (z & minterm[7])));
    return (~x & low) | (x & high);
  });
}

void decode_lop3(Decoder& d) {
  if (d.has("BoolOp") || d.has("and") || d.has("or")) throw NotImplemented{"lop3 with a predicate"};
  const auto table = static_cast<uint32_t>(d.immediate(4));
  emit_uniform(d, &lop3, Type::b32, 3).extra = table;
}

}  // namespace

Handler predicate_not() {
  return &predicate_negate;
}

std::span<const OpcodeEntry> bit_opcodes() {
  static constexpr OpcodeEntry table[] = {
      {"and", decode_logic},    {"or", decode_logic},     {"xor", decode_logic},
      {"not", decode_not},      {"cnot", decode_not},     {"shl", decode_shift},
      {"shr", decode_shift},    {"shf", decode_funnel},   {"bfe", decode_extract},
      {"bfi", decode_insert},   {"bfind", decode_find},   {"clz", decode_count},
      {"popc", decode_count},   {"brev", decode_reverse}, {"bmsk", decode_mask_bits},
      {"prmt", decode_permute}, {"lop3", decode_lop3}};
  return table;
}

}  // namespace cuemu
