// SPDX-License-Identifier: MIT
#include "checks.hpp"

#include <algorithm>

#include "fault.hpp"

namespace cuemu {

void SharedChecks::prepare(Cta& cta, bool uninitialised, bool race) {
  cta_ = &cta;
  uninitialised_ = uninitialised;
  race_ = race;
  warps_ = static_cast<uint32_t>(cta.warps.size());
  lines_ = (cta.shared_bytes + kLineBytes - 1) >> kLineShift;
  initialised_.resize(lines_);
  if (!race) return;
  pass_all_clocks();
  cell_shift_ = static_cast<unsigned>(std::countr_zero(cta.worker->program->shared_granule));
  const size_t places = lines_ + (size_t{lines_} << (kLineShift - cell_shift_));
  is_split_.resize(lines_);
  records_.resize(std::max(places, records_.size()));
  reads_.resize(std::max(size_t{warps_}, reads_.size()));
  for (std::vector<Read>& of_warp : reads_) of_warp.resize(std::max(places, of_warp.size()));
  known_.assign(warps_, Clocks(warps_, 0));
  least_known_.assign(warps_, 0);
  barriers_.fill(Clocks(warps_, 0));
}

void SharedChecks::pass_all_clocks() {
  for (const Clocks& c : known_)
    for (uint32_t t : c) now_ = std::max(now_, t);
  ++now_;
}

void SharedChecks::start_cta() {
  std::fill(initialised_.begin(), initialised_.end(), uint16_t{0});
  if (!race_) return;
  pass_all_clocks();
  std::fill_n(records_.begin(), lines_, Record{});
  std::fill(is_split_.begin(), is_split_.end(), uint8_t{0});
  for (uint32_t w = 0; w < warps_; ++w) {
    std::fill(known_[w].begin(), known_[w].end(), now_);
    known_[w][w] = now_ + 1;
    least_known_[w] = now_;
  }
  known_by_all_ = now_;
  for (Clocks& b : barriers_) std::fill(b.begin(), b.end(), 0);
}

uint32_t SharedChecks::instr_index(const Instr& in) const {
  return static_cast<uint32_t>(&in - cta_->worker->program->code.data());
}

uint32_t SharedChecks::byte_of(uint32_t place) const {
  return place < lines_ ? place << kLineShift : (place - lines_) << cell_shift_;
}

void SharedChecks::split(uint32_t line) {
  is_split_[line] = 1;
  Record record = records_[line];
  const uint32_t cells = kLineBytes >> cell_shift_;
  const uint32_t first = lines_ + line * cells;
  if (record.latest_read > known_by_all_) {
    for (uint32_t v = 0; v < warps_; ++v)
      std::fill_n(reads_[v].begin() + first, cells, reads_[v][line]);
  } else {
    record.latest_read = 0;  // no write can race with what all know
  }
  std::fill_n(records_.begin() + first, cells, record);
}

template <class Body>
inline void SharedChecks::each_place(const Access& access, Body body) {
  const uint32_t line = access.offset >> kLineShift;
  if (is_split_[line] == 0) {
    if (access.bytes == kLineBytes) return body(line);
    split(line);
  }
  const uint32_t first = lines_ + (access.offset >> cell_shift_);
  for (uint32_t i = 0; i < access.bytes >> cell_shift_; ++i) body(first + i);
}

void SharedChecks::report(const Access& access, uint32_t place, const char* what,
                          uint32_t other_warp, const char* other_what, uint32_t other_instr) const {
  const Program& program = *cta_->worker->program;
  raise_fault(
      access.warp, access.in, "race", 1u << access.lane,
      format("%s of shared byte %u by warp %u, and warp %u's %s of it at %s, have no barrier "
             "between them",
             what, byte_of(place), access.warp.index, other_warp, other_what,
             program.source_of(program.code[other_instr]).c_str()));
}

inline void SharedChecks::check_read(const Access& access, uint32_t place) const {
  const uint32_t w = access.warp.index;
  const Record& r = records_[place];
  if (r.written <= least_known_[w]) return;
  if (r.written == kInFlight)
    report(access, place, "read", r.writer, "unfinished asynchronous copy", r.write_instr);
  if (r.writer != w && r.written > known_[w][r.writer])
    report(access, place, "read", r.writer, "write", r.write_instr);
}

inline void SharedChecks::check_write(const Access& access, uint32_t place, Write kind) const {
  const uint32_t w = access.warp.index;
  const Record& r = records_[place];
  if (std::max(r.written, r.latest_read) <= least_known_[w]) return;
  if (r.written == kInFlight)
    report(access, place, "write", r.writer, "unfinished asynchronous copy", r.write_instr);
  if (r.writer != w && r.written > known_[w][r.writer] && !(kind == Write::atomic && r.by_atomic))
    report(access, place, "write", r.writer, "write", r.write_instr);
  if (r.latest_read <= least_known_[w]) return;
  for (uint32_t v = 0; v < warps_; ++v)
    if (v != w && reads_[v][place].clock > known_[w][v])
      report(access, place, "write", v, "read", reads_[v][place].instr);
}

// Reads before a write that is not atomic need no record any more: who races with them races with
// the write.
inline void SharedChecks::record_write(const Access& access, Write kind) {
  const uint32_t w = access.warp.index;
  const uint32_t clock = kind == Write::in_flight ? kInFlight : known_[w][w];
  Record record = {clock, instr_index(access.in), 0, static_cast<uint16_t>(w),
                   kind == Write::atomic};
  if (kind != Write::atomic && access.bytes == kLineBytes)
    is_split_[access.offset >> kLineShift] = 0;
  each_place(access, [&](uint32_t place) {
    if (kind == Write::atomic) record.latest_read = records_[place].latest_read;
    records_[place] = record;
  });
}

inline uint16_t SharedChecks::bits(const Access& access) {
  return static_cast<uint16_t>(((1u << access.bytes) - 1) << access.offset % kLineBytes);
}

inline void SharedChecks::expect_initialised(const Access& access, const char* message) const {
  const uint32_t line = access.offset >> kLineShift;
  const unsigned missing = bits(access) & ~unsigned{initialised_[line]};
  if (missing == 0) return;
  const uint32_t at = line * kLineBytes + static_cast<uint32_t>(std::countr_zero(missing));
  raise_fault(access.warp, access.in, "uninitialised-read", 1u << access.lane, format(message, at));
}

void SharedChecks::read(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                        uint32_t bytes) {
  const Read read = {race_ ? known_[warp.index][warp.index] : 0, instr_index(in)};
  Read* const mine = race_ ? reads_[warp.index].data() : nullptr;
  each_lane(mask, [&](unsigned lane) {
    const Access access = {warp, in, lane, offset[lane], bytes};
    if (race_) {
      each_place(access, [&](uint32_t place) {
        check_read(access, place);
        mine[place] = read;
        records_[place].latest_read = std::max(records_[place].latest_read, read.clock);
      });
    }
    if (uninitialised_) expect_initialised(access, "shared byte %u has not been written");
  });
}

void SharedChecks::write(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                         uint32_t bytes) {
  each_lane(mask, [&](unsigned lane) {
    const Access access = {warp, in, lane, offset[lane], bytes};
    if (race_) {
      each_place(access, [&](uint32_t place) { check_write(access, place, Write::plain); });
      record_write(access, Write::plain);
    }
    initialised_[access.offset >> kLineShift] |= bits(access);
  });
}

void SharedChecks::atomic(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                          uint32_t bytes) {
  each_lane(mask, [&](unsigned lane) {
    const Access access = {warp, in, lane, offset[lane], bytes};
    if (race_) {
      each_place(access, [&](uint32_t place) { check_write(access, place, Write::atomic); });
      record_write(access, Write::atomic);
    }
    if (uninitialised_)
      expect_initialised(access, "atomic operation on shared byte %u, which has not been written");
  });
}

void SharedChecks::copy_issued(const Warp& warp, const Instr& in, uint32_t mask,
                               const uint32_t* offset, uint32_t bytes) {
  each_lane(mask, [&](unsigned lane) {
    const Access access = {warp, in, lane, offset[lane], bytes};
    if (race_) {
      each_place(access, [&](uint32_t place) { check_write(access, place, Write::in_flight); });
      record_write(access, Write::in_flight);
    }
    initialised_[access.offset >> kLineShift] &= static_cast<uint16_t>(~bits(access));
  });
}

void SharedChecks::copy_landed(const Warp& warp, const Instr& in, uint32_t mask,
                               const uint32_t* offset, uint32_t bytes) {
  each_lane(mask, [&](unsigned lane) {
    const Access access = {warp, in, lane, offset[lane], bytes};
    if (race_) record_write(access, Write::plain);
    initialised_[access.offset >> kLineShift] |= bits(access);
  });
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
  known_by_all_ = *std::min_element(least_known_.begin(), least_known_.end());
  std::fill(barriers_[barrier].begin(), barriers_[barrier].end(), 0);
}

}  // namespace cuemu
