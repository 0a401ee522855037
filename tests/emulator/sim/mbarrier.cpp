// SPDX-License-Identifier: MIT
#include "mbarrier.hpp"

#include <algorithm>
#include <cstring>

#include "checks.hpp"
#include "fault.hpp"
#include "warp.hpp"

namespace cuemu {

Mbarrier* Mbarriers::find(uint32_t offset) {
  for (Mbarrier& b : all_)
    if (b.offset == offset) return &b;
  return nullptr;
}

const Mbarrier* Mbarriers::overlapping(uint32_t first, uint32_t last) const {
  for (const Mbarrier& b : all_)
    if (last >= b.offset && first < b.offset + 8) return &b;
  return nullptr;
}

Mbarrier& Mbarriers::add(uint32_t offset, uint32_t count) {
  begin_ = std::min(begin_, offset);
  end_ = std::max(end_, offset + 8);
  Mbarrier b;
  b.offset = offset;
  b.expected = b.pending = count;
  return all_.emplace_back(b);
}

void Mbarriers::remove(uint32_t offset) {
  std::erase_if(all_, [=](const Mbarrier& b) { return b.offset == offset; });
}

void show(Cta& cta, const Mbarrier& b) {
  const uint64_t image = b.phase << 63 | uint64_t{b.expected} << 42 | uint64_t{b.pending} << 21 |
                         (static_cast<uint64_t>(b.transaction) & 0x1FFFFF);
  std::memcpy(cta.shared + b.offset, &image, sizeof image);
}

Mbarrier& mbarrier_at(const Warp& warp, const Instr& in, uint32_t lane, Cta& cta, uint32_t offset) {
  if (Mbarrier* b = cta.mbarriers.find(offset)) [[likely]]
    return *b;
  raise_fault(warp, in, "barrier-misuse", 1u << lane,
              format("there is no mbarrier at shared byte %u: mbarrier.init has not run, or "
                     "mbarrier.inval has",
                     offset));
}

std::string describe(const Mbarrier& b) {
  return format(
      "the mbarrier at shared byte %u (phase %llu, %u of %u arrivals and %lld bytes missing)",
      b.offset, static_cast<unsigned long long>(b.phase), b.pending, b.expected,
      static_cast<long long>(b.transaction));
}

namespace {

// Wakes those that wait for the phase which has begun.
void wake(Cta& cta, const Mbarrier& b) {
  for (Warp& w : cta.warps) {
    for (Group& g : w.others) {
      if (g.phase == 0 || g.mbarrier != b.offset) continue;
      if (g.state == Group::State::at_mbarrier && g.phase <= b.phase)
        g.state = Group::State::runnable;
      else if (g.state == Group::State::runnable && g.phase < b.phase)
        raise_fault(w, *g.waiting, "barrier-lapped", g.mask,
                    "a phase has completed that these lanes waited for, and the next one before "
                    "they saw it: " +
                        describe(b));
    }
  }
}

void complete_if_done(Cta& cta, Mbarrier& b) {
  if (b.pending == 0 && b.transaction == 0) {
    ++b.phase;
    b.pending = b.expected;
    ++cta.worker->counters.barrier_phases;
    if (cta.checks != nullptr) cta.checks->mbarrier_completed(b.offset);
    wake(cta, b);
  }
  show(cta, b);
}

void take_arrivals(Warp& warp, const Instr& in, uint32_t lane, const Mbarrier& b, uint32_t count,
                   bool may_complete) {
  if (count == 0 || count > Mbarrier::kMaxCount)
    raise_fault(warp, in, "barrier-misuse", 1u << lane, format("%u arrivals at once", count));
  if (count > b.pending)
    raise_fault(warp, in, "barrier-overrun", 1u << lane,
                format("%u arrivals more at ", count) + describe(b));
  if (!may_complete && count == b.pending && b.transaction == 0)
    raise_fault(warp, in, "barrier-misuse", 1u << lane,
                "an arrival with .noComplete would complete " + describe(b));
}

}  // namespace

void arrive(Warp& warp, const Instr& in, uint32_t lane, Cta& cta, Mbarrier& b, uint32_t count,
            bool may_complete) {
  take_arrivals(warp, in, lane, b, count, may_complete);
  b.pending -= count;
  complete_if_done(cta, b);
}

void arrive_drop(Warp& warp, const Instr& in, uint32_t lane, Cta& cta, Mbarrier& b, uint32_t count,
                 bool may_complete) {
  take_arrivals(warp, in, lane, b, count, may_complete);
  b.pending -= count;
  b.expected -= count;
  complete_if_done(cta, b);
}

void expect_bytes(Warp& warp, const Instr& in, uint32_t lane, Cta& cta, Mbarrier& b,
                  int64_t bytes) {
  b.transaction += bytes;
  if (b.transaction > Mbarrier::kMaxTransaction || b.transaction < -Mbarrier::kMaxTransaction)
    raise_fault(warp, in, "barrier-misuse", 1u << lane,
                "the bytes leave the range of 20 bits: " + describe(b));
  if (bytes < 0)
    complete_if_done(cta, b);
  else
    show(cta, b);
}

void bytes_arrived(const Warp& warp, const Instr& in, uint32_t lane, Cta& cta, uint32_t offset,
                   uint32_t bytes) {
  if (cta.live_threads == 0)
    raise_fault(warp, in, "dsmem-after-exit", 1u << lane,
                format("bytes arrive in the shared memory of block (%u,%u,%u), which has exited",
                       cta.index[0], cta.index[1], cta.index[2]));
  Mbarrier& b = mbarrier_at(warp, in, lane, cta, offset);
  b.copied = b.phase + 1;
  b.copy = &in;
  b.copier = &warp;
  b.transaction -= bytes;
  if (b.transaction < -Mbarrier::kMaxTransaction)
    raise_fault(warp, in, "barrier-misuse", 1u << lane,
                "the bytes leave the range of 20 bits: " + describe(b));
  complete_if_done(cta, b);
}

void expect_observed(const Cta& cta, const Mbarrier& b) {
  if (!b.has_unseen_bytes()) return;
  const Warp& w = b.copier != nullptr ? *b.copier : cta.warps[0];
  const Instr& in = b.copy != nullptr ? *b.copy : w.worker->program->code.back();
  raise_fault(
      w, in, "unfinished-copy", 1,
      "the block has ended, and nobody has seen complete what this copy signals: " + describe(b));
}

}  // namespace cuemu
