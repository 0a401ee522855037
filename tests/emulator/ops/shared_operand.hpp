// SPDX-License-Identifier: MIT
// Operands that are addresses in shared memory, or in that of a cluster, one for each lane.
#pragma once

#include "../isa/address.hpp"
#include "../sim/cluster.hpp"
#include "decoder.hpp"

namespace cuemu {

// Where a register, if there is one, and a displacement lead. Fits two fields of an instruction.
struct SharedOperand {
  enum Form : uint32_t { narrow = 0, wide = 1, generic = 2 };

  uint32_t slot = kNoSlot;
  int32_t displacement = 0;
  uint32_t form = narrow;
};

// Of the i-th operand; without .shared, .shared::cta or .shared::cluster among the modifiers it is a generic address.
inline SharedOperand shared_operand(Decoder& d, size_t i) {
  const Operand& at = d.operand(i);
  if (at.kind != Operand::Kind::address) throw NotImplemented{"an address is expected"};
  SharedOperand o;
  o.displacement = static_cast<int32_t>(at.has_base ? at.bits : d.symbol_address(at));
  if (!at.has_base) return o;
  const bool is_wide = d.register_bytes(at.reg) == 8;
  const bool is_shared = d.has("shared") || d.has("shared::cta") || d.has("shared::cluster");
  Operand reg;
  reg.kind = Operand::Kind::reg;
  reg.reg = at.reg;
  o.slot = d.source(reg, is_wide ? Type::u64 : Type::u32);
  o.form = !is_wide    ? SharedOperand::narrow
           : is_shared ? SharedOperand::wide
                       : SharedOperand::generic;
  return o;
}

// The address of a lane, as shared_place takes it. What is not in shared memory is far outside it.
inline uint64_t shared_address(Warp& w, uint32_t lane, const SharedOperand& o) {
  if (o.slot == kNoSlot) return static_cast<uint32_t>(o.displacement);
  if (o.form == SharedOperand::narrow)
    return w.lanes<uint32_t>(o.slot)[lane] + static_cast<uint32_t>(o.displacement);
  const uint64_t address =
      w.lanes<uint64_t>(o.slot)[lane] + static_cast<uint64_t>(int64_t{o.displacement});
  if (o.form == SharedOperand::wide) return address;
  return address >> kWindowShift == kSharedWindow >> kWindowShift ? address & kWindowOffset
                                                                  : ~uint64_t{0};
}

}  // namespace cuemu
