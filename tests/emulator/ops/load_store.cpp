// SPDX-License-Identifier: MIT
// ld and st of every space, alone and in vectors.
#include <cstring>

#include "../isa/address.hpp"
#include "../sim/access.hpp"
#include "../sim/checks.hpp"
#include "../sim/cluster.hpp"
#include "../sim/fault.hpp"
#include "../sim/previous_grid.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

constexpr uint32_t kWideBase = 1, kNotCounted = 2;

template <class E>
using SlotOf = std::conditional_t<sizeof(E) == 1,
                                  std::conditional_t<std::is_signed_v<E>, int16_t, uint16_t>, E>;

std::byte* at(uint64_t address) {
  return reinterpret_cast<std::byte*>(address);
}
uint64_t number(const std::byte* p) {
  return reinterpret_cast<uint64_t>(p);
}

// --- Moving lanes between registers and memory; A: 32-bit offsets or 64-bit addresses
// ------------------------------------

template <class E, class A>
void read_lanes(Warp& w, const Instr& in, uint32_t mask, uint64_t base, const A* address) {
  using S = SlotOf<E>;
  if (in.count == 1) {
    S* d = w.lanes<S>(in.list[0]);
    if (sizeof(E) > 1 && mask == kAllLanes && is_contiguous(address, sizeof(E))) {
      std::memcpy(d, at(base + address[0]), 32 * sizeof(E));
      return;
    }
    each_lane(mask, [&](unsigned l) {
      E v;
      std::memcpy(&v, at(base + address[l]), sizeof v);
      d[l] = v;
    });
    return;
  }
  S* d[4];
  for (unsigned i = 0; i < in.count; ++i) d[i] = w.lanes<S>(in.list[i]);
  auto copy = [&]<unsigned kCount>() {
    each_lane(mask, [&](unsigned l) {
      E v[kCount];
      std::memcpy(v, at(base + address[l]), sizeof v);
      for (unsigned i = 0; i < kCount; ++i) d[i][l] = v[i];
    });
  };
  if (in.count == 2)
    copy.template operator()<2>();
  else
    copy.template operator()<4>();
}

template <class E, class A>
void write_lanes(Warp& w, const Instr& in, uint32_t mask, uint64_t base, const A* address) {
  using S = SlotOf<E>;
  if (in.count == 1) {
    const S* s = w.lanes<S>(in.list[0]);
    if (sizeof(E) > 1 && mask == kAllLanes && is_contiguous(address, sizeof(E))) {
      std::memcpy(at(base + address[0]), s, 32 * sizeof(E));
      return;
    }
    each_lane(mask, [&](unsigned l) {
      const E v = static_cast<E>(s[l]);
      std::memcpy(at(base + address[l]), &v, sizeof v);
    });
    return;
  }
  const S* s[4];
  for (unsigned i = 0; i < in.count; ++i) s[i] = w.lanes<S>(in.list[i]);
  auto copy = [&]<unsigned kCount>() {
    each_lane(mask, [&](unsigned l) {
      E v[kCount];
      for (unsigned i = 0; i < kCount; ++i) v[i] = static_cast<E>(s[i][l]);
      std::memcpy(at(base + address[l]), v, sizeof v);
    });
  };
  if (in.count == 2)
    copy.template operator()<2>();
  else
    copy.template operator()<4>();
}

// --- Spaces
// ------------------------------------------------------------------------------------------------------------------

template <class E, bool kStore>
void access_shared(Warp& w, const Instr& in, uint32_t mask, uint32_t* offset) {
  const unsigned bytes = sizeof(E) * in.count;
  fill_inactive(offset, mask);
  check_shared(w, in, mask, offset, bytes, kStore ? "store" : "load");
  count_shared(kStore ? w.counters->shared_store : w.counters->shared_load, mask, offset, bytes);
  if constexpr (kStore) expect_no_mbarrier(w, in, mask, *w.cta, offset, bytes);
  if (w.cta->checks != nullptr) [[unlikely]] {
    if (kStore)
      w.cta->checks->write(w, in, mask, offset, bytes);
    else
      w.cta->checks->read(w, in, mask, offset, bytes);
  }
  if constexpr (kStore)
    write_lanes<E>(w, in, mask, number(w.cta->shared), offset);
  else
    read_lanes<E>(w, in, mask, number(w.cta->shared), offset);
}

// Of any CTA of the cluster, by shared::cluster addresses.
template <class E, bool kStore>
void access_cluster(Warp& w, const Instr& in, uint32_t mask, const uint64_t* address) {
  const unsigned bytes = sizeof(E) * in.count;
  for (uint32_t rest = mask; rest != 0;) {
    const SharedPlace first = shared_place(w, in, first_lane(rest), address[first_lane(rest)]);
    alignas(64) uint32_t offset[32] = {};
    uint32_t same = 0;
    each_lane(rest, [&](unsigned l) {
      const SharedPlace place = shared_place(w, in, l, address[l]);
      if (place.cta != first.cta) return;
      offset[l] = place.offset;
      same |= 1u << l;
    });
    rest &= ~same;
    if (first.cta == w.cta) {
      access_shared<E, kStore>(w, in, same, offset);
      continue;
    }
    fill_inactive(offset, same);
    // All CTAs have the same amount.
    check_shared(w, in, same, offset, bytes, kStore ? "store" : "load");
    ++w.counters->cluster_accesses;
    if constexpr (kStore) {
      expect_no_mbarrier(w, in, same, *first.cta, offset, bytes);
      if (first.cta->checks != nullptr) first.cta->checks->write(w, in, same, offset, bytes);
      write_lanes<E>(w, in, same, number(first.cta->shared), offset);
    } else {
      if (first.cta->checks != nullptr) first.cta->checks->read(w, in, same, offset, bytes);
      read_lanes<E>(w, in, same, number(first.cta->shared), offset);
    }
  }
}

template <class E, bool kStore>
void access_global(Warp& w, const Instr& in, uint32_t mask, uint64_t* address) {
  const unsigned bytes = sizeof(E) * in.count;
  fill_inactive(address, mask);
  const Region* r = check_global(w, in, mask, address, bytes, kStore ? "store" : "load");
  check_early_access(w, in, mask, kStore, address, bytes);
  if ((in.extra & kNotCounted) == 0) count_global(*w.worker, kStore, r, mask, address, bytes);
  if (!kStore && w.cta->checks != nullptr) w.cta->checks->global_read(w, in, mask, address, bytes);
  if constexpr (kStore)
    write_lanes<E>(w, in, mask, 0, address);
  else
    read_lanes<E>(w, in, mask, 0, address);
}

template <class E, bool kStore>
void access_local(Warp& w, const Instr& in, uint32_t mask, uint64_t* offset) {
  const unsigned bytes = sizeof(E) * in.count;
  uint64_t place[32];
  each_lane(mask, [&](unsigned l) {
    if (offset[l] > w.local_stride || offset[l] + bytes > w.local_stride ||
        (offset[l] & (bytes - 1)) != 0)
      fault_local(w, in, l, offset[l], bytes, kStore ? "store" : "load");
    place[l] = uint64_t{l} * w.local_stride + offset[l];
  });
  fill_inactive(place, mask);
  if constexpr (kStore)
    write_lanes<E>(w, in, mask, number(w.local), place);
  else
    read_lanes<E>(w, in, mask, number(w.local), place);
}

template <class E>
void read_parameter(Warp& w, const Instr& in, uint32_t mask, uint64_t* offset) {
  const unsigned bytes = sizeof(E) * in.count;
  const uint32_t size = w.worker->program->parameter_bytes;
  each_lane(mask, [&](unsigned l) {
    if (offset[l] > size || offset[l] + bytes > size)
      raise_fault(w, in, "out-of-bounds", 1u << l,
                  format("parameter load of %u bytes at offset %llu, there are %u bytes", bytes,
                         static_cast<unsigned long long>(offset[l]), size));
  });
  fill_inactive(offset, mask);
  read_lanes<E>(w, in, mask, number(w.worker->parameters), offset);
}

// --- Handlers
// -----------------------------------------------------------------------------------------------------------------

template <class A>
void addresses(Warp& w, const Instr& in, A* address) {
  if (in.a == kNoSlot) {
    for (uint32_t l = 0; l < 32; ++l) address[l] = static_cast<A>(in.imm);
  } else if ((in.extra & kWideBase) != 0) {
    const uint64_t* a = w.lanes<uint64_t>(in.a);
    for (uint32_t l = 0; l < 32; ++l)
      address[l] = static_cast<A>(a[l] + static_cast<uint64_t>(in.imm));
  } else {
    const uint32_t* a = w.lanes<uint32_t>(in.a);
    for (uint32_t l = 0; l < 32; ++l)
      address[l] = static_cast<A>(a[l] + static_cast<uint32_t>(in.imm));
  }
}

template <class E, bool kStore>
void shared_handler(Warp& w, const Instr& in, uint32_t mask) {
  alignas(64) uint32_t offset[32];
  addresses(w, in, offset);
  access_shared<E, kStore>(w, in, mask, offset);
}

template <class E, bool kStore>
void cluster_handler(Warp& w, const Instr& in, uint32_t mask) {
  alignas(64) uint64_t address[32];
  addresses(w, in, address);
  access_cluster<E, kStore>(w, in, mask, address);
}

template <class E, bool kStore>
void global_handler(Warp& w, const Instr& in, uint32_t mask) {
  alignas(64) uint64_t address[32];
  addresses(w, in, address);
  access_global<E, kStore>(w, in, mask, address);
}

template <class E, bool kStore>
void local_handler(Warp& w, const Instr& in, uint32_t mask) {
  alignas(64) uint64_t offset[32];
  addresses(w, in, offset);
  access_local<E, kStore>(w, in, mask, offset);
}

// A parameter at a known place: the same for all lanes.
template <class E>
void parameter_handler(Warp& w, const Instr& in, uint32_t mask) {
  using S = SlotOf<E>;
  for (unsigned i = 0; i < in.count; ++i) {
    E v;
    std::memcpy(&v, w.worker->parameters + in.imm + i * sizeof(E), sizeof v);
    map_lanes(w, mask, w.lanes<S>(in.list[i]), [=](uint32_t) { return static_cast<S>(v); });
  }
}

template <class E, bool kStore>
void generic_handler(Warp& w, const Instr& in, uint32_t mask) {
  alignas(64) uint64_t address[32];
  addresses(w, in, address);
  for (uint32_t rest = mask; rest != 0;) {
    const uint64_t window = address[first_lane(rest)] >> kWindowShift;
    uint32_t same = 0;
    for (uint32_t l = 0; l < 32; ++l)
      same |= static_cast<uint32_t>(address[l] >> kWindowShift == window) << l;
    same &= rest;
    rest &= ~same;
    alignas(64) uint64_t place[32];
    alignas(64) uint32_t offset[32];
    for (uint32_t l = 0; l < 32; ++l) {
      place[l] = window >= 1 && window <= 3 ? address[l] & kWindowOffset : address[l];
      // What does not fit 32 bits is far outside shared memory, and must stay so.
      offset[l] = place[l] > 0xFFFFFFFF ? 0xFFFFFFFF : static_cast<uint32_t>(place[l]);
    }
    if (window == kSharedWindow >> kWindowShift) {
      uint32_t elsewhere = 0;  // lanes that name a CTA of the cluster
      each_lane(same, [&](unsigned l) {
        elsewhere |=
            static_cast<uint32_t>(offset[l] != 0xFFFFFFFF && offset[l] >> kClusterRankShift != 0)
            << l;
      });
      if (same != elsewhere) access_shared<E, kStore>(w, in, same & ~elsewhere, offset);
      if (elsewhere != 0) access_cluster<E, kStore>(w, in, elsewhere, place);
    } else if (window == kLocalWindow >> kWindowShift) {
      access_local<E, kStore>(w, in, same, place);
    } else if (window == kParamWindow >> kWindowShift) {
      if constexpr (kStore)
        raise_fault(w, in, "out-of-bounds", same, "store to kernel parameters");
      else
        read_parameter<E>(w, in, same, place);
    } else {
      access_global<E, kStore>(w, in, same, place);
    }
  }
}

// --- Decoding
// -----------------------------------------------------------------------------------------------------------------

Space space_of(const Decoder& d) {
  for (std::string_view m : d.modifiers()) {
    if (m == "global") return Space::global;
    if (m == "shared" || m == "shared::cta") return Space::shared;
    if (m == "shared::cluster") return Space::shared_cluster;
    if (m == "local") return Space::local;
    if (m == "const") return Space::constant;
    if (m.starts_with("param")) return Space::param;
  }
  return Space::generic;
}

template <bool kStore, class E>
Handler handler_in(Space space, bool known_parameter) {
  if constexpr (!kStore)
    if (known_parameter) return &parameter_handler<E>;
  switch (space) {
    case Space::shared:
    case Space::dynamic_shared:
      return &shared_handler<E, kStore>;
    case Space::shared_cluster:
      return &cluster_handler<E, kStore>;
    case Space::local:
      return &local_handler<E, kStore>;
    case Space::global:
    case Space::constant:
      return &global_handler<E, kStore>;
    default:
      return &generic_handler<E, kStore>;
  }
}

template <bool kStore>
Handler handler_for(Type t, Space space, bool known_parameter) {
  switch (bytes_of(t)) {
    case 1:
      if (t == Type::s8 && !kStore) return handler_in<kStore, int8_t>(space, known_parameter);
      return handler_in<kStore, uint8_t>(space, known_parameter);
    case 2:
      return handler_in<kStore, uint16_t>(space, known_parameter);
    case 4:
      return handler_in<kStore, uint32_t>(space, known_parameter);
    case 8:
      return handler_in<kStore, uint64_t>(space, known_parameter);
    default:
      throw NotImplemented{"a memory access of this type"};
  }
}

template <bool kStore>
void decode_access(Decoder& d) {
  if (kStore && d.has("async")) return decode_async_store(d);
  const Type t = d.type();
  Space space = space_of(d);
  const Operand& at = d.operand(kStore ? 0 : 1);
  const Operand& value = d.operand(kStore ? 1 : 0);
  if (at.kind != Operand::Kind::address) throw NotImplemented{"an address is expected"};
  // Parameters of device functions, and of calls, live in local memory.
  if (space == Space::param && (at.has_base ? !d.in_entry() : at.space == Space::local))
    space = Space::local;
  const bool known_parameter = space == Space::param && !at.has_base;
  if (known_parameter && kStore) throw NotImplemented{"store to a kernel parameter"};
  std::vector<uint32_t> slots;
  auto add = [&](const Operand& o) { slots.push_back(kStore ? d.source(o, t) : d.dest(o, t)); };
  if (value.kind == Operand::Kind::vector)
    for (const Operand& o : value.items) add(o);
  else
    add(value);
  if (slots.size() != 1 && slots.size() != 2 && slots.size() != 4)
    throw NotImplemented{"a vector of this length"};
  uint32_t flags = space == Space::constant ? kNotCounted : 0;
  uint32_t base = kNoSlot;
  if (at.has_base) {
    const bool wide = d.register_bytes(at.reg) == 8;
    Operand o;
    o.kind = Operand::Kind::reg;
    o.reg = at.reg;
    base = d.source(o, wide ? Type::u64 : Type::u32);
    flags |= wide ? kWideBase : 0u;
  }
  const auto count = static_cast<uint8_t>(slots.size());
  const uint32_t* list = d.list(std::move(slots));
  uint64_t displacement = at.has_base ? at.bits : d.symbol_address(at);
  if (known_parameter) {
    displacement &= kWindowOffset;
    if (displacement + count * bytes_of(t) > d.flat().parameter_bytes)
      throw NotImplemented{"outside the parameters"};
  }
  const uint32_t site = d.next_site();
  if (space == Space::shared || space == Space::shared_cluster || space == Space::generic)
    d.touches_shared(count * bytes_of(t));
  Instr& in = d.emit(handler_for<kStore>(t, space, known_parameter));
  in.a = base;
  in.imm = static_cast<int64_t>(displacement);
  in.list = list;
  in.count = count;
  in.extra = flags;
  in.site = site;
}

}  // namespace

std::span<const OpcodeEntry> memory_opcodes() {
  static constexpr OpcodeEntry table[] = {
      {"ld", decode_access<false>}, {"ldu", decode_access<false>}, {"st", decode_access<true>}};
  return table;
}

}  // namespace cuemu
