// SPDX-License-Identifier: MIT
// atom and red, on global and shared memory.
#include <algorithm>

#include "../isa/address.hpp"
#include "../sim/access.hpp"
#include "../sim/checks.hpp"
#include "../sim/cluster.hpp"
#include "../sim/fault.hpp"
#include "../sim/previous_grid.hpp"
#include "atomic_values.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

template <class T>
void apply(Warp& w, const Instr& in, unsigned lane, void* address, bool shared) {
  const auto action = static_cast<Action>(in.extra & 0xFF);
  const T b = w.lanes<T>(in.b)[lane];
  const T c = in.c == kNoSlot ? b : w.lanes<T>(in.c)[lane];
  const bool flushes = std::is_same_v<T, float> && action == Action::add && !shared;
  const T old = exchange_with(action, flushes, address, b, c);
  if (in.dst != kNoSlot) w.lanes<T>(in.dst)[lane] = old;
}

constexpr uint32_t kSharedSpace = 0x100, kGenericSpace = 0x200, kWideAddress = 0x400,
                   kClusterSpace = 0x800;

// Of lanes whose addresses are in the shared memory of other CTAs of the cluster. Returns these.
template <class T>
uint32_t apply_elsewhere(Warp& w, const Instr& in, uint32_t mask, const uint64_t* address) {
  uint32_t elsewhere = 0;
  each_lane(mask, [&](unsigned l) {
    if (address[l] > 0xFFFFFFFF || address[l] >> kClusterRankShift == 0) return;
    const SharedPlace place = shared_place(w, in, l, address[l]);
    elsewhere |= 1u << l;
    alignas(64) uint32_t offset[32];
    std::fill_n(offset, 32, place.offset);
    check_shared(w, in, 1u << l, offset, sizeof(T), "atomic operation");
    expect_no_mbarrier(w, in, 1u << l, *place.cta, offset, sizeof(T));
    if (place.cta->checks != nullptr) place.cta->checks->atomic(w, in, 1u << l, offset, sizeof(T));
    apply<T>(w, in, l, place.cta->shared + place.offset, true);
  });
  if (elsewhere != 0) ++w.counters->cluster_accesses;
  return elsewhere;
}

template <class T>
void atomic_handler(Warp& w, const Instr& in, uint32_t mask) {
  ++w.counters->atomic_instructions;
  alignas(64) uint64_t address[32];
  for (uint32_t l = 0; l < 32; ++l) {
    const uint64_t base = in.a == kNoSlot                  ? 0
                          : (in.extra & kWideAddress) != 0 ? w.lanes<uint64_t>(in.a)[l]
                                                           : w.lanes<uint32_t>(in.a)[l];
    address[l] = base + static_cast<uint64_t>(in.imm);
  }
  uint32_t shared = (in.extra & (kSharedSpace | kClusterSpace)) != 0 ? mask : 0;
  if ((in.extra & kGenericSpace) != 0) {
    for (uint32_t l = 0; l < 32; ++l)
      if (address[l] >> kWindowShift == kSharedWindow >> kWindowShift) {
        shared |= mask & (1u << l);
        address[l] &= kWindowOffset;
      }
  }
  uint32_t elsewhere = 0;
  if ((in.extra & (kClusterSpace | kGenericSpace)) != 0)
    elsewhere = apply_elsewhere<T>(w, in, shared, address);
  shared &= ~elsewhere;
  if (shared != 0) {
    alignas(64) uint32_t offset[32];
    for (uint32_t l = 0; l < 32; ++l)
      offset[l] = address[l] > 0xFFFFFFFF ? 0xFFFFFFFF : static_cast<uint32_t>(address[l]);
    fill_inactive(offset, shared);
    check_shared(w, in, shared, offset, sizeof(T), "atomic operation");
    expect_no_mbarrier(w, in, shared, *w.cta, offset, sizeof(T));
    if (w.cta->checks != nullptr) w.cta->checks->atomic(w, in, shared, offset, sizeof(T));
    each_lane(shared, [&](unsigned l) { apply<T>(w, in, l, w.cta->shared + offset[l], true); });
  }
  const uint32_t global = mask & ~(shared | elsewhere);
  if (global != 0) {
    fill_inactive(address, global);
    check_global(w, in, global, address, sizeof(T), "atomic operation");
    check_early_access(w, in, global, true, address, sizeof(T));
    each_lane(global,
              [&](unsigned l) { apply<T>(w, in, l, reinterpret_cast<void*>(address[l]), false); });
  }
}

Handler handler_for(Type t) {
  switch (t) {
    case Type::b16:
    case Type::u16:
      return &atomic_handler<uint16_t>;
    case Type::u32:
    case Type::b32:
      return &atomic_handler<uint32_t>;
    case Type::s32:
      return &atomic_handler<int32_t>;
    case Type::u64:
    case Type::b64:
      return &atomic_handler<uint64_t>;
    case Type::s64:
      return &atomic_handler<int64_t>;
    case Type::f32:
      return &atomic_handler<float>;
    case Type::f64:
      return &atomic_handler<double>;
    case Type::f16:
      return &atomic_handler<HalfValue<Fp16, uint16_t>>;
    case Type::f16x2:
      return &atomic_handler<HalfValue<Fp16, uint32_t>>;
    case Type::bf16:
      return &atomic_handler<HalfValue<Bf16, uint16_t>>;
    case Type::bf16x2:
      return &atomic_handler<HalfValue<Bf16, uint32_t>>;
    default:
      throw NotImplemented{"an atomic operation on this type"};
  }
}

void decode_atomic(Decoder& d) {
  const Type t = d.type();
  const bool reduction = d.base() == "red";
  const unsigned first = reduction ? 0 : 1;
  const Operand& at = d.operand(first);
  const Action action = action_of(d);
  if (at.kind != Operand::Kind::address || d.has("async") ||
      d.operand(first + 1).kind == Operand::Kind::vector)
    throw NotImplemented{"this form of atomic operation"};
  uint32_t flags = static_cast<uint32_t>(action);
  if (d.has("shared") || d.has("shared::cta"))
    flags |= kSharedSpace;
  else if (d.has("shared::cluster"))
    flags |= kClusterSpace;
  else if (!d.has("global"))
    flags |= kGenericSpace;
  uint32_t base = kNoSlot;
  if (at.has_base) {
    const bool wide = d.register_bytes(at.reg) == 8;
    Operand o;
    o.kind = Operand::Kind::reg;
    o.reg = at.reg;
    base = d.source(o, wide ? Type::u64 : Type::u32);
    if (wide) flags |= kWideAddress;
  }
  const uint32_t b = d.source(first + 1, t);
  const uint32_t c = action == Action::cas ? d.source(first + 2, t) : kNoSlot;
  const uint32_t dst =
      reduction || d.operand(0).kind == Operand::Kind::sink ? kNoSlot : d.dest(0, t);
  const uint64_t displacement = at.has_base ? at.bits : d.symbol_address(at);
  const uint32_t site = d.next_site();
  d.touches_shared(bytes_of(t));
  Instr& in = d.emit(handler_for(t));
  in.dst = dst, in.a = base, in.b = b, in.c = c;
  in.imm = static_cast<int64_t>(displacement);
  in.extra = flags;
  in.site = site;
}

}  // namespace

std::span<const OpcodeEntry> atomic_opcodes() {
  static constexpr OpcodeEntry table[] = {{"atom", decode_atomic}, {"red", decode_atomic}};
  return table;
}

}  // namespace cuemu
