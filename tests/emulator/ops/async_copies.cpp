// SPDX-License-Identifier: MIT
// cp.async and the waits for it.
#include <cstring>

#include "../isa/address.hpp"
#include "../sim/access.hpp"
#include "../sim/checks.hpp"
#include "../sim/fault.hpp"
#include "../sim/previous_grid.hpp"
#include "lanes.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

constexpr uint32_t kWideShared = 1, kGenericShared = 2, kSourceSize = 4, kIgnoreSource = 8;

// Of every lane: PTX asks for it also where nothing is copied.
void check_alignment(const Warp& w, const Instr& in, uint32_t mask, const uint64_t* from,
                     uint32_t bytes) {
  uint32_t misaligned = 0;
  each_lane(mask, [&](unsigned l) {
    if ((from[l] & (bytes - 1)) != 0) misaligned |= 1u << l;
  });
  if (misaligned == 0) return;
  raise_fault(w, in, "misaligned-access", misaligned,
              format("cp.async of %u bytes from 0x%llx", bytes,
                     static_cast<unsigned long long>(from[first_lane(misaligned)])));
}

// A lane that copies fewer bytes than it writes: only those bytes have to be there.
void check_partial(Warp& w, const Instr& in, unsigned lane, uint64_t from, uint32_t present) {
  alignas(64) uint64_t ends[32];
  for (uint32_t l = 0; l < 32; ++l) ends[l] = from;
  ends[lane] = from;
  check_global(w, in, 1u << lane, ends, 1, "cp.async");
  for (uint32_t l = 0; l < 32; ++l) ends[l] = from + present - 1;
  check_global(w, in, 1u << lane, ends, 1, "cp.async");
}

// a: shared address, b: global address, c: source size or ignore-src; imm, target: displacements;
// count: bytes.
void copy_async(Warp& w, const Instr& in, uint32_t mask) {
  AsyncCopy copy;
  copy.mask = mask;
  copy.bytes = in.count;
  copy.instr = &in;
  const uint32_t bytes = in.count;
  if (in.a == kNoSlot) {
    copy.to.fill(in.target);
  } else if ((in.extra & kWideShared) != 0) {
    const uint64_t window = (in.extra & kGenericShared) != 0 ? kSharedWindow : 0;
    for (uint32_t l = 0; l < 32; ++l) {
      const uint64_t to = w.lanes<uint64_t>(in.a)[l] - window +
                          static_cast<uint64_t>(int64_t{static_cast<int32_t>(in.target)});
      copy.to[l] = to > 0xFFFFFFFF ? 0xFFFFFFFF : static_cast<uint32_t>(to);
    }
  } else {
    const uint32_t* a = w.lanes<uint32_t>(in.a);
    for (uint32_t l = 0; l < 32; ++l) copy.to[l] = a[l] + in.target;
  }
  const uint64_t* b = w.lanes<uint64_t>(in.b);
  for (uint32_t l = 0; l < 32; ++l) copy.from[l] = b[l] + static_cast<uint64_t>(in.imm);

  uint32_t whole = mask, partial = 0;
  copy.present.fill(static_cast<uint8_t>(bytes));
  if ((in.extra & kIgnoreSource) != 0) {
    whole = mask & ~w.predicate(in.c);
    each_lane(mask & ~whole, [&](unsigned l) { copy.present[l] = 0; });
  } else if ((in.extra & kSourceSize) != 0) {
    const uint32_t* size = w.lanes<uint32_t>(in.c);
    for (uint32_t l = 0; l < 32; ++l) {
      whole &= ~(static_cast<uint32_t>(size[l] != bytes) << l);
      partial |= static_cast<uint32_t>(size[l] != bytes && size[l] != 0) << l;
    }
    partial &= mask;
    each_lane(mask & ~whole, [&](unsigned l) {
      if (size[l] > bytes)
        raise_fault(w, in, "out-of-bounds", 1u << l,
                    format("cp.async: source size %u of %u bytes", size[l], bytes));
      copy.present[l] = static_cast<uint8_t>(size[l]);
    });
  }

  alignas(64) uint32_t to[32];
  std::memcpy(to, copy.to.data(), sizeof to);
  fill_inactive(to, mask);
  check_shared(w, in, mask, to, bytes, "cp.async");
  expect_no_mbarrier(w, in, mask, *w.cta, to, bytes);
  count_shared(w.counters->async_copy, mask, to, bytes);
  check_alignment(w, in, mask & ~whole, copy.from.data(), bytes);
  if (whole != 0) {
    alignas(64) uint64_t from[32];
    std::memcpy(from, copy.from.data(), sizeof from);
    fill_inactive(from, whole);
    const Region* r = check_global(w, in, whole, from, bytes, "cp.async");
    check_early_access(w, in, whole, false, from, bytes);
    count_global(*w.worker, false, r, whole, from, bytes);
  }
  if (partial != 0) {
    if (whole != 0) --w.counters->global_load.instructions;
    const uint64_t before = w.counters->global_load.instructions;
    each_lane(partial, [&](unsigned l) {
      check_partial(w, in, l, copy.from[l], copy.present[l]);
      check_early_access(w, in, l, false, copy.from[l], copy.present[l]);
      alignas(64) uint64_t from[32];
      for (uint64_t& f : from) f = copy.from[l];
      count_global(*w.worker, false, nullptr, 1u << l, from, copy.present[l]);
    });
    w.counters->global_load.instructions = before + 1;
  }

  if (w.cta->checks != nullptr) [[unlikely]]
    w.cta->checks->copy_issued(w, in, mask, copy.to.data(), bytes);
  if (w.worker->landing == Landing::eager) {
    w.async.issue_and_land(w, copy);
    return;
  }
  // Until the wait nobody can rely on what is there, so it is made to show: 0xFF bytes are NaN in
  // every format.
  std::byte* const shared = w.cta->shared;
  if (bytes == 16)
    each_lane(mask, [&](unsigned l) { std::memset(shared + copy.to[l], 0xFF, 16); });
  else
    each_lane(mask, [&](unsigned l) { std::memset(shared + copy.to[l], 0xFF, bytes); });
  w.async.issue(copy);
}

void commit_group(Warp& w, const Instr&, uint32_t mask) {
  w.async.commit(w.covers(mask) ? kAllLanes : mask);
}

void wait_group(Warp& w, const Instr& in, uint32_t mask) {
  w.async.wait(w, mask, in.extra);
  if (in.extra == kWaitAll) w.worker->unit.copies.land_arrivals_of(w, mask);
}

void decode_copy(Decoder& d) {
  const Operand &to = d.operand(0), &from = d.operand(1);
  if (to.kind != Operand::Kind::address || from.kind != Operand::Kind::address)
    throw NotImplemented{"addresses are expected"};
  const uint64_t bytes = d.immediate(2);
  if (bytes != 4 && bytes != 8 && bytes != 16) throw NotImplemented{"cp.async of this size"};
  auto slot_of = [&](const Operand& at, bool wide) {
    Operand o;
    o.kind = Operand::Kind::reg;
    o.reg = at.reg;
    return d.source(o, wide ? Type::u64 : Type::u32);
  };
  uint32_t flags = d.has("shared") || d.has("shared::cta") ? 0 : kGenericShared;
  uint32_t a = kNoSlot;
  if (to.has_base) {
    const bool wide = d.register_bytes(to.reg) == 8;
    a = slot_of(to, wide);
    flags |= wide ? kWideShared : 0u;
  }
  const uint32_t b = from.has_base ? slot_of(from, true) : d.constant(d.symbol_address(from), 8);
  const size_t operands = d.operand_count() - (d.has("L2::cache_hint") ? 1 : 0);
  uint32_t c = kNoSlot;
  if (operands > 3 && d.is_predicate(d.operand(3))) {
    c = d.predicate_source(d.operand(3));
    flags |= kIgnoreSource;
  } else if (operands > 3) {
    c = d.source(3, Type::u32);
    flags |= kSourceSize;
  }
  const uint32_t site = d.next_site();
  d.touches_shared(static_cast<uint32_t>(bytes));
  Instr& in = d.emit(&copy_async);
  in.a = a, in.b = b, in.c = c;
  in.target = static_cast<uint32_t>(to.has_base ? to.bits : d.symbol_address(to));
  in.imm = static_cast<int64_t>(from.has_base ? from.bits : 0);
  in.count = static_cast<uint8_t>(bytes);
  in.extra = flags;
  in.site = site;
}

void decode_cp(Decoder& d) {
  if (d.has("bulk")) return decode_bulk_copy(d);
  if (d.modifiers().empty() || d.modifiers()[0] != "async" || d.has("reduce"))
    throw NotImplemented{"not implemented"};
  if (d.has("mbarrier")) return decode_copy_arrival(d);
  if (d.has("commit_group")) {
    d.emit(&commit_group);
  } else if (d.has("wait_group")) {
    const auto pending = static_cast<uint32_t>(d.immediate(0));
    d.emit(&wait_group).extra = pending;
  } else if (d.has("wait_all")) {
    d.emit(&wait_group).extra = kWaitAll;
  } else {
    decode_copy(d);
  }
}

}  // namespace

std::span<const OpcodeEntry> async_opcodes() {
  static constexpr OpcodeEntry table[] = {{"cp", decode_cp}};
  return table;
}

}  // namespace cuemu
