// SPDX-License-Identifier: MIT
// atom and red, on global and shared memory.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "../isa/address.hpp"
#include "../sim/access.hpp"
#include "../sim/checks.hpp"
#include "../sim/fault.hpp"
#include "half.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

enum class Action : uint32_t {
  add,
  min,
  max,
  exch,
  cas,
  conjunction,
  disjunction,
  exclusive,
  inc,
  dec
};

// Values of the 16-bit floating types, alone or in pairs.
template <class Format, class Bits>
struct HalfValue {
  Bits bits;
};

template <class T>
T combine(Action action, T old, T b, T c) {
  if constexpr (std::is_floating_point_v<T>) {
    switch (action) {
      case Action::add:
        return old + b;
      case Action::min:
        return std::fmin(old, b);
      case Action::max:
        return std::fmax(old, b);
      default:
        return b;
    }
  } else {
    using U = std::make_unsigned_t<T>;
    switch (action) {
      case Action::add:
        return static_cast<T>(U(old) + U(b));
      case Action::min:
        return std::min(old, b);
      case Action::max:
        return std::max(old, b);
      case Action::exch:
        return b;
      case Action::cas:
        return old == b ? c : old;
      case Action::conjunction:
        return old & b;
      case Action::disjunction:
        return old | b;
      case Action::exclusive:
        return old ^ b;
      case Action::inc:
        return old >= b ? T{0} : static_cast<T>(old + 1);
      case Action::dec:
        return old == 0 || old > b ? b : static_cast<T>(old - 1);
    }
    return b;
  }
}

template <class Format, class Bits>
HalfValue<Format, Bits> combine(Action action, HalfValue<Format, Bits> old,
                                HalfValue<Format, Bits> b, HalfValue<Format, Bits>) {
  Bits result = 0;
  for (unsigned shift = 0; shift < sizeof(Bits) * 8; shift += 16) {
    const float x = Format::to_float(static_cast<uint16_t>(old.bits >> shift));
    const float y = Format::to_float(static_cast<uint16_t>(b.bits >> shift));
    const float r = action == Action::add   ? x + y
                    : action == Action::min ? std::fmin(x, y)
                                            : std::fmax(x, y);
    result |= static_cast<Bits>(Bits{Format::from_float(r)} << shift);
  }
  return {result};
}

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 2, uint16_t,
                                  std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;

// On global memory f32 additions flush subnormal numbers, as the manual says of GPUs.
float flush(float v) {
  return std::fabs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v;
}

template <class T>
T add_flushed(T old, T b) {
  if constexpr (std::is_same_v<T, float>) return flush(flush(old) + flush(b));
  return old;
}

// Other CTAs run on other host threads, so this is a true atomic operation of the host.
template <class T>
T exchange_with(Action action, bool flushes, void* address, T b, T c) {
  using Bits = BitsOf<T>;
  auto* place = static_cast<Bits*>(address);
  Bits old = __atomic_load_n(place, __ATOMIC_RELAXED);
  for (;;) {
    T value;
    std::memcpy(&value, &old, sizeof value);
    const T next = flushes ? add_flushed(value, b) : combine(action, value, b, c);
    Bits next_bits;
    std::memcpy(&next_bits, &next, sizeof next_bits);
    if (__atomic_compare_exchange_n(place, &old, next_bits, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED))
      return value;
  }
}

template <class T>
void apply(Warp& w, const Instr& in, unsigned lane, void* address, bool shared) {
  const auto action = static_cast<Action>(in.extra & 0xFF);
  const T b = w.lanes<T>(in.b)[lane];
  const T c = in.c == kNoSlot ? b : w.lanes<T>(in.c)[lane];
  const bool flushes = std::is_same_v<T, float> && action == Action::add && !shared;
  const T old = exchange_with(action, flushes, address, b, c);
  if (in.dst != kNoSlot) w.lanes<T>(in.dst)[lane] = old;
}

constexpr uint32_t kSharedSpace = 0x100, kGenericSpace = 0x200, kWideAddress = 0x400;

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
  uint32_t shared = (in.extra & kSharedSpace) != 0 ? mask : 0;
  if ((in.extra & kGenericSpace) != 0) {
    for (uint32_t l = 0; l < 32; ++l)
      if (address[l] >> kWindowShift == kSharedWindow >> kWindowShift) {
        shared |= mask & (1u << l);
        address[l] &= kWindowOffset;
      }
  }
  if (shared != 0) {
    alignas(64) uint32_t offset[32];
    for (uint32_t l = 0; l < 32; ++l)
      offset[l] = address[l] > 0xFFFFFFFF ? 0xFFFFFFFF : static_cast<uint32_t>(address[l]);
    fill_inactive(offset, shared);
    check_shared(w, in, shared, offset, sizeof(T), "atomic operation");
    if (w.cta->checks != nullptr) w.cta->checks->atomic(w, in, shared, offset, sizeof(T));
    each_lane(shared, [&](unsigned l) { apply<T>(w, in, l, w.cta->shared + offset[l], true); });
  }
  const uint32_t global = mask & ~shared;
  if (global != 0) {
    fill_inactive(address, global);
    check_global(w, in, global, address, sizeof(T), "atomic operation");
    each_lane(global,
              [&](unsigned l) { apply<T>(w, in, l, reinterpret_cast<void*>(address[l]), false); });
  }
}

Action action_of(const Decoder& d) {
  static constexpr std::pair<std::string_view, Action> names[] = {
      {"add", Action::add},        {"min", Action::min},       {"max", Action::max},
      {"exch", Action::exch},      {"cas", Action::cas},       {"and", Action::conjunction},
      {"or", Action::disjunction}, {"xor", Action::exclusive}, {"inc", Action::inc},
      {"dec", Action::dec}};
  for (const auto& [name, action] : names)
    if (d.has(name)) return action;
  throw NotImplemented{"unknown atomic operation"};
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
    throw NotImplemented{"clusters"};
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
