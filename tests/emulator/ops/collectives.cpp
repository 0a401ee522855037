// SPDX-License-Identifier: MIT
// Exchange between the lanes of a warp: shfl, vote, match, redux, elect, activemask.
#include <algorithm>

#include "synchronise.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

enum class Shuffle : uint32_t { up, down, bfly, idx };

// a: value, b: lane or distance, c: clamp and segment mask, d: member mask; list[0]: the predicate.
void shuffle(Warp& w, const Instr& in, uint32_t mask) {
  with_named_lanes(w, in, mask, in.d, [&](uint32_t members) {
    const uint32_t *a = w.lanes<uint32_t>(in.a), *b = w.lanes<uint32_t>(in.b),
                   *c = w.lanes<uint32_t>(in.c);
    uint32_t result[32] = {}, valid = 0;
    each_lane(members, [&](unsigned l) {
      const int lane = static_cast<int>(l), distance = static_cast<int>(b[l] & 31);
      const int clamp = static_cast<int>(c[l] & 31), segment = static_cast<int>(c[l] >> 8 & 31);
      const int highest = (lane & segment) | (clamp & ~segment), lowest = lane & segment;
      int from = lane;
      bool inside = false;
      switch (static_cast<Shuffle>(in.extra)) {
        case Shuffle::up:
          from = lane - distance;
          inside = from >= highest;
          break;
        case Shuffle::down:
          from = lane + distance;
          inside = from <= highest;
          break;
        case Shuffle::bfly:
          from = lane ^ distance;
          inside = from <= highest;
          break;
        case Shuffle::idx:
          from = lowest | (distance & ~segment);
          inside = from <= highest;
          break;
      }
      result[l] = a[inside ? from : lane];
      valid |= static_cast<uint32_t>(inside) << l;
    });
    uint32_t* d = w.lanes<uint32_t>(in.dst);
    each_lane(members, [&](unsigned l) { d[l] = result[l]; });
    uint32_t& p = w.predicate(in.list[0]);
    p = (p & ~members) | (valid & members);
  });
}

void decode_shuffle(Decoder& d) {
  if (!d.has("sync")) throw NotImplemented{"shfl without .sync"};
  const Shuffle mode = d.has("up")     ? Shuffle::up
                       : d.has("down") ? Shuffle::down
                       : d.has("bfly") ? Shuffle::bfly
                                       : Shuffle::idx;
  const uint32_t a = d.source(1, Type::b32), b = d.source(2, Type::b32), c = d.source(3, Type::b32);
  const uint32_t named = d.source(4, Type::b32);
  const uint32_t* list = d.list({d.second_dest(d.operand(0))});
  const uint32_t dst = d.dest(0, Type::b32);
  Instr& in = d.emit(&shuffle);
  in.control = true;
  in.dst = dst, in.a = a, in.b = b, in.c = c, in.d = named;
  in.list = list;
  in.extra = static_cast<uint32_t>(mode);
}

enum class Vote : uint32_t { all, any, uni, ballot };

void vote(Warp& w, const Instr& in, uint32_t mask) {
  with_named_lanes(w, in, mask, in.b, [&](uint32_t members) {
    const uint32_t yes = w.predicate(in.a) & members;
    if (static_cast<Vote>(in.extra) == Vote::ballot) {
      uint32_t* d = w.lanes<uint32_t>(in.dst);
      each_lane(members, [&](unsigned l) { d[l] = yes; });
      return;
    }
    bool result = false;
    switch (static_cast<Vote>(in.extra)) {
      case Vote::all:
        result = yes == members;
        break;
      case Vote::any:
        result = yes != 0;
        break;
      default:
        result = yes == 0 || yes == members;
        break;
    }
    uint32_t& p = w.predicate(in.dst);
    p = (p & ~members) | (result ? members : 0);
  });
}

void decode_vote(Decoder& d) {
  if (!d.has("sync")) throw NotImplemented{"vote without .sync"};
  const Vote mode = d.has("all")   ? Vote::all
                    : d.has("any") ? Vote::any
                    : d.has("uni") ? Vote::uni
                                   : Vote::ballot;
  const uint32_t a = d.predicate_source(d.operand(1)), named = d.source(2, Type::b32);
  const uint32_t dst = mode == Vote::ballot ? d.dest(0, Type::b32) : d.predicate_dest(d.operand(0));
  Instr& in = d.emit(&vote);
  in.control = true;
  in.dst = dst, in.a = a, in.b = named;
  in.extra = static_cast<uint32_t>(mode);
}

template <class T, bool kAll>
void match(Warp& w, const Instr& in, uint32_t mask) {
  with_named_lanes(w, in, mask, in.b, [&](uint32_t members) {
    const T* a = w.lanes<T>(in.a);
    uint32_t result[32] = {};
    each_lane(members, [&](unsigned l) {
      each_lane(members,
                [&](unsigned m) { result[l] |= static_cast<uint32_t>(a[l] == a[m]) << m; });
    });
    const bool same = result[first_lane(members)] == members;
    uint32_t* d = w.lanes<uint32_t>(in.dst);
    each_lane(members, [&](unsigned l) { d[l] = !kAll ? result[l] : same ? members : 0; });
    if (kAll) {
      uint32_t& p = w.predicate(in.list[0]);
      p = (p & ~members) | (same ? members : 0);
    }
  });
}

void decode_match(Decoder& d) {
  const Type t = d.type();
  const bool all = d.has("all"), wide = bytes_of(t) == 8;
  const uint32_t a = d.source(1, t), named = d.source(2, Type::b32);
  const uint32_t* list = d.list({d.second_dest(d.operand(0))});
  const uint32_t dst = d.dest(0, Type::b32);
  Instr& in = d.emit(wide ? (all ? &match<uint64_t, true> : &match<uint64_t, false>)
                          : (all ? &match<uint32_t, true> : &match<uint32_t, false>));
  in.control = true;
  in.dst = dst, in.a = a, in.b = named;
  in.list = list;
}

enum class Reduce : uint32_t { add, min, max, conjunction, disjunction, exclusive };

template <class T>
void reduce(Warp& w, const Instr& in, uint32_t mask) {
  with_named_lanes(w, in, mask, in.b, [&](uint32_t members) {
    const T* a = w.lanes<T>(in.a);
    T sum = a[first_lane(members)];
    each_lane(members & (members - 1), [&](unsigned l) {
      switch (static_cast<Reduce>(in.extra)) {
        case Reduce::add:
          sum = static_cast<T>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(a[l]));
          break;
        case Reduce::min:
          sum = std::min(sum, a[l]);
          break;
        case Reduce::max:
          sum = std::max(sum, a[l]);
          break;
        case Reduce::conjunction:
          sum &= a[l];
          break;
        case Reduce::disjunction:
          sum |= a[l];
          break;
        case Reduce::exclusive:
          sum ^= a[l];
          break;
      }
    });
    T* d = w.lanes<T>(in.dst);
    each_lane(members, [&](unsigned l) { d[l] = sum; });
  });
}

void decode_redux(Decoder& d) {
  const Type t = d.type();
  if (is_float(t)) throw NotImplemented{"redux of floating-point numbers"};
  static constexpr std::pair<std::string_view, Reduce> names[] = {
      {"add", Reduce::add},         {"min", Reduce::min},        {"max", Reduce::max},
      {"and", Reduce::conjunction}, {"or", Reduce::disjunction}, {"xor", Reduce::exclusive}};
  Reduce how = Reduce::add;
  for (const auto& [name, r] : names)
    if (d.has(name)) how = r;
  const uint32_t a = d.source(1, t), named = d.source(2, Type::b32), dst = d.dest(0, t);
  Instr& in = d.emit(t == Type::s32 ? &reduce<int32_t> : &reduce<uint32_t>);
  in.control = true;
  in.dst = dst, in.a = a, in.b = named;
  in.extra = static_cast<uint32_t>(how);
}

// The first of the named lanes is elected; d tells its number, p which lane it is.
void elect(Warp& w, const Instr& in, uint32_t mask) {
  with_named_lanes(w, in, mask, in.a, [&](uint32_t members) {
    const unsigned leader = first_lane(members);
    uint32_t* d = w.lanes<uint32_t>(in.dst);
    each_lane(members, [&](unsigned l) { d[l] = leader; });
    uint32_t& p = w.predicate(in.list[0]);
    p = (p & ~members) | 1u << leader;
  });
}

void decode_elect(Decoder& d) {
  const uint32_t named = d.source(1, Type::b32);
  const uint32_t* list = d.list({d.second_dest(d.operand(0))});
  const uint32_t dst = d.dest(0, Type::b32);
  Instr& in = d.emit(&elect);
  in.control = true;
  in.dst = dst, in.a = named;
  in.list = list;
}

void active_mask(Warp& w, const Instr& in, uint32_t mask) {
  map_lanes(w, mask, w.lanes<uint32_t>(in.dst), [=](uint32_t) { return mask; });
}

void decode_active_mask(Decoder& d) {
  const uint32_t dst = d.dest(0, Type::b32);
  d.emit(&active_mask).dst = dst;
}

}  // namespace

std::span<const OpcodeEntry> collective_opcodes() {
  static constexpr OpcodeEntry table[] = {
      {"shfl", decode_shuffle}, {"vote", decode_vote},   {"match", decode_match},
      {"redux", decode_redux},  {"elect", decode_elect}, {"activemask", decode_active_mask}};
  return table;
}

}  // namespace cuemu
