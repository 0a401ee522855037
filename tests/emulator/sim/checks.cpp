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
  if (granules_.size() != granules || warps != warps_ || serial != program_serial_) {
    // Otherwise the old records stay: their clocks lie before everything to come.
    granules_.assign(granules, Granule{});
    reads_.assign(size_t{granules} * warps, Access{});
    now_ = 0;
  }
  warps_ = warps;
  program_serial_ = serial;
  known_.assign(warps, Clocks(warps, 0));
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
  for (Granule& b : granules_) b.in_flight = false;
  for (uint32_t w = 0; w < warps_; ++w) {
    std::fill(known_[w].begin(), known_[w].end(), now_);
    known_[w][w] = now_ + 1;
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

void SharedChecks::read(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                        uint32_t bytes) {
  for (uint32_t at = offset >> shift_; at < (offset + bytes) >> shift_; ++at) {
    if (race_) {
      const Granule& b = granules_[at];
      const uint32_t w = warp.index;
      if (b.in_flight)
        report(warp, in, lane, at, "read", b.writer, "unfinished asynchronous copy", b.write.instr);
      if (b.writer != w && b.write.clock > known_[w][b.writer])
        report(warp, in, lane, at, "read", b.writer, "write", b.write.instr);
      last_read(at, w) = {known_[w][w], instr_index(in)};
    }
    if (uninitialised_ && initialised_[at] == 0)
      raise_fault(warp, in, "uninitialised-read", 1u << lane,
                  format("shared byte %u has not been written", at << shift_));
  }
}

void SharedChecks::check_write(const Warp& warp, const Instr& in, unsigned lane, uint32_t at,
                               bool atomic) {
  const Granule& b = granules_[at];
  const uint32_t w = warp.index;
  if (b.in_flight)
    report(warp, in, lane, at, "write", b.writer, "unfinished asynchronous copy", b.write.instr);
  if (b.writer != w && b.write.clock > known_[w][b.writer] && !(atomic && b.written_by_atomic))
    report(warp, in, lane, at, "write", b.writer, "write", b.write.instr);
  for (uint32_t v = 0; v < warps_; ++v)
    if (v != w && last_read(at, v).clock > known_[w][v])
      report(warp, in, lane, at, "write", v, "read", last_read(at, v).instr);
}

void SharedChecks::record_write(const Warp& warp, const Instr& in, uint32_t at, bool atomic) {
  Granule& b = granules_[at];
  b.write = {known_[warp.index][warp.index], instr_index(in)};
  b.writer = static_cast<uint8_t>(warp.index);
  b.written_by_atomic = atomic;
}

void SharedChecks::write(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                         uint32_t bytes) {
  for (uint32_t at = offset >> shift_; at < (offset + bytes) >> shift_; ++at) {
    if (race_) {
      check_write(warp, in, lane, at, false);
      record_write(warp, in, at, false);
    }
    if (uninitialised_) initialised_[at] = 1;
  }
}

void SharedChecks::atomic(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                          uint32_t bytes) {
  for (uint32_t at = offset >> shift_; at < (offset + bytes) >> shift_; ++at) {
    if (race_) {
      check_write(warp, in, lane, at, true);
      record_write(warp, in, at, true);
    }
    if (uninitialised_ && initialised_[at] == 0)
      raise_fault(
          warp, in, "uninitialised-read", 1u << lane,
          format("atomic operation on shared byte %u, which has not been written", at << shift_));
  }
}

void SharedChecks::copy_issued(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                               uint32_t bytes) {
  for (uint32_t at = offset >> shift_; at < (offset + bytes) >> shift_; ++at) {
    if (race_) {
      check_write(warp, in, lane, at, false);
      record_write(warp, in, at, false);
      granules_[at].in_flight = true;
    }
    if (uninitialised_) initialised_[at] = 0;
  }
}

void SharedChecks::copy_landed(const Warp& warp, const Instr& in, uint32_t offset, uint32_t bytes) {
  for (uint32_t at = offset >> shift_; at < (offset + bytes) >> shift_; ++at) {
    if (race_) {
      record_write(warp, in, at, false);
      granules_[at].in_flight = false;
    }
    if (uninitialised_) initialised_[at] = 1;
  }
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
  std::fill(barriers_[barrier].begin(), barriers_[barrier].end(), 0);
}

}  // namespace cuemu
