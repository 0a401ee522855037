// SPDX-License-Identifier: MIT
// Checks of what asynchronous agents do to shared memory, and of the mbarriers that tell of it.
#include <algorithm>

#include "check_accesses.hpp"
#include "checks.hpp"
#include "fault.hpp"

namespace cuemu {
namespace {

constexpr uint16_t kWholeLine = 0xFFFF;

bool reads_shared(const BulkCopy& copy) {
  return copy.direction == BulkCopy::Direction::to_cluster && !copy.by_value;
}

}  // namespace

// --- Lines

void SharedChecks::add_parts(uint32_t begin, uint32_t end, uint32_t swizzle) {
  while (begin < end) {
    const uint32_t line = begin >> kLineShift, first = begin % kLineBytes;
    const uint32_t last = std::min(end - line * kLineBytes, kLineBytes);  // behind it
    const auto bytes = static_cast<uint16_t>(((1u << last) - 1) & ~((1u << first) - 1));
    parts_.push_back({line ^ (line >> 3 & swizzle), bytes});
    if (race_ && bytes != kWholeLine && !records_[parts_.back().line].is_split)
      split(parts_.back().line);
    begin = (line + 1) * kLineBytes;
  }
}

void SharedChecks::find_parts(const BulkCopy& copy) {
  parts_.clear();
  uint32_t begin = 0, end = 0;  // pieces that lie next to each other
  for (const CopyPiece& p : copy.pieces) {
    if (copy.direction == BulkCopy::Direction::to_global && p.global == 0) continue;
    if (p.shared != end) {
      add_parts(begin, end, copy.swizzle);
      begin = p.shared;
    }
    end = p.shared + p.bytes;
  }
  add_parts(begin, end, copy.swizzle);
}

// Of a copy to another CTA.
void SharedChecks::find_source(const BulkCopy& copy) {
  parts_.clear();
  add_parts(copy.source, copy.source + copy.pieces[0].bytes, 0);
}

// --- Accesses by agents

void SharedChecks::check_reads_before(const AgentAccess& by) const {
  for (uint32_t v : readers_) {
    if (v == by.slot) continue;
    const Read* const reads = reads_[v].data();
    const Clock known = by.known[v];
    for (const Part& p : parts_)
      each_place_of(p, [&](uint32_t place) {
        if (reads[place].clock > known && records_[place].latest_read > by.least_known)
          report(by, place, "write", v, "read", reads[place].instr);
      });
  }
}

void SharedChecks::write_by_agents(const AgentAccess& by, uint32_t slot) {
  check_reads_before(by);
  Record record;
  record.written = kInFlight;
  record.write_instr = instr_index(by.in);
  record.writer = static_cast<uint16_t>(slot);
  for (const Part& p : parts_) {
    each_place_of(p, [&](uint32_t place) { check_written(by, place, Write::plain); });
    if (p.bytes == kWholeLine)
      records_[p.line] = record;
    else
      each_place_of(p, [&](uint32_t place) { records_[place] = record; });
  }
}

// Completion of a copy to shared memory comes with a fence of its own (PTX ISA 9.0, 9.7.9.25.2); stores do not.
inline void SharedChecks::expect_proxy_fence(const AgentAccess& by, uint32_t place) const {
  const Record& r = records_[place];
  if (r.written == 0 || r.writer >= clocks_->warps()) return;
  const unsigned count = 1u << (r.lanes & 7), first = r.lanes >> 3;
  const uint32_t lanes = (count == 32 ? kAllLanes : (1u << count) - 1) << first;
  if (clocks_->fenced_until(by.slot, r.writer, lanes, false) >= r.written) return;
  raise_fault(by.warp, by.in, "missing-proxy-fence", by.lanes,
              format("%s reads shared byte %u by the async proxy, %s has written it at %s and "
                     "there is no fence.proxy.async by the writing threads between",
                     clocks_->name_of(by.slot).c_str(), byte_of(place),
                     clocks_->name_of(r.writer).c_str(), source_of(r.write_instr).c_str()));
}

void SharedChecks::read_by_agents(const AgentAccess& by, uint32_t slot, Clock clock) {
  if (race_) {
    Read* const reads = reads_of(slot);
    const Read read{clock, instr_index(by.in)};
    // Neighbours have mostly been written together.
    uint64_t fenced = ~uint64_t{0};
    for (const Part& p : parts_) {
      each_place_of(p, [&](uint32_t place) {
        check_read(by, place);
        Record& r = records_[place];
        const uint64_t write = uint64_t{r.written} << 24 | uint64_t{r.writer} << 8 | r.lanes;
        if (write != fenced) {
          expect_proxy_fence(by, place);
          fenced = write;
        }
        reads[place] = read;
        r.latest_read = std::max(r.latest_read, clock);
      });
    }
  }
  if (!uninitialised_) return;
  for (const Part& p : parts_) {
    const unsigned missing = p.bytes & ~unsigned{initialised_[p.line]};
    if (missing == 0) continue;
    raise_fault(by.warp, by.in, "uninitialised-read", by.lanes,
                format("shared byte %u has not been written",
                       p.line * kLineBytes + static_cast<uint32_t>(std::countr_zero(missing))));
  }
}

// --- mbarriers

SharedChecks::MbarrierClocks* SharedChecks::find_mbarrier(uint32_t offset) {
  for (MbarrierClocks& b : mbarriers_)
    if (b.offset == offset) return &b;
  return nullptr;
}

void SharedChecks::mbarrier_initialised(const Warp& warp, const Instr& in, uint32_t lane,
                                        uint32_t offset) {
  // Its bytes may be read.
  add_parts(offset, offset + 8, 0);
  initialised_[parts_.back().line] |= parts_.back().bytes;
  parts_.clear();
  if (!race_) return;
  MbarrierClocks* b = find_mbarrier(offset);
  if (b == nullptr) b = &mbarriers_.emplace_back();
  b->offset = offset;
  b->initialiser = clocks_->slot_of(warp);
  b->lane = lane;
  b->instr = instr_index(in);
  b->initialised = clocks_->of_warp(b->initialiser);
  b->arriving.clear();
  b->completed.clear();
  b->landing = 0;
}

void SharedChecks::expect_known(const AgentAccess& by, const MbarrierClocks& b, bool fenced) const {
  const bool is_known = by.slot == b.initialiser || b.initialised <= by.known[b.initialiser];
  if (is_known && (!fenced || clocks_->fenced_until(by.slot, b.initialiser, 1u << b.lane, true) >=
                                  b.initialised))
    return;
  const std::string barrier =
      format("the mbarrier at shared byte %u, which %s has initialised at %s", b.offset,
             clocks_->name_of(b.initialiser).c_str(), source_of(b.instr).c_str());
  if (!is_known)
    raise_fault(
        by.warp, by.in, "race", by.lanes,
        clocks_->name_of(by.slot) + " uses " + barrier + ", and there is no barrier between them");
  raise_fault(by.warp, by.in, "unfenced-barrier", by.lanes,
              "an asynchronous copy or another block arrives at " + barrier +
                  ", and there is no fence.mbarrier_init or fence.proxy.async between them");
}

void SharedChecks::mbarrier_used(const Warp& warp, const Instr& in, uint32_t lane,
                                 uint32_t offset) {
  if (!race_) return;
  if (const MbarrierClocks* b = find_mbarrier(offset))
    expect_known({accessor(warp, in), 1u << lane}, *b, warp.cta != cta_);
}

void SharedChecks::mbarrier_arrived(const Warp& warp, uint32_t offset, bool relaxed) {
  if (!race_) return;
  if (MbarrierClocks* b = find_mbarrier(offset))
    clocks_->release(clocks_->slot_of(warp), b->arriving, relaxed);
}

void SharedChecks::mbarrier_completed(uint32_t offset) {
  MbarrierClocks* const b = race_ ? find_mbarrier(offset) : nullptr;
  if (b == nullptr) return;
  if (b->landing != 0) {
    if (b->arriving.size() <= b->agents) b->arriving.resize(b->agents + 1, 0);
    b->arriving[b->agents] = b->landing;
    b->landing = 0;
  }
  b->completed = b->arriving;
}

void SharedChecks::mbarrier_waited(const Warp& warp, uint32_t offset) {
  if (!race_) return;
  if (const MbarrierClocks* b = find_mbarrier(offset))
    clocks_->acquire(clocks_->slot_of(warp), b->completed);
}

uint32_t SharedChecks::agents_of(MbarrierClocks& b) {
  if (b.agents == kNoSlot) {
    std::string name = format("a copy that signals the mbarrier at shared byte %u", b.offset);
    if (cta_->cluster->size > 1) name += format(" of rank %u", cta_->rank);
    b.agents = clocks_->add_agents(std::move(name));
  }
  return b.agents;
}

// All that arrives in a phase is known when that phase has completed.
Clock SharedChecks::landing_clock(MbarrierClocks& b) {
  if (b.landing == 0) b.landing = clocks_->tick_agents(agents_of(b));
  return b.landing;
}

// --- Copies to shared memory

void SharedChecks::bulk_issued(const Warp& warp, const BulkCopy& copy, Clocks& issue) {
  find_parts(copy);
  for (const Part& p : parts_) initialised_[p.line] &= static_cast<uint16_t>(~unsigned{p.bytes});
  MbarrierClocks* const b = race_ ? find_mbarrier(copy.barrier) : nullptr;
  const uint32_t slot = b != nullptr ? agents_of(*b) : 0;
  if (b != nullptr) {
    const AgentAccess by{accessor(warp, *copy.in), 1u << copy.lane};
    expect_known(by, *b, true);
    write_by_agents(by, slot);
    if (copy.direction == BulkCopy::Direction::to_shared && !global_writes_.empty())
      for (const CopyPiece& p : copy.pieces)
        if (p.global != 0) check_global_read(by, p.global, p.global + p.bytes);
    issue = clocks_->known_by(by.slot);
    clocks_->tick(by.slot);
  }
  if (!reads_shared(copy)) return;
  SharedChecks& source = *warp.cta->checks;
  source.find_source(copy);
  source.has_reads_in_flight_ = true;
  source.read_by_agents({source.accessor(warp, *copy.in), 1u << copy.lane}, slot, kInFlight);
}

void SharedChecks::bulk_landed(const Warp& warp, const BulkCopy& copy, const Clocks& issue) {
  find_parts(copy);
  for (const Part& p : parts_) initialised_[p.line] |= p.bytes;
  MbarrierClocks* const b = race_ ? find_mbarrier(copy.barrier) : nullptr;
  if (b == nullptr) return;
  ClusterClocks::join(b->arriving, issue);
  const Clock clock = landing_clock(*b);
  for (const Part& p : parts_)
    each_place_of(p, [&](uint32_t place) { records_[place].written = clock; });
  if (!reads_shared(copy)) return;
  SharedChecks& source = *warp.cta->checks;
  source.find_source(copy);
  Read* const reads = source.reads_of(b->agents);
  for (const Part& p : source.parts_) {
    source.each_place_of(p, [&](uint32_t place) { reads[place].clock = clock; });
    // Of a line that has been split since the copy was issued.
    if (reads[p.line].clock == kInFlight) reads[p.line].clock = clock;
  }
}

// --- Copies from shared to global memory

SharedChecks::StoreAgents SharedChecks::store_agents_of(uint32_t warp, uint32_t lane) {
  for (const StoreAgents& a : store_agents_)
    if (a.warp == warp && a.lane == lane) return a;
  const std::string name = "a bulk store of " + clocks_->name_of(warp);
  const uint32_t reads = clocks_->add_agents(name), writes = clocks_->add_agents(name);
  return store_agents_.emplace_back(StoreAgents{warp, lane, reads, writes});
}

Clock SharedChecks::bulk_store_issued(const Warp& warp, const BulkCopy& copy) {
  find_parts(copy);
  uint32_t slot = 0;
  Clock clock = 0;
  if (race_) {
    const StoreAgents agents = store_agents_of(clocks_->slot_of(warp), copy.lane);
    slot = agents.reads;
    // Both count the lane's stores, from the same clock on.
    clock = clocks_->tick_agents(agents.reads);
    clocks_->tick_agents(agents.writes);
    GlobalWrite& w = global_writes_.emplace_back();
    w.slot = agents.writes, w.instr = instr_index(*copy.in), w.clock = clock;
    w.pieces = copy.pieces;
    for (const CopyPiece& p : copy.pieces) {
      if (p.global == 0) continue;
      w.begin = std::min(w.begin, p.global);
      w.end = std::max(w.end, p.global + p.bytes);
    }
    global_begin_ = std::min(global_begin_, w.begin);
    global_end_ = std::max(global_end_, w.end);
  }
  read_by_agents({accessor(warp, *copy.in), 1u << copy.lane}, slot, clock);
  return clock;
}

void SharedChecks::bulk_source_released(const Warp& warp, uint32_t lane, Clock clock) {
  if (!race_) return;
  const uint32_t slot = clocks_->slot_of(warp);
  clocks_->acquire(slot, store_agents_of(slot, lane).reads, clock);
}

void SharedChecks::bulk_store_completed(const Warp& warp, uint32_t lane, Clock clock) {
  if (!race_) return;
  const uint32_t slot = clocks_->slot_of(warp);
  clocks_->acquire(slot, store_agents_of(slot, lane).writes, clock);
}

void SharedChecks::check_global_read(const AgentAccess& by, uint64_t begin, uint64_t end) const {
  if (end <= global_begin_ || begin >= global_end_) return;
  for (const GlobalWrite& w : global_writes_) {
    if (w.clock <= by.known[w.slot] || end <= w.begin || begin >= w.end) continue;
    for (const CopyPiece& p : w.pieces) {
      if (p.global == 0 || end <= p.global || begin >= p.global + p.bytes) continue;
      raise_fault(by.warp, by.in, "race", by.lanes,
                  format("%s reads global byte 0x%llx, and nobody has told it that %s at %s has "
                         "written it (cp.async.bulk.wait_group, without .read)",
                         clocks_->name_of(by.slot).c_str(),
                         static_cast<unsigned long long>(std::max(begin, p.global)),
                         clocks_->name_of(w.slot).c_str(), source_of(w.instr).c_str()));
    }
  }
}

void SharedChecks::global_read(const Warp& warp, const Instr& in, uint32_t mask,
                               const uint64_t* address, uint32_t bytes) const {
  if (global_writes_.empty()) return;
  const Accessor by = accessor(warp, in);
  each_lane(mask, [&](unsigned l) {
    check_global_read({by, 1u << l}, address[l], address[l] + bytes);
  });
}

// --- wgmma

Clock SharedChecks::wgmma_issued(const Warp& warp, const Instr& in, std::span<const Range> reads) {
  parts_.clear();
  for (const Range& r : reads) add_parts(r.offset, r.offset + r.bytes, 0);
  uint32_t slot = 0;
  Clock clock = 0;
  if (race_) {
    WgmmaAgents& a = wgmma_agents_[warp.index / 4];
    if (a.slot == kNoSlot) {
      a.slot = clocks_->add_agents(
          format("a wgmma of warps %u to %u", warp.index / 4 * 4, warp.index / 4 * 4 + 3));
      a.begin = clocks_->of_agents(a.slot);
    }
    slot = a.slot;
    clock = a.begin + ++a.issued[warp.index % 4];
    if (clock > clocks_->of_agents(slot)) clocks_->tick_agents(slot);
  }
  read_by_agents({accessor(warp, in), kAllLanes}, slot, clock);
  return clock;
}

void SharedChecks::wgmma_waited(const Warp& warp, Clock clock) {
  if (race_) clocks_->acquire(clocks_->slot_of(warp), wgmma_agents_[warp.index / 4].slot, clock);
}

}  // namespace cuemu
