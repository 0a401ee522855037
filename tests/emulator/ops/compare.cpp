// SPDX-License-Identifier: MIT
// setp, set, selp, slct.
#include <cmath>
#include <type_traits>

#include "half.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

enum class Comparison : uint32_t { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };
enum class Combine : uint32_t { none, conjunction, disjunction, exclusive };

template <Comparison kC, class T>
bool compare(T a, T b) {
  [[maybe_unused]] const bool unordered = a != a || b != b;
  switch (kC) {
    case Comparison::eq:
      return a == b;
    case Comparison::ne:
      return std::is_integral_v<T> ? a != b : a < b || a > b;
    case Comparison::lt:
      return a < b;
    case Comparison::le:
      return a <= b;
    case Comparison::gt:
      return a > b;
    case Comparison::ge:
      return a >= b;
    case Comparison::equ:
      return a == b || unordered;
    case Comparison::neu:
      return a != b;
    case Comparison::ltu:
      return !(a >= b);
    case Comparison::leu:
      return !(a > b);
    case Comparison::gtu:
      return !(a <= b);
    case Comparison::geu:
      return !(a < b);
    case Comparison::num:
      return !unordered;
    case Comparison::nan:
      return unordered;
  }
  return false;
}

template <class T>
T flushed(T v) {
  if constexpr (std::is_same_v<T, float>)
    return std::fabs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v;
  else
    return v;
}

uint32_t combine(uint32_t bits, uint32_t other, Combine how) {
  switch (how) {
    case Combine::conjunction:
      return bits & other;
    case Combine::disjunction:
      return bits | other;
    case Combine::exclusive:
      return bits ^ other;
    case Combine::none:
      return bits;
  }
  return bits;
}

// Result bits of all 32 lanes.
template <Comparison kC, class T, bool kFtz>
uint32_t compare_lanes(Warp& w, const Instr& in) {
  const T *a = w.lanes<T>(in.a), *b = w.lanes<T>(in.b);
  uint32_t bits = 0;
  for (uint32_t l = 0; l < 32; ++l) {
    const bool r = kFtz ? compare<kC>(flushed(a[l]), flushed(b[l])) : compare<kC>(a[l], b[l]);
    bits |= static_cast<uint32_t>(r) << l;
  }
  return bits;
}

void write_predicate(Warp& w, uint32_t slot, uint32_t bits, uint32_t mask) {
  uint32_t& p = w.predicate(slot);
  p = (p & ~mask) | (bits & mask);
}

// p = first combined with c, q = second combined with c.
void write_predicates(Warp& w, const Instr& in, uint32_t mask, uint32_t first, uint32_t second) {
  const auto how = static_cast<Combine>(in.extra);
  const uint32_t other = in.c == kNoSlot ? 0 : w.predicate(in.c);
  write_predicate(w, in.dst, combine(first, other, how), mask);
  if (in.d != kNoSlot) write_predicate(w, in.d, combine(second, other, how), mask);
}

// p = a op b, q its negation, each combined with c.
template <Comparison kC, class T, bool kFtz>
void set_predicate(Warp& w, const Instr& in, uint32_t mask) {
  const uint32_t bits = compare_lanes<kC, T, kFtz>(w, in);
  if (in.extra == 0 && in.d == kNoSlot)
    write_predicate(w, in.dst, bits, mask);
  else
    write_predicates(w, in, mask, bits, ~bits);
}

// The same for 16-bit floats; `count` tells the form; packed ones have p for the low, q for the high half.
template <Comparison kC>
void half_bits(Warp& w, const Instr& in, uint32_t& low, uint32_t& high) {
  alignas(64) float a[64], b[64];
  const HalfForm form(in.count);
  form.widen(w.lanes<uint16_t>(in.a), a);
  form.widen(w.lanes<uint16_t>(in.b), b);
  low = high = 0;
  const bool packed = form.packed;
  const int step = packed ? 2 : 1;
  for (int l = 0; l < 32; ++l) {
    low |= static_cast<uint32_t>(compare<kC>(a[l * step], b[l * step])) << l;
    if (packed) high |= static_cast<uint32_t>(compare<kC>(a[l * 2 + 1], b[l * 2 + 1])) << l;
  }
}

template <Comparison kC>
void set_predicate_half(Warp& w, const Instr& in, uint32_t mask) {
  uint32_t low, high;
  half_bits<kC>(w, in, low, high);
  write_predicates(w, in, mask, low, HalfForm(in.count).packed ? high : ~low);
}

// set.f16x2: a value in each half.
template <Comparison kC>
void set_half(Warp& w, const Instr& in, uint32_t mask) {
  uint32_t low, high;
  half_bits<kC>(w, in, low, high);
  const uint32_t one = static_cast<uint32_t>(in.imm),
                 other = in.c == kNoSlot ? 0 : w.predicate(in.c);
  low = combine(low, other, static_cast<Combine>(in.extra));
  high = combine(high, other, static_cast<Combine>(in.extra));
  if (HalfForm(in.count).packed) {
    map_lanes(w, mask, w.lanes<uint32_t>(in.dst),
              [=](uint32_t l) { return (low >> l & 1) * one | (high >> l & 1) * one << 16; });
  } else {
    map_lanes(w, mask, w.lanes<uint16_t>(in.dst),
              [=](uint32_t l) { return static_cast<uint16_t>((low >> l & 1) * one); });
  }
}

template <class F>
Handler with_comparison(std::string_view name, F choose) {
  using C = Comparison;
  if (name == "eq") return choose.template operator()<C::eq>();
  if (name == "ne") return choose.template operator()<C::ne>();
  if (name == "lt" || name == "lo") return choose.template operator()<C::lt>();
  if (name == "le" || name == "ls") return choose.template operator()<C::le>();
  if (name == "gt" || name == "hi") return choose.template operator()<C::gt>();
  if (name == "ge" || name == "hs") return choose.template operator()<C::ge>();
  if (name == "equ") return choose.template operator()<C::equ>();
  if (name == "neu") return choose.template operator()<C::neu>();
  if (name == "ltu") return choose.template operator()<C::ltu>();
  if (name == "leu") return choose.template operator()<C::leu>();
  if (name == "gtu") return choose.template operator()<C::gtu>();
  if (name == "geu") return choose.template operator()<C::geu>();
  if (name == "num") return choose.template operator()<C::num>();
  if (name == "nan") return choose.template operator()<C::nan>();
  throw NotImplemented{"unknown comparison"};
}

Combine combination(const Decoder& d) {
  if (d.has("and")) return Combine::conjunction;
  if (d.has("or")) return Combine::disjunction;
  if (d.has("xor")) return Combine::exclusive;
  return Combine::none;
}

Handler predicate_handler(Decoder& d, Type t) {
  const std::string_view name = d.modifiers().at(0);
  const bool ftz = d.has("ftz");
  return with_comparison(name, [&]<Comparison kC>() -> Handler {
    if (is_half(t)) return &set_predicate_half<kC>;
    if (t == Type::f32)
      return ftz ? &set_predicate<kC, float, true> : &set_predicate<kC, float, false>;
    if (t == Type::f64) return &set_predicate<kC, double, false>;
    if constexpr (kC <= Comparison::ge)
      return for_integer(t, []<class T>() -> Handler { return &set_predicate<kC, T, false>; });
    else
      throw NotImplemented{"this comparison of integers"};
  });
}

Instr& emit_comparison(Decoder& d, Type t, uint32_t p, uint32_t q, Handler h) {
  const uint32_t a = d.source(1, t), b = d.source(2, t);
  const Combine how = combination(d);
  const uint32_t c = how == Combine::none ? kNoSlot : d.predicate_source(d.operand(3));
  Instr& in = d.emit(h);
  in.dst = p, in.a = a, in.b = b, in.c = c, in.d = q;
  in.extra = static_cast<uint32_t>(how);
  in.count = HalfForm(t).code();
  return in;
}

void decode_setp(Decoder& d) {
  const Type t = d.type();
  const uint32_t p = d.predicate_dest(d.operand(0));
  const uint32_t q = d.operand(0).has_second ? d.second_dest(d.operand(0)) : kNoSlot;
  emit_comparison(d, t, p, q, predicate_handler(d, t));
}

template <class T>
void select(Warp& w, const Instr& in, uint32_t mask) {
  const T *a = w.lanes<T>(in.a), *b = w.lanes<T>(in.b);
  const uint32_t p = w.predicate(in.c);
  map_lanes(w, mask, w.lanes<T>(in.dst),
            [=](uint32_t l) { return (p >> l & 1) != 0 ? a[l] : b[l]; });
}

Handler select_handler(Type t) {
  return for_bits(t, []<class T>() -> Handler { return &select<T>; });
}

void decode_set(Decoder& d) {
  const Type result = d.type(0), t = d.type(1);
  const std::string_view name = d.modifiers().at(0);
  if (is_half(t) && is_half(result)) {
    const uint32_t dst = d.dest(0, result);
    const Handler h =
        with_comparison(name, []<Comparison kC>() -> Handler { return &set_half<kC>; });
    emit_comparison(d, t, dst, kNoSlot, h).imm = HalfForm(result).bf16 ? 0x3F80 : 0x3C00;
    return;
  }
  const uint32_t p = d.scratch(0);
  emit_comparison(d, t, p, kNoSlot, predicate_handler(d, t));
  const uint64_t yes = result == Type::f32    ? 0x3F800000
                       : result == Type::f16  ? 0x3C00
                       : result == Type::bf16 ? 0x3F80
                                              : ~uint64_t{0};
  const uint32_t a = d.constant(yes, bytes_of(result)), b = d.constant(0, bytes_of(result));
  const uint32_t dst = d.dest(0, result);
  Instr& in = d.emit(select_handler(result));
  in.dst = dst, in.a = a, in.b = b, in.c = p;
}

void decode_selp(Decoder& d) {
  const Type t = d.type();
  const uint32_t a = d.source(1, t), b = d.source(2, t), p = d.predicate_source(d.operand(3));
  const uint32_t dst = d.dest(0, t);
  Instr& in = d.emit(select_handler(t));
  in.dst = dst, in.a = a, in.b = b, in.c = p;
}

// slct: a where c >= 0, else b.
void decode_slct(Decoder& d) {
  const Type t = d.type(0), ct = d.type(1);
  const uint32_t a = d.source(1, t), b = d.source(2, t), c = d.source(3, ct);
  const uint32_t zero = d.constant(0, 4), p = d.scratch(0), dst = d.dest(0, t);
  Instr& test = d.emit(ct == Type::f32 ? &set_predicate<Comparison::ge, float, false>
                                       : &set_predicate<Comparison::ge, int32_t, false>);
  test.dst = p, test.a = c, test.b = zero;
  Instr& in = d.emit(select_handler(t));
  in.dst = dst, in.a = a, in.b = b, in.c = p;
}

}  // namespace

std::span<const OpcodeEntry> compare_opcodes() {
  static constexpr OpcodeEntry table[] = {
      {"setp", decode_setp}, {"set", decode_set}, {"selp", decode_selp}, {"slct", decode_slct}};
  return table;
}

}  // namespace cuemu
