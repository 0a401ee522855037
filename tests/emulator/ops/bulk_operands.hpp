// SPDX-License-Identifier: MIT
// What bulk and tensor copies have in common: operands, and checks of what they point to.
#pragma once

#include <cstring>
#include <string_view>
#include <vector>

#include "../sim/bulk_copy.hpp"
#include "atomic_values.hpp"
#include "shared_operand.hpp"

namespace cuemu {

// The slots of an instruction's operands, as its list holds them.
struct BulkOperands {
  SharedOperand shared;       // the copy's destination or source there
  SharedOperand signal;       // the mbarrier
  uint32_t global = kNoSlot;  // 64 bits: an address in global memory, or of a tensor map
  int32_t displacement = 0;   // of that
  uint32_t size = kNoSlot;
  uint32_t ctas = kNoSlot;  // of a multicast, 16 bits
  uint32_t coordinates[5] = {kNoSlot, kNoSlot, kNoSlot, kNoSlot, kNoSlot};
  uint32_t offsets[3] = {kNoSlot, kNoSlot, kNoSlot};  // im2col, 16 bits each
};

inline void keep_operands(Decoder& d, Instr& in, const BulkOperands& o) {
  static_assert(sizeof o % sizeof(uint32_t) == 0);
  std::vector<uint32_t> words(sizeof o / sizeof(uint32_t));
  std::memcpy(words.data(), &o, sizeof o);
  in.list = d.list(std::move(words));
}
inline BulkOperands operands_of(const Instr& in) {
  BulkOperands o;
  std::memcpy(static_cast<void*>(&o), in.list, sizeof o);
  return o;
}

inline uint64_t global_address(Warp& w, uint32_t lane, const BulkOperands& o) {
  return w.lanes<uint64_t>(o.global)[lane] + static_cast<uint64_t>(int64_t{o.displacement});
}

// Of the i-th operand, whatever else stands in its brackets.
void read_global_operand(Decoder& d, size_t i, BulkOperands& o);

// Throws where the opcode has a modifier that is not in `known`, names between spaces, nor a type.
void expect_modifiers(const Decoder& d, std::string_view known);

// In the shared memory of the CTA `to`. `what`: "bulk copy" and the like.
void check_shared_range(const Warp& w, const Instr& in, uint32_t lane, const Cta& to,
                        uint32_t offset, uint32_t bytes, uint32_t alignment, const char* what);

// The place must be in the warp's own CTA, as .shared::cta says.
SharedPlace own_place(Warp& w, const Instr& in, uint32_t lane, const SharedOperand& o);

// Fills in where the copy of `bytes` goes, with its mbarrier, and checks both in each CTA that receives it.
void aim_at_shared(Warp& w, const Instr& in, uint32_t lane, const BulkOperands& o, uint32_t bytes,
                   uint32_t alignment, BulkCopy& copy, uint32_t& offset);

// The elements that a reduction of this kind may have; nullptr for all others (PTX ISA 9.0, 9.7.9.25.4.2, 9.7.9.25.5.3).
ReduceBytes reduction_of(Action action, Type element);

// cp.async.bulk.tensor, its prefetch, cp.reduce.async.bulk.tensor.
void decode_tensor_copy(Decoder& d);

}  // namespace cuemu
