// SPDX-License-Identifier: MIT
// mbarrier.* and the arrival that follows cp.async (PTX ISA 9.0, 9.7.13.15).
#include "../sim/access.hpp"
#include "../sim/checks.hpp"
#include "../sim/fault.hpp"
#include "../sim/previous_grid.hpp"
#include "bulk_operands.hpp"
#include "lanes.hpp"
#include "shared_operand.hpp"
#include "tables.hpp"

namespace cuemu {
namespace {

enum class Step : uint8_t { init, inval, expect_tx, complete_tx, arrive, arrive_drop };

constexpr uint32_t kExpects = 8, kNoComplete = 16, kNoIncrement = 32, kByParity = 64,
                   kMaySuspend = 128, kRelaxed = 4;
constexpr uint32_t kFormShift = 8;  // of SharedOperand::form in Instr::extra

// The address is in `a`, with its displacement in `target` and its form in `extra`.
SharedPlace place_of(Warp& w, const Instr& in, uint32_t lane) {
  const SharedOperand at{in.a, static_cast<int32_t>(in.target), in.extra >> kFormShift};
  const uint64_t address = shared_address(w, lane, at);
  const SharedPlace place = shared_place(w, in, lane, address);
  alignas(64) uint32_t offset[32];
  std::fill_n(offset, 32, place.offset);
  check_shared(w, in, 1u << lane, offset, 8, "mbarrier");
  return place;
}

// What only the CTA's own barriers have: .shared::cta in the syntax of these operations.
void expect_own(const Warp& w, const Instr& in, uint32_t lane, const SharedPlace& at) {
  if (at.cta != w.cta)
    raise_fault(w, in, "barrier-misuse", 1u << lane,
                format("an mbarrier of rank %u: of another block's one cannot be initialised, "
                       "invalidated or waited for, and an arrival has no result",
                       at.cta->rank));
}

uint32_t value_of(Warp& w, uint32_t slot, uint32_t lane, uint32_t otherwise) {
  return slot == kNoSlot ? otherwise : w.lanes<uint32_t>(slot)[lane];
}

void initialise(Warp& w, const Instr& in, uint32_t lane, const SharedPlace& at) {
  const uint32_t count = w.lanes<uint32_t>(in.b)[lane];
  if (count == 0 || count > Mbarrier::kMaxCount)
    raise_fault(
        w, in, "barrier-misuse", 1u << lane,
        format("mbarrier.init for %u arrivals, possible are 1 to %u", count, Mbarrier::kMaxCount));
  if (const Mbarrier* old = at.cta->mbarriers.overlapping(at.offset, at.offset + 7))
    raise_fault(
        w, in, "barrier-reinit", 1u << lane,
        "mbarrier.init where there is one already, without mbarrier.inval: " + describe(*old));
  show(*at.cta, at.cta->mbarriers.add(at.offset, count));
  if (at.cta->checks != nullptr) at.cta->checks->mbarrier_initialised(w, in, lane, at.offset);
}

// b: count or bytes, c: what it expects; dst: where the state goes.
template <Step kStep>
void step(Warp& w, const Instr& in, uint32_t mask) {
  each_lane(mask, [&](unsigned l) {
    const SharedPlace at = place_of(w, in, l);
    if (kStep == Step::init || kStep == Step::inval || in.dst != kNoSlot) expect_own(w, in, l, at);
    if (at.cta != w.cta) ++w.counters->cluster_accesses;
    if constexpr (kStep == Step::init) {
      initialise(w, in, l, at);
    } else {
      Mbarrier& b = mbarrier_at(w, in, l, *at.cta, at.offset);
      const uint64_t state = b.token();
      if (at.cta->checks != nullptr) at.cta->checks->mbarrier_used(w, in, l, at.offset);
      if (kStep == Step::inval) {
        if (b.has_unseen_bytes())
          raise_fault(
              w, in, "unfinished-copy", 1u << l,
              "mbarrier.inval, and nobody has seen complete what copies signal: " + describe(b));
        at.cta->mbarriers.remove(at.offset);
      }
      if (kStep == Step::expect_tx) expect_bytes(w, in, l, *at.cta, b, w.lanes<uint32_t>(in.b)[l]);
      if (kStep == Step::complete_tx)
        expect_bytes(w, in, l, *at.cta, b, -int64_t{w.lanes<uint32_t>(in.b)[l]});
      if (kStep == Step::arrive || kStep == Step::arrive_drop) {
        // In this order (9.7.13.15.13).
        if ((in.extra & kExpects) != 0)
          expect_bytes(w, in, l, *at.cta, b, w.lanes<uint32_t>(in.c)[l]);
        const uint32_t count = value_of(w, in.b, l, 1);
        const bool may_complete = (in.extra & kNoComplete) == 0;
        if (at.cta->checks != nullptr)
          at.cta->checks->mbarrier_arrived(w, at.offset, (in.extra & kRelaxed) != 0);
        if (kStep == Step::arrive)
          arrive(w, in, l, *at.cta, b, count, may_complete);
        else
          arrive_drop(w, in, l, *at.cta, b, count, may_complete);
        if (in.dst != kNoSlot) w.lanes<uint64_t>(in.dst)[l] = state;
      }
    }
  });
}

// Of the lane's operand, the phase that must have begun for the wait to succeed; 0: it has already.
uint64_t awaited_phase(Warp& w, const Instr& in, uint32_t lane, const Mbarrier& b) {
  if ((in.extra & kByParity) != 0) {
    const uint32_t parity = w.lanes<uint32_t>(in.b)[lane];
    if (parity > 1)
      raise_fault(w, in, "barrier-misuse", 1u << lane,
                  format("a phase's parity is 0 or 1, not %u", parity));
    return (b.phase & 1) == parity ? b.phase + 1 : 0;
  }
  const uint64_t token = w.lanes<uint64_t>(in.b)[lane];
  if (const uint64_t of = token >> 20; of != b.phase && of + 1 != b.phase)
    raise_fault(w, in, "barrier-lapped", 1u << lane,
                "a state of neither the current phase nor the one before: " + describe(b));
  return b.has_completed(token) ? 0 : b.phase + 1;
}

// a: the barrier, b: parity or state, dst: the predicate.
void wait(Warp& w, const Instr& in, uint32_t mask) {
  uint32_t done = 0, waits = 0;
  uint32_t offset = 0;  // of the first that waits, with all that wait for the same
  uint64_t phase = 0;
  each_lane(mask, [&](unsigned l) {
    const SharedPlace at = place_of(w, in, l);
    expect_own(w, in, l, at);
    Mbarrier& b = mbarrier_at(w, in, l, *at.cta, at.offset);
    const uint64_t awaited = awaited_phase(w, in, l, b);
    if (at.cta->checks != nullptr) at.cta->checks->mbarrier_used(w, in, l, at.offset);
    if (awaited == 0) {
      if (at.cta->checks != nullptr && (in.extra & kRelaxed) == 0)
        at.cta->checks->mbarrier_waited(w, at.offset);
      b.observed = std::max(b.observed, b.phase);
      done |= 1u << l;
    } else if (waits == 0 || (offset == at.offset && phase == awaited)) {
      waits |= 1u << l;
      offset = at.offset, phase = awaited;
    }
  });
  pass_cluster_barrier(w, done);
  // Lanes that wait for different phases take turns.
  const uint32_t others = mask & ~(done | waits);
  const uint32_t timed_out = mask & w.timed_out;
  w.timed_out &= ~mask;
  uint32_t& p = w.predicate(in.dst);
  p = (p & ~mask) | done;
  if ((done | timed_out) == mask || (in.extra & kMaySuspend) == 0) {
    w.waited_in_vain |= timed_out != 0;
    if (done != mask && timed_out == 0) w.poll();
    return;
  }
  const uint32_t stay = (waits | others) & ~timed_out;
  Group& g = w.wait_to_repeat(in, stay, Group::State::at_mbarrier);
  g.mbarrier = offset;
  g.phase = phase;
  w.reschedule();
}

void pending_count(Warp& w, const Instr& in, uint32_t mask) {
  const uint64_t* a = w.lanes<uint64_t>(in.a);
  map_lanes(w, mask, w.lanes<uint32_t>(in.dst),
            [=](uint32_t l) { return Mbarrier::pending_of(a[l]); });
}

void arrive_after_copies(Warp& w, const Instr& in, uint32_t mask) {
  each_lane(mask, [&](unsigned l) {
    const SharedPlace at = place_of(w, in, l);
    Mbarrier& b = mbarrier_at(w, in, l, *at.cta, at.offset);
    // Without .noinc the arrival brings its own count.
    if ((in.extra & kNoIncrement) == 0) ++b.pending;
    w.worker->unit.copies.issue_arrival(w, in, l, at.offset);
  });
}

Instr& emit_at(Decoder& d, Handler handler, const SharedOperand& at) {
  Instr& in = d.emit(handler);
  in.a = at.slot;
  in.target = static_cast<uint32_t>(at.displacement);
  in.extra = at.form << kFormShift;
  return in;
}

void decode_arrive(Decoder& d) {
  expect_modifiers(d,
                   " arrive arrive_drop expect_tx noComplete release relaxed cta cluster shared "
                   "shared::cta shared::cluster ");
  const bool drops = d.has("arrive_drop");
  const bool expects = d.has("expect_tx");
  const uint32_t dst = d.operand(0).kind == Operand::Kind::sink ? kNoSlot : d.dest(0, Type::b64);
  const SharedOperand at = shared_operand(d, 1);
  uint32_t flags = (d.has("noComplete") ? kNoComplete : 0) | (d.has("relaxed") ? kRelaxed : 0);
  uint32_t count = kNoSlot, bytes = kNoSlot;
  if (expects)
    bytes = d.source(2, Type::u32), flags |= kExpects;
  else if (d.operand_count() > 2)
    count = d.source(2, Type::u32);
  Instr& in = emit_at(d, drops ? &step<Step::arrive_drop> : &step<Step::arrive>, at);
  in.dst = dst, in.b = count, in.c = bytes;
  in.extra |= flags;
}

void decode_wait(Decoder& d) {
  expect_modifiers(d, " test_wait try_wait parity acquire relaxed cta cluster shared shared::cta ");
  const bool by_parity = d.has("parity");
  const SharedOperand at = shared_operand(d, 1);
  const uint32_t b = d.source(2, by_parity ? Type::u32 : Type::b64);
  const uint32_t dst = d.predicate_dest(d.operand(0));
  Instr& in = emit_at(d, &wait, at);
  in.control = true;
  in.dst = dst, in.b = b;
  in.extra |= (by_parity ? kByParity : 0) | (d.has("try_wait") ? kMaySuspend : 0) |
              (d.has("relaxed") ? kRelaxed : 0);
}

void decode_mbarrier(Decoder& d) {
  if (d.has("pending_count")) {
    const uint32_t a = d.source(1, Type::b64), dst = d.dest(0, Type::u32);
    Instr& in = d.emit(&pending_count);
    in.dst = dst, in.a = a;
    return;
  }
  d.touches_shared(8);
  if (d.has("test_wait") || d.has("try_wait")) return decode_wait(d);
  if (d.has("arrive") || d.has("arrive_drop")) return decode_arrive(d);
  const Handler handler = d.has("init")          ? &step<Step::init>
                          : d.has("inval")       ? &step<Step::inval>
                          : d.has("expect_tx")   ? &step<Step::expect_tx>
                          : d.has("complete_tx") ? &step<Step::complete_tx>
                                                 : nullptr;
  if (handler == nullptr) throw NotImplemented{"this mbarrier operation"};
  expect_modifiers(d, d.has("init") || d.has("inval")
                          ? " init inval shared shared::cta "
                          : " expect_tx complete_tx relaxed cta cluster shared shared::cta "
                            "shared::cluster ");
  const SharedOperand at = shared_operand(d, 0);
  const uint32_t b = d.operand_count() > 1 ? d.source(1, Type::u32) : kNoSlot;
  emit_at(d, handler, at).b = b;
}

}  // namespace

void decode_copy_arrival(Decoder& d) {
  expect_modifiers(d, " async mbarrier arrive noinc shared shared::cta ");
  const SharedOperand at = shared_operand(d, 0);
  const uint32_t flags = d.has("noinc") ? kNoIncrement : 0;
  emit_at(d, &arrive_after_copies, at).extra |= flags;
}

std::span<const OpcodeEntry> mbarrier_opcodes() {
  static constexpr OpcodeEntry table[] = {{"mbarrier", decode_mbarrier}};
  return table;
}

}  // namespace cuemu
