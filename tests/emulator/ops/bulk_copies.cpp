// SPDX-License-Identifier: MIT
// cp.async.bulk and cp.reduce.async.bulk, without a tensor, and the waits for bulk copies (PTX ISA 9.0, 9.7.9.25.4).
#include "../sim/access.hpp"
#include "../sim/fault.hpp"
#include "bulk_operands.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

constexpr uint32_t kBulkUnit = 16;  // of addresses and sizes

uint32_t bulk_size(Warp& w, const Instr& in, uint32_t lane, const BulkOperands& o) {
  const uint32_t bytes = w.lanes<uint32_t>(o.size)[lane];
  if (bytes % kBulkUnit != 0)
    raise_fault(w, in, "misaligned-access", 1u << lane,
                format("a bulk copy of %u bytes, no multiple of %u", bytes, kBulkUnit));
  if (bytes == 0) raise_fault(w, in, "unprobed", 1u << lane, "a bulk copy of no bytes");
  return bytes;
}

uint64_t checked_global(Warp& w, const Instr& in, uint32_t lane, const BulkOperands& o,
                        uint32_t bytes) {
  const uint64_t address = global_address(w, lane, o);
  check_global_range(w, in, lane, address, bytes, "bulk copy");
  if (address % kBulkUnit != 0)
    raise_fault(w, in, "misaligned-access", 1u << lane,
                format("a bulk copy at 0x%llx, no multiple of %u",
                       static_cast<unsigned long long>(address), kBulkUnit));
  return address;
}

BulkCopy begin_copy(const Instr& in, uint32_t lane, BulkCopy::Direction direction) {
  BulkCopy copy;
  copy.direction = direction;
  copy.in = &in;
  copy.lane = lane;
  return copy;
}

void load_bulk(Warp& w, const Instr& in, uint32_t mask) {
  const BulkOperands o = operands_of(in);
  each_lane(mask, [&](unsigned l) {
    BulkCopy copy = begin_copy(in, l, BulkCopy::Direction::to_shared);
    const uint32_t bytes = bulk_size(w, in, l, o);
    const uint64_t from = checked_global(w, in, l, o, bytes);
    uint32_t to = 0;
    aim_at_shared(w, in, l, o, bytes, kBulkUnit, copy, to);
    copy.pieces = {{from, to, bytes}};
    issue_bulk_copy(w, std::move(copy));
  });
}

// extra: 0, or the Action and the Type of a reduction.
void store_bulk(Warp& w, const Instr& in, uint32_t mask) {
  const BulkOperands o = operands_of(in);
  each_lane(mask, [&](unsigned l) {
    BulkCopy copy = begin_copy(in, l, BulkCopy::Direction::to_global);
    const uint32_t bytes = bulk_size(w, in, l, o);
    const SharedPlace from = own_place(w, in, l, o.shared);
    check_shared_range(w, in, l, *from.cta, from.offset, bytes, kBulkUnit, "bulk copy");
    copy.pieces = {{checked_global(w, in, l, o, bytes), from.offset, bytes}};
    if (in.extra != 0)
      copy.reduce = reduction_of(static_cast<Action>(in.extra >> 8 & 0xFF),
                                 static_cast<Type>(in.extra & 0xFF));
    issue_bulk_copy(w, std::move(copy));
  });
}

// d, imm: the source in the own CTA: slot, and displacement with form.
void copy_to_cluster(Warp& w, const Instr& in, uint32_t mask) {
  const BulkOperands o = operands_of(in);
  const SharedOperand source{in.d, static_cast<int32_t>(in.imm), in.extra};
  each_lane(mask, [&](unsigned l) {
    BulkCopy copy = begin_copy(in, l, BulkCopy::Direction::to_cluster);
    const uint32_t bytes = bulk_size(w, in, l, o);
    const SharedPlace from = own_place(w, in, l, source);
    check_shared_range(w, in, l, *from.cta, from.offset, bytes, kBulkUnit, "bulk copy");
    uint32_t to = 0;
    aim_at_shared(w, in, l, o, bytes, kBulkUnit, copy, to);
    copy.source = from.offset;
    copy.pieces = {{0, to, bytes}};
    issue_bulk_copy(w, std::move(copy));
  });
}

void prefetch_bulk(Warp& w, const Instr& in, uint32_t mask) {
  const BulkOperands o = operands_of(in);
  each_lane(mask, [&](unsigned l) { checked_global(w, in, l, o, bulk_size(w, in, l, o)); });
}

void commit_bulk(Warp& w, const Instr&, uint32_t mask) {
  commit_bulk_group(w, mask);
}

// extra: groups that may be pending; count: 1 with .read.
void wait_bulk(Warp& w, const Instr& in, uint32_t mask) {
  wait_bulk_group(w, in, mask, in.extra, in.count != 0);
}

void decode_wait_bulk(Decoder& d) {
  expect_modifiers(d, " async bulk wait_group read ");
  const auto pending = static_cast<uint32_t>(d.immediate(0));
  Instr& in = d.emit(&wait_bulk);
  in.extra = pending;
  in.count = d.has("read") ? 1 : 0;
}

void decode_prefetch_bulk(Decoder& d) {
  expect_modifiers(d, " async bulk prefetch L2 global L2::cache_hint ");
  BulkOperands o;
  read_global_operand(d, 0, o);
  o.size = d.source(1, Type::u32);
  const uint32_t site = d.next_site();
  Instr& in = d.emit(&prefetch_bulk);
  in.site = site;
  keep_operands(d, in, o);
}

void decode_load_bulk(Decoder& d) {
  expect_modifiers(d,
                   " async bulk shared::cta shared::cluster global mbarrier::complete_tx::bytes "
                   "multicast::cluster L2::cache_hint ");
  BulkOperands o;
  o.shared = shared_operand(d, 0);
  read_global_operand(d, 1, o);
  o.size = d.source(2, Type::u32);
  o.signal = shared_operand(d, 3);
  if (d.has("multicast::cluster")) o.ctas = d.source(4, Type::u16);
  const uint32_t site = d.next_site();
  d.touches_shared(kBulkUnit);
  Instr& in = d.emit(&load_bulk);
  in.site = site;
  keep_operands(d, in, o);
}

void decode_store_bulk(Decoder& d) {
  expect_modifiers(d,
                   " async bulk reduce global shared::cta bulk_group L2::cache_hint add min max "
                   "inc dec and or xor noftz ");
  uint32_t reduction = 0;
  if (d.has("reduce")) {
    const Action action = action_of(d);
    if (reduction_of(action, d.type()) == nullptr)
      throw NotImplemented{"a bulk reduction of this type"};
    reduction = 1u << 16 | static_cast<uint32_t>(action) << 8 | static_cast<uint32_t>(d.type());
  }
  BulkOperands o;
  read_global_operand(d, 0, o);
  o.shared = shared_operand(d, 1);
  o.size = d.source(2, Type::u32);
  const uint32_t site = d.next_site();
  d.touches_shared(kBulkUnit);
  Instr& in = d.emit(&store_bulk);
  in.site = site;
  in.extra = reduction;
  keep_operands(d, in, o);
}

void decode_copy_to_cluster(Decoder& d) {
  expect_modifiers(d, " async bulk shared::cluster shared::cta mbarrier::complete_tx::bytes ");
  BulkOperands o;
  o.shared = shared_operand(d, 0);
  const SharedOperand source = shared_operand(d, 1);
  o.size = d.source(2, Type::u32);
  o.signal = shared_operand(d, 3);
  d.touches_shared(kBulkUnit);
  Instr& in = d.emit(&copy_to_cluster);
  in.d = source.slot;
  in.imm = source.displacement;
  in.extra = source.form;
  keep_operands(d, in, o);
}

}  // namespace

void decode_bulk_copy(Decoder& d) {
  if (d.has("tensor")) return decode_tensor_copy(d);
  if (d.has("commit_group")) {
    expect_modifiers(d, " async bulk commit_group ");
    d.emit(&commit_bulk);
    return;
  }
  if (d.has("wait_group")) return decode_wait_bulk(d);
  if (d.has("prefetch")) return decode_prefetch_bulk(d);
  if (d.has("bulk_group")) return decode_store_bulk(d);
  if (d.has("global")) return decode_load_bulk(d);
  decode_copy_to_cluster(d);
}

}  // namespace cuemu
