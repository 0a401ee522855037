// SPDX-License-Identifier: MIT
#include "checks.hpp"

#include <algorithm>

#include "fault.hpp"

namespace cuemu {

void SharedChecks::prepare(Cta& cta, bool uninitialised, bool race) {
  cta_ = &cta;
  uninitialised_ = uninitialised;
  race_ = race;
  const auto warps = static_cast<uint32_t>(cta.warps.size());
  shift_ = static_cast<unsigned>(std::countr_zero(cta.worker->program->shared_granule));
  const uint32_t granules = (cta.shared_bytes + (1u << shift_) - 1) >> shift_;
  const uint64_t serial = cta.worker->program->serial;
  if (uninitialised) initialised_.assign(granules, 0);
  if (!race) return;
  pass_all_clocks();
  if (granules_ != granules || warps != warps_ || serial != program_serial_) {
    // Otherwise the old records stay: their clocks lie before everything to come.
    written_.assign(granules, 0);
    write_instr_.assign(granules, 0);
    writer_.assign(granules, 0);
    written_by_atomic_.assign(granules, 0);
    latest_read_.assign(granules, 0);
    reads_.assign(warps, std::vector<Read>(granules));
    now_ = 0;
  }
  granules_ = granules;
  warps_ = warps;
  program_serial_ = serial;
  known_.assign(warps, Clocks(warps, 0));
  least_known_.assign(warps, 0);
  barriers_.fill(Clocks(warps, 0));
}

void SharedChecks::pass_all_clocks() {
  for (const Clocks& c : known_)
    for (uint32_t t : c) now_ = std::max(now_, t);
  ++now_;
}

void SharedChecks::start_cta() {
  if (uninitialised_) std::fill(initialised_.begin(), initialised_.end(), uint8_t{0});
  if (!race_) return;
  pass_all_clocks();
  std::replace(written_.begin(), written_.end(), kInFlight, 0u);
  for (uint32_t w = 0; w < warps_; ++w) {
    std::fill(known_[w].begin(), known_[w].end(), now_);
    known_[w][w] = now_ + 1;
    least_known_[w] = now_;
  }
  for (Clocks& b : barriers_) std::fill(b.begin(), b.end(), 0);
}

uint32_t SharedChecks::instr_index(const Instr& in) const {
  return static_cast<uint32_t>(&in - cta_->worker->program->code.data());
}

void SharedChecks::report(const Warp& warp, const Instr& in, unsigned lane, uint32_t at,
                          const char* what, uint32_t other_warp, const char* other_what,
                          uint32_t other_instr) const {
  const Program& program = *cta_->worker->program;
  raise_fault(
      warp, in, "race", 1u << lane,
      format("%s of shared byte %u by warp %u, and warp %u's %s of it at %s, have no barrier "
             "between them",
             what, at << shift_, warp.index, other_warp, other_what,
             program.source_of(program.code[other_instr]).c_str()));
}

void SharedChecks::check_read(const Warp& warp, const Instr& in, unsigned lane, Range range) const {
  const uint32_t w = warp.index;
  uint32_t latest = 0;
  for (uint32_t at = range.first; at < range.last; ++at) latest = std::max(latest, written_[at]);
  if (latest <= least_known_[w]) return;
  for (uint32_t at = range.first; at < range.last; ++at) {
    const uint32_t writer = writer_[at];
    if (written_[at] == kInFlight)
      report(warp, in, lane, at, "read", writer, "unfinished asynchronous copy", write_instr_[at]);
    if (writer != w && written_[at] > known_[w][writer])
      report(warp, in, lane, at, "read", writer, "write", write_instr_[at]);
  }
}

void SharedChecks::check_write(const Warp& warp, const Instr& in, unsigned lane, Range range,
                               bool atomic) const {
  const uint32_t w = warp.index;
  uint32_t latest = 0;
  for (uint32_t at = range.first; at < range.last; ++at)
    latest = std::max({latest, written_[at], latest_read_[at]});
  if (latest <= least_known_[w]) return;
  for (uint32_t at = range.first; at < range.last; ++at) {
    const uint32_t writer = writer_[at];
    if (written_[at] == kInFlight)
      report(warp, in, lane, at, "write", writer, "unfinished asynchronous copy", write_instr_[at]);
    if (writer != w && written_[at] > known_[w][writer] && !(atomic && written_by_atomic_[at] != 0))
      report(warp, in, lane, at, "write", writer, "write", write_instr_[at]);
    if (latest_read_[at] <= least_known_[w]) continue;
    for (uint32_t v = 0; v < warps_; ++v)
      if (v != w && reads_[v][at].clock > known_[w][v])
        report(warp, in, lane, at, "write", v, "read", reads_[v][at].instr);
  }
}

void SharedChecks::record_write(const Warp& warp, const Instr& in, Range range, bool atomic,
                                bool in_flight) {
  const uint32_t clock = in_flight ? kInFlight : known_[warp.index][warp.index];
  const uint32_t instr = instr_index(in);
  for (uint32_t at = range.first; at < range.last; ++at) {
    written_[at] = clock;
    write_instr_[at] = instr;
    writer_[at] = static_cast<uint8_t>(warp.index);
    written_by_atomic_[at] = atomic;
  }
}

void SharedChecks::set_initialised(Range range, uint8_t value) {
  std::fill(initialised_.begin() + range.first, initialised_.begin() + range.last, value);
}

void SharedChecks::expect_initialised(const Warp& warp, const Instr& in, unsigned lane, Range range,
                                      const char* message) const {
  uint8_t all = 1;
  for (uint32_t at = range.first; at < range.last; ++at) all &= initialised_[at];
  if (all != 0) return;
  const auto first = std::find(initialised_.begin() + range.first, initialised_.end(), 0);
  const auto at = static_cast<uint32_t>(first - initialised_.begin());
  raise_fault(warp, in, "uninitialised-read", 1u << lane, format(message, at << shift_));
}

void SharedChecks::read(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                        uint32_t bytes) {
  const Range range = this->range(offset, bytes);
  if (race_) {
    check_read(warp, in, lane, range);
    const Read read = {known_[warp.index][warp.index], instr_index(in)};
    Read* const mine = reads_[warp.index].data();
    for (uint32_t at = range.first; at < range.last; ++at) {
      mine[at] = read;
      latest_read_[at] = std::max(latest_read_[at], read.clock);
    }
  }
  if (uninitialised_)
    expect_initialised(warp, in, lane, range, "shared byte %u has not been written");
}

void SharedChecks::write(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                         uint32_t bytes) {
  const Range range = this->range(offset, bytes);
  if (race_) {
    check_write(warp, in, lane, range, false);
    record_write(warp, in, range, false, false);
  }
  if (uninitialised_) set_initialised(range, 1);
}

void SharedChecks::atomic(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                          uint32_t bytes) {
  const Range range = this->range(offset, bytes);
  if (race_) {
    check_write(warp, in, lane, range, true);
    record_write(warp, in, range, true, false);
  }
  if (uninitialised_)
    expect_initialised(warp, in, lane, range,
                       "atomic operation on shared byte %u, which has not been written");
}

void SharedChecks::copy_issued(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                               uint32_t bytes) {
  const Range range = this->range(offset, bytes);
  if (race_) {
    check_write(warp, in, lane, range, false);
    record_write(warp, in, range, false, true);
  }
  if (uninitialised_) set_initialised(range, 0);
}

void SharedChecks::copy_landed(const Warp& warp, const Instr& in, uint32_t offset, uint32_t bytes) {
  const Range range = this->range(offset, bytes);
  if (race_) record_write(warp, in, range, false, false);
  if (uninitialised_) set_initialised(range, 1);
}

void SharedChecks::barrier_arrived(const Warp& warp, uint32_t barrier) {
  if (!race_) return;
  Clocks& mine = known_[warp.index];
  for (uint32_t v = 0; v < warps_; ++v)
    barriers_[barrier][v] = std::max(barriers_[barrier][v], mine[v]);
  ++mine[warp.index];
}

void SharedChecks::barrier_completed(uint32_t barrier) {
  if (!race_) return;
  for (Warp& w : cta_->warps)
    for (const Group& g : w.others)
      if (g.state == Group::State::at_barrier && g.barrier == barrier)
        for (uint32_t v = 0; v < warps_; ++v)
          if (v != w.index)
            known_[w.index][v] = std::max(known_[w.index][v], barriers_[barrier][v]);
  for (uint32_t w = 0; w < warps_; ++w)
    least_known_[w] = *std::min_element(known_[w].begin(), known_[w].end());
  std::fill(barriers_[barrier].begin(), barriers_[barrier].end(), 0);
}

}  // namespace cuemu
