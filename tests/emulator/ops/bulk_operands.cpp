// SPDX-License-Identifier: MIT
#include "bulk_operands.hpp"

#include "../sim/fault.hpp"

namespace cuemu {
namespace {

template <class T, Action kAction>
void reduce_elements(std::byte* to, const std::byte* from, size_t bytes) {
  constexpr bool kFlushes = std::is_same_v<T, float> && kAction == Action::add;
  for (size_t i = 0; i < bytes; i += sizeof(T)) {
    T value;
    std::memcpy(&value, from + i, sizeof value);
    exchange_with(kAction, kFlushes, to + i, value, value);
  }
}

using HalfBits = HalfValue<Fp16, uint16_t>;
using BrainBits = HalfValue<Bf16, uint16_t>;

ReduceBytes sum_of(Type t) {
  switch (t) {
    case Type::u32:
    case Type::s32:
      return &reduce_elements<uint32_t, Action::add>;
    case Type::u64:
      return &reduce_elements<uint64_t, Action::add>;
    case Type::f32:
      return &reduce_elements<float, Action::add>;
    case Type::f64:
      return &reduce_elements<double, Action::add>;
    case Type::f16:
      return &reduce_elements<HalfBits, Action::add>;
    case Type::bf16:
      return &reduce_elements<BrainBits, Action::add>;
    default:
      return nullptr;
  }
}

template <Action kAction>
ReduceBytes extreme_of(Type t) {
  switch (t) {
    case Type::u32:
      return &reduce_elements<uint32_t, kAction>;
    case Type::s32:
      return &reduce_elements<int32_t, kAction>;
    case Type::u64:
      return &reduce_elements<uint64_t, kAction>;
    case Type::s64:
      return &reduce_elements<int64_t, kAction>;
    case Type::f16:
      return &reduce_elements<HalfBits, kAction>;
    case Type::bf16:
      return &reduce_elements<BrainBits, kAction>;
    default:
      return nullptr;
  }
}

// Integers of a tensor map stand for bits.
template <Action kAction>
ReduceBytes bitwise_of(Type t) {
  if (!is_integer(t)) return nullptr;
  if (bytes_of(t) == 4) return &reduce_elements<uint32_t, kAction>;
  if (bytes_of(t) == 8) return &reduce_elements<uint64_t, kAction>;
  return nullptr;
}

}  // namespace

ReduceBytes reduction_of(Action action, Type element) {
  switch (action) {
    case Action::add:
      return sum_of(element);
    case Action::min:
      return extreme_of<Action::min>(element);
    case Action::max:
      return extreme_of<Action::max>(element);
    case Action::inc:
      return element == Type::u32 ? &reduce_elements<uint32_t, Action::inc> : nullptr;
    case Action::dec:
      return element == Type::u32 ? &reduce_elements<uint32_t, Action::dec> : nullptr;
    case Action::conjunction:
      return bitwise_of<Action::conjunction>(element);
    case Action::disjunction:
      return bitwise_of<Action::disjunction>(element);
    case Action::exclusive:
      return bitwise_of<Action::exclusive>(element);
    default:
      return nullptr;
  }
}

void read_global_operand(Decoder& d, size_t i, BulkOperands& o) {
  const Operand& at = d.operand(i);
  if (at.kind != Operand::Kind::address) throw NotImplemented{"an address is expected"};
  if (!at.has_base) {
    o.global = d.constant(d.symbol_address(at), 8);
    return;
  }
  Operand reg;
  reg.kind = Operand::Kind::reg;
  reg.reg = at.reg;
  o.global = d.source(reg, Type::u64);
  o.displacement = static_cast<int32_t>(at.bits);
}

void expect_modifiers(const Decoder& d, std::string_view known) {
  for (std::string_view m : d.modifiers()) {
    const std::string name = " " + std::string(m) + " ";
    if (known.find(name) == std::string_view::npos && parse_type(m) == Type::none)
      throw NotImplemented{"." + std::string(m) + " is not implemented here"};
  }
}

void check_shared_range(const Warp& w, const Instr& in, uint32_t lane, const Cta& to,
                        uint32_t offset, uint32_t bytes, uint32_t alignment, const char* what) {
  if (uint64_t{offset} + bytes > to.shared_bytes)
    raise_fault(w, in, "out-of-bounds", 1u << lane,
                format("%s of %u bytes at shared offset %u, the block has %u bytes", what, bytes,
                       offset, to.shared_bytes));
  if (offset % alignment != 0)
    raise_fault(w, in, "misaligned-access", 1u << lane,
                format("%s at shared offset %u, no multiple of %u", what, offset, alignment));
}

SharedPlace own_place(Warp& w, const Instr& in, uint32_t lane, const SharedOperand& o) {
  const SharedPlace place = shared_place(w, in, lane, shared_address(w, lane, o));
  if (place.cta != w.cta)
    raise_fault(w, in, "out-of-bounds", 1u << lane,
                format("an address in the shared memory of rank %u, where .shared::cta has only "
                       "the block's own",
                       place.cta->rank));
  return place;
}

void aim_at_shared(Warp& w, const Instr& in, uint32_t lane, const BulkOperands& o, uint32_t bytes,
                   uint32_t alignment, BulkCopy& copy, uint32_t& offset) {
  const SharedPlace to = shared_place(w, in, lane, shared_address(w, lane, o.shared));
  const SharedPlace barrier = shared_place(w, in, lane, shared_address(w, lane, o.signal));
  if (to.cta != barrier.cta)
    raise_fault(w, in, "barrier-misuse", 1u << lane,
                "the mbarrier is in another block than the destination");
  copy.ctas = 1u << to.cta->rank;
  if (o.ctas != kNoSlot) copy.ctas = w.lanes<uint16_t>(o.ctas)[lane];
  if (copy.ctas == 0)
    raise_fault(w, in, "unprobed", 1u << lane, "what a multicast to no block does");
  offset = to.offset;
  copy.barrier = barrier.offset;
  copy.counted_bytes = bytes;
  each_lane(copy.ctas, [&](unsigned rank) {
    Cta& cta = *shared_place(w, in, lane, map_to_rank(0, rank)).cta;
    check_shared_range(w, in, lane, cta, offset, bytes, alignment, "bulk copy");
    check_shared_range(w, in, lane, cta, barrier.offset, 8, 8, "mbarrier");
    mbarrier_at(w, in, lane, cta, barrier.offset);
    if (const Mbarrier* hit = cta.mbarriers.overlapping(offset, offset + bytes - 1))
      raise_fault(w, in, "barrier-misuse", 1u << lane,
                  "a bulk copy over an mbarrier: " + describe(*hit));
  });
}

}  // namespace cuemu
