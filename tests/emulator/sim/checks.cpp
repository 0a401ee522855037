// SPDX-License-Identifier: MIT
#include "checks.hpp"

#include <algorithm>

#include "fault.hpp"

namespace cuemu {
namespace {

// Whether lanes next to each other touch the 16 bytes of a line, from its beginning, all over the warp.
bool fill_lines(const uint32_t* offset, uint32_t bytes) {
  uint32_t wrong = offset[0] & 15;
  for (uint32_t l = 1; l < 32; ++l) {
    const uint32_t in_line = l * bytes & 15;
    wrong |= (offset[l] & 15) ^ in_line;
    wrong |= in_line != 0 ? (offset[l] ^ offset[l - 1]) >> 4 : 0;
  }
  return wrong == 0;
}

}  // namespace

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
  Record record = records_[line];
  records_[line].is_split = true;
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
inline void SharedChecks::each_access(const Warp& warp, const Instr& in, uint32_t mask,
                                      const uint32_t* offset, uint32_t bytes, Body body) {
  uint32_t first = mask, width = bytes;
  if (bytes < kLineBytes && mask == kAllLanes && fill_lines(offset, bytes)) {
    first = kAllLanes / ((1u << kLineBytes / bytes) - 1);  // one bit for each line
    width = kLineBytes;
  }
  each_lane(first, [&](unsigned lane) {
    body(Access{warp, in, lane, offset[lane], width, bytes});
  });
}

template <class Body>
inline void SharedChecks::each_place(const Access& access, Body body) {
  const uint32_t line = access.offset >> kLineShift;
  if (!records_[line].is_split) {
    if (access.bytes == kLineBytes) return body(line);
    split(line);
  }
  const uint32_t first = lines_ + (access.offset >> cell_shift_);
  for (uint32_t i = 0; i < access.bytes >> cell_shift_; ++i) body(first + i);
}

// The lane that touches a byte, if the access does.
uint32_t SharedChecks::lane_at(const Access& access, uint32_t byte) {
  return access.lane + (byte > access.offset ? (byte - access.offset) / access.lane_bytes : 0);
}

void SharedChecks::report(const Access& access, uint32_t place, const char* what,
                          uint32_t other_warp, const char* other_what, uint32_t other_instr) const {
  const Program& program = *cta_->worker->program;
  raise_fault(
      access.warp, access.in, "race", 1u << lane_at(access, byte_of(place)),
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

SharedChecks::Record SharedChecks::record_of(const Warp& warp, const Instr& in, Write kind) const {
  const uint32_t clock = kind == Write::in_flight ? kInFlight : known_[warp.index][warp.index];
  return {.written = clock,
          .write_instr = instr_index(in),
          .writer = static_cast<uint16_t>(warp.index),
          .by_atomic = kind == Write::atomic};
}

// Reads before a write that is not atomic need no record any more: who races with them races with
// the write.
inline void SharedChecks::record_write(const Access& access, Record record) {
  if (access.bytes == kLineBytes && !record.by_atomic) {
    records_[access.offset >> kLineShift] = record;
    return;
  }
  each_place(access, [&](uint32_t place) {
    if (record.by_atomic) record.latest_read = records_[place].latest_read;
    records_[place] = record;
  });
}

inline void SharedChecks::check_and_record_write(const Access& access, const Record& record,
                                                 Write kind) {
  const Record& line = records_[access.offset >> kLineShift];
  const bool all_known =
      access.bytes == kLineBytes && !line.is_split &&
      std::max(line.written, line.latest_read) <= least_known_[access.warp.index];
  if (!all_known) each_place(access, [&](uint32_t place) { check_write(access, place, kind); });
  record_write(access, record);
}

inline uint16_t SharedChecks::bits(const Access& access) {
  return static_cast<uint16_t>(((1u << access.bytes) - 1) << access.offset % kLineBytes);
}

inline void SharedChecks::expect_initialised(const Access& access, const char* message) const {
  const uint32_t line = access.offset >> kLineShift;
  const unsigned missing = bits(access) & ~unsigned{initialised_[line]};
  if (missing == 0) return;
  const uint32_t at = line * kLineBytes + static_cast<uint32_t>(std::countr_zero(missing));
  raise_fault(access.warp, access.in, "uninitialised-read", 1u << lane_at(access, at),
              format(message, at));
}

void SharedChecks::read(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                        uint32_t bytes) {
  const Read read = {race_ ? known_[warp.index][warp.index] : 0, instr_index(in)};
  Read* const mine = race_ ? reads_[warp.index].data() : nullptr;
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
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
  const Record record = race_ ? record_of(warp, in, Write::plain) : Record{};
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
    if (race_) check_and_record_write(access, record, Write::plain);
    initialised_[access.offset >> kLineShift] |= bits(access);
  });
}

void SharedChecks::atomic(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                          uint32_t bytes) {
  const Record record = race_ ? record_of(warp, in, Write::atomic) : Record{};
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
    if (race_) check_and_record_write(access, record, Write::atomic);
    if (uninitialised_)
      expect_initialised(access, "atomic operation on shared byte %u, which has not been written");
  });
}

void SharedChecks::copy_issued(const Warp& warp, const Instr& in, uint32_t mask,
                               const uint32_t* offset, uint32_t bytes) {
  const Record record = race_ ? record_of(warp, in, Write::in_flight) : Record{};
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
    if (race_) check_and_record_write(access, record, Write::in_flight);
    initialised_[access.offset >> kLineShift] &= static_cast<uint16_t>(~bits(access));
  });
}

void SharedChecks::copy_landed(const Warp& warp, const Instr& in, uint32_t mask,
                               const uint32_t* offset, uint32_t bytes) {
  const Record record = race_ ? record_of(warp, in, Write::plain) : Record{};
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
    if (race_) record_write(access, record);
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
