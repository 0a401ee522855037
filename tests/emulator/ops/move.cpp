// SPDX-License-Identifier: MIT
// mov in all its forms, cvta, isspacep, and reads of clocks.
#include <chrono>
#include <cstring>

#include "../isa/address.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

template <class T>
void copy(Warp& w, const Instr& in, uint32_t mask) {
  const T* a = w.lanes<T>(in.a);
  map_lanes(w, mask, w.lanes<T>(in.dst), [=](uint32_t l) { return a[l]; });
}

Handler copy_handler(unsigned bytes) {
  switch (slot_bytes(bytes)) {
    case 2:
      return &copy<uint16_t>;
    case 4:
      return &copy<uint32_t>;
    case 8:
      return &copy<uint64_t>;
    default:
      throw NotImplemented{"mov of this width"};
  }
}

void copy_predicate(Warp& w, const Instr& in, uint32_t mask) {
  uint32_t& p = w.predicate(in.dst);
  p = (p & ~mask) | (w.predicate(in.a) & mask);
}

// d = {a, b, ...}: parts of equal width, the first one lowest.
template <class Whole, class Part>
void pack(Warp& w, const Instr& in, uint32_t mask) {
  constexpr unsigned n = sizeof(Whole) / sizeof(Part);
  const Part* parts[n];
  for (unsigned i = 0; i < n; ++i) parts[i] = w.lanes<Part>(in.list[i]);
  map_lanes(w, mask, w.lanes<Whole>(in.dst), [&](uint32_t l) {
    Whole v = 0;
    for (unsigned i = 0; i < n; ++i)
      v |= static_cast<Whole>(Whole{parts[i][l]} << (8 * sizeof(Part) * i));
    return v;
  });
}

template <class Whole, class Part>
void unpack(Warp& w, const Instr& in, uint32_t mask) {
  const Whole* a = w.lanes<Whole>(in.a);
  for (unsigned i = 0; i < sizeof(Whole) / sizeof(Part); ++i)
    map_lanes(w, mask, w.lanes<Part>(in.list[i]),
              [=](uint32_t l) { return static_cast<Part>(a[l] >> (8 * sizeof(Part) * i)); });
}

// Bytes live in 16-bit slots.
void pack_bytes(Warp& w, const Instr& in, uint32_t mask) {
  map_lanes(w, mask, w.lanes<uint32_t>(in.dst), [&](uint32_t l) {
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; ++i) v |= (w.lanes<uint16_t>(in.list[i])[l] & 0xFFu) << (8 * i);
    return v;
  });
}
void unpack_bytes(Warp& w, const Instr& in, uint32_t mask) {
  const uint32_t* a = w.lanes<uint32_t>(in.a);
  for (unsigned i = 0; i < 4; ++i)
    map_lanes(w, mask, w.lanes<uint16_t>(in.list[i]),
              [=](uint32_t l) { return static_cast<uint16_t>(a[l] >> (8 * i) & 0xFF); });
}

Type bits_type(unsigned bytes) {
  switch (bytes) {
    case 1:
      return Type::b8;
    case 2:
      return Type::b16;
    case 4:
      return Type::b32;
    case 8:
      return Type::b64;
    default:
      throw NotImplemented{"a vector of this width"};
  }
}

void decode_vector_move(Decoder& d, Type t, bool packs) {
  const std::vector<Operand>& items = d.operand(packs ? 1 : 0).items;
  const unsigned whole = bytes_of(t), part = whole / static_cast<unsigned>(items.size());
  const Type part_type = bits_type(part);
  std::vector<uint32_t> parts;
  for (const Operand& o : items)
    parts.push_back(packs ? d.source(o, part_type) : d.dest(o, part_type));
  const uint32_t* list = d.list(std::move(parts));
  const uint32_t one = packs ? d.dest(0, t) : d.source(1, t);
  Handler h = nullptr;
  if (whole == 8 && part == 4) h = packs ? &pack<uint64_t, uint32_t> : &unpack<uint64_t, uint32_t>;
  if (whole == 8 && part == 2) h = packs ? &pack<uint64_t, uint16_t> : &unpack<uint64_t, uint16_t>;
  if (whole == 4 && part == 2) h = packs ? &pack<uint32_t, uint16_t> : &unpack<uint32_t, uint16_t>;
  if (whole == 4 && part == 1) h = packs ? &pack_bytes : &unpack_bytes;
  if (h == nullptr) throw NotImplemented{"mov of such a vector"};
  Instr& in = d.emit(h);
  (packs ? in.dst : in.a) = one;
  in.list = list;
}

void read_clock(Warp& w, const Instr& in, uint32_t mask) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto ns =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()) +
      w.worker->skipped_clocks;
  if (in.count == 8)
    map_lanes(w, mask, w.lanes<uint64_t>(in.dst), [=](uint32_t) { return ns; });
  else
    map_lanes(w, mask, w.lanes<uint32_t>(in.dst),
              [=](uint32_t) { return static_cast<uint32_t>(ns >> in.imm); });
}

bool is_clock(std::string_view name) {
  return name.starts_with("%clock") || name.starts_with("%globaltimer");
}

void decode_mov(Decoder& d) {
  const Type t = d.type();
  if (t == Type::pred) {
    const uint32_t a = d.predicate_source(d.operand(1)), dst = d.predicate_dest(d.operand(0));
    Instr& in = d.emit(&copy_predicate);
    in.dst = dst, in.a = a;
    return;
  }
  if (d.operand(1).kind == Operand::Kind::vector) return decode_vector_move(d, t, true);
  if (d.operand(0).kind == Operand::Kind::vector) return decode_vector_move(d, t, false);
  const Operand& from = d.operand(1);
  if (from.kind == Operand::Kind::special && is_clock(from.name)) {
    const uint32_t dst = d.dest(0, t);
    Instr& in = d.emit(&read_clock);
    in.dst = dst;
    in.count = static_cast<uint8_t>(bytes_of(t));
    in.imm = from.name.ends_with("_hi") ? 32 : 0;
    return;
  }
  const uint32_t a = d.source(1, t), dst = d.dest(0, t);
  Instr& in = d.emit(copy_handler(bytes_of(t)));
  in.dst = dst, in.a = a;
}

// --- Address spaces: only shared, local and parameter addresses differ from generic ones
// ---------------------------------

void add_window(Warp& w, const Instr& in, uint32_t mask) {
  const uint64_t* a = w.lanes<uint64_t>(in.a);
  const auto window = static_cast<uint64_t>(in.imm);
  map_lanes(w, mask, w.lanes<uint64_t>(in.dst), [=](uint32_t l) { return a[l] + window; });
}

uint64_t window_of(const Decoder& d) {
  if (d.has("shared") || d.has("shared::cta") || d.has("shared::cluster")) return kSharedWindow;
  if (d.has("local")) return kLocalWindow;
  return 0;  // parameter addresses carry their window everywhere
}

void decode_cvta(Decoder& d) {
  const Type t = d.type();
  if (t != Type::u64) throw NotImplemented{"32-bit generic addresses"};
  const uint64_t window = window_of(d);
  const uint32_t a = d.source(1, t), dst = d.dest(0, t);
  Instr& in = d.emit(window == 0 ? copy_handler(8) : &add_window);
  in.dst = dst, in.a = a;
  in.imm = static_cast<int64_t>(d.has("to") ? uint64_t{0} - window : window);
}

void is_space(Warp& w, const Instr& in, uint32_t mask) {
  const uint64_t* a = w.lanes<uint64_t>(in.a);
  const auto window = static_cast<uint64_t>(in.imm);
  map_predicate(w, mask, in.dst, [=](uint32_t l) { return a[l] >> kWindowShift == window; });
}

void decode_isspacep(Decoder& d) {
  const uint32_t a = d.source(1, Type::u64), p = d.predicate_dest(d.operand(0));
  const uint64_t window = d.has("param") || d.has("param::entry") ? kParamWindow : window_of(d);
  Instr& in = d.emit(&is_space);
  in.dst = p, in.a = a;
  in.imm = static_cast<int64_t>(window >> kWindowShift);
}

}  // namespace

std::span<const OpcodeEntry> move_opcodes() {
  static constexpr OpcodeEntry table[] = {
      {"mov", decode_mov}, {"cvta", decode_cvta}, {"isspacep", decode_isspacep}};
  return table;
}

}  // namespace cuemu
