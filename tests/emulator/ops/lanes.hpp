// SPDX-License-Identifier: MIT
// Loops over the lanes of a warp, written so that the compiler vectorises them.
#pragma once

#include <cstdint>

#include "../sim/warp.hpp"
#include "decoder.hpp"
#include "opcodes.hpp"

namespace cuemu {

// value(lane) for every lane, kept where the mask has its bit. `value` must be harmless on lanes
// that are not active.
template <class D, class F>
inline void map_lanes(Warp& w, uint32_t mask, D* __restrict__ result, F value) {
  if (w.covers(mask)) {
#pragma GCC ivdep
    for (uint32_t l = 0; l < 32; ++l) result[l] = value(l);
  } else {
#pragma GCC ivdep
    for (uint32_t l = 0; l < 32; ++l) {
      const D v = value(l);
      result[l] = (mask >> l & 1) != 0 ? v : result[l];
    }
  }
}

// Bit l is value(l) for the lanes of the mask; other lanes keep theirs.
template <class F>
inline void map_predicate(Warp& w, uint32_t mask, uint32_t slot, F value) {
  uint32_t bits = 0;
  for (uint32_t l = 0; l < 32; ++l) bits |= static_cast<uint32_t>(value(l)) << l;
  uint32_t& p = w.predicate(slot);
  p = (p & ~mask) | (bits & mask);
}

// The plain shapes of handlers: Op::run on one, two or three sources.
template <class Op, class D, class A = D>
void unary(Warp& w, const Instr& in, uint32_t mask) {
  const A* a = w.lanes<A>(in.a);
  map_lanes(w, mask, w.lanes<D>(in.dst), [=](uint32_t l) { return static_cast<D>(Op::run(a[l])); });
}

template <class Op, class D, class A = D, class B = A>
void binary(Warp& w, const Instr& in, uint32_t mask) {
  const A* a = w.lanes<A>(in.a);
  const B* b = w.lanes<B>(in.b);
  map_lanes(w, mask, w.lanes<D>(in.dst),
            [=](uint32_t l) { return static_cast<D>(Op::run(a[l], b[l])); });
}

template <class Op, class D, class A = D, class B = A, class C = D>
void ternary(Warp& w, const Instr& in, uint32_t mask) {
  const A* a = w.lanes<A>(in.a);
  const B* b = w.lanes<B>(in.b);
  const C* c = w.lanes<C>(in.c);
  map_lanes(w, mask, w.lanes<D>(in.dst),
            [=](uint32_t l) { return static_cast<D>(Op::run(a[l], b[l], c[l])); });
}

// The same for operations too dear, or unsafe, on lanes that are not active.
template <class Op, class D, class A = D>
void unary_each(Warp& w, const Instr& in, uint32_t mask) {
  each_lane(mask, [&](unsigned l) {
    w.lanes<D>(in.dst)[l] = static_cast<D>(Op::run(w.lanes<A>(in.a)[l]));
  });
}

template <class Op, class D, class A = D>
void binary_each(Warp& w, const Instr& in, uint32_t mask) {
  each_lane(mask, [&](unsigned l) {
    w.lanes<D>(in.dst)[l] = static_cast<D>(Op::run(w.lanes<A>(in.a)[l], w.lanes<A>(in.b)[l]));
  });
}

// Calls choose.template operator()<T>() with the C++ type that computes integers of PTX type t;
// 8-bit types have none.
template <class F>
Handler for_integer(Type t, F choose) {
  switch (t) {
    case Type::u16:
    case Type::b16:
      return choose.template operator()<uint16_t>();
    case Type::u32:
    case Type::b32:
      return choose.template operator()<uint32_t>();
    case Type::u64:
    case Type::b64:
      return choose.template operator()<uint64_t>();
    case Type::s16:
      return choose.template operator()<int16_t>();
    case Type::s32:
      return choose.template operator()<int32_t>();
    case Type::s64:
      return choose.template operator()<int64_t>();
    default:
      throw NotImplemented{"no such integer type here"};
  }
}
template <class F>
Handler for_bits(Type t, F choose) {
  switch (bytes_of(t)) {
    case 2:
      return choose.template operator()<uint16_t>();
    case 4:
      return choose.template operator()<uint32_t>();
    case 8:
      return choose.template operator()<uint64_t>();
    default:
      throw NotImplemented{"no such type here"};
  }
}

// Emits dst, a(, b(, c)) all of one type.
inline Instr& emit_uniform(Decoder& d, Handler h, Type t, unsigned sources) {
  uint32_t s[3] = {kNoSlot, kNoSlot, kNoSlot};
  for (unsigned i = 0; i < sources; ++i) s[i] = d.source(i + 1, t);
  const uint32_t dst = d.dest(0, t);
  Instr& in = d.emit(h);
  in.dst = dst;
  in.a = s[0], in.b = s[1], in.c = s[2];
  return in;
}

}  // namespace cuemu
