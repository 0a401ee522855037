// SPDX-License-Identifier: MIT
#include "checks.hpp"

#include <algorithm>

#include "check_accesses.hpp"
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

void ClusterChecks::prepare(Cluster& cluster, bool uninitialised, bool race) {
  if (race) clocks_.prepare(cluster, static_cast<uint32_t>(cluster.ctas->warps.size()));
  while (ctas_.size() < cluster.size) ctas_.emplace_back();
  for (uint32_t rank = 0; rank < cluster.size; ++rank) {
    Cta& cta = cluster.ctas[rank];
    ctas_[rank].prepare(cta, clocks_, uninitialised, race);
    cta.checks = &ctas_[rank];
  }
}

void ClusterChecks::start() {
  clocks_.start();
  if (!clocks_.begins_anew()) return;
  for (SharedChecks& c : ctas_) c.forget_reads();
}

void SharedChecks::prepare(Cta& cta, ClusterClocks& clocks, bool uninitialised, bool race) {
  cta_ = &cta;
  clocks_ = &clocks;
  uninitialised_ = uninitialised;
  race_ = race;
  lines_ = (cta.shared_bytes + kLineBytes - 1) >> kLineShift;
  initialised_.resize(lines_);
  if (!race) return;
  if (has_reads_in_flight_) forget_reads();
  cell_shift_ = static_cast<unsigned>(std::countr_zero(cta.worker->program->shared_granule));
  const size_t places = lines_ + (size_t{lines_} << (kLineShift - cell_shift_));
  records_.resize(std::max(places, records_.size()));
  for (std::vector<Read>& of_slot : reads_)
    if (!of_slot.empty()) of_slot.resize(records_.size());
  wgmma_agents_.resize((cta.warps.size() + 3) / 4);
}

void SharedChecks::forget_reads() {
  for (std::vector<Read>& of_slot : reads_) std::fill(of_slot.begin(), of_slot.end(), Read{});
  has_reads_in_flight_ = false;
}

void SharedChecks::start_cta() {
  std::fill(initialised_.begin(), initialised_.end(), uint16_t{0});
  if (!race_) return;
  std::fill_n(records_.begin(), lines_, Record{});
  for (Clocks& b : barriers_) b.clear();
  readers_.clear();
  mbarriers_.clear();
  store_agents_.clear();
  global_writes_.clear();
  global_begin_ = ~uint64_t{0}, global_end_ = 0;
  std::fill(wgmma_agents_.begin(), wgmma_agents_.end(), WgmmaAgents{});
}

SharedChecks::Accessor SharedChecks::accessor(const Warp& warp, const Instr& in) const {
  if (!race_) return {warp, in, 0, 0, nullptr};
  const uint32_t slot = clocks_->slot_of(warp);
  return {warp, in, slot, clocks_->least_known_by(slot), clocks_->known_by(slot).data()};
}

uint32_t SharedChecks::instr_index(const Instr& in) const {
  return static_cast<uint32_t>(&in - cta_->worker->program->code.data());
}

uint32_t SharedChecks::byte_of(uint32_t place) const {
  return place < lines_ ? place << kLineShift : (place - lines_) << cell_shift_;
}

std::string SharedChecks::source_of(uint32_t instr) const {
  const Program& program = *cta_->worker->program;
  return program.source_of(program.code[instr]);
}

SharedChecks::Read* SharedChecks::reads_of(uint32_t slot) {
  if (slot >= reads_.size()) reads_.resize(slot + 1);
  std::vector<Read>& reads = reads_[slot];
  if (std::find(readers_.begin(), readers_.end(), slot) == readers_.end()) {
    reads.resize(records_.size());
    readers_.push_back(slot);
  }
  return reads.data();
}

void SharedChecks::split(uint32_t line) {
  Record record = records_[line];
  records_[line].is_split = true;
  const uint32_t cells = kLineBytes >> cell_shift_;
  const uint32_t first = lines_ + line * cells;
  if (record.latest_read > clocks_->known_by_all()) {
    for (uint32_t v : readers_) std::fill_n(reads_[v].begin() + first, cells, reads_[v][line]);
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
  const Accessor by = accessor(warp, in);
  each_lane(first, [&](unsigned lane) { body(Access{by, lane, offset[lane], width, bytes}); });
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
uint32_t SharedChecks::lanes_at(const Access& access, uint32_t byte) {
  return 1u << (access.lane +
                (byte > access.offset ? (byte - access.offset) / access.lane_bytes : 0));
}

void SharedChecks::report(const Accessor& by, uint32_t lanes, uint32_t place, const char* what,
                          uint32_t other, const char* other_what, uint32_t other_instr) const {
  const bool is_source = std::any_of(store_agents_.begin(), store_agents_.end(),
                                     [&](const StoreAgents& a) { return a.reads == other; });
  const std::string by_whom = clocks_->name_of(by.slot), other_name = clocks_->name_of(other);
  if (is_source)
    raise_fault(by.warp, by.in, "bulk-source-race", lanes,
                format("%s of shared byte %u by %s, and nobody has told it that %s at %s has read "
                       "it (cp.async.bulk.wait_group.read)",
                       what, byte_of(place), by_whom.c_str(), other_name.c_str(),
                       source_of(other_instr).c_str()));
  raise_fault(by.warp, by.in, "race", lanes,
              format("%s of shared byte %u by %s, and %s's %s of it at %s, have no barrier "
                     "between them",
                     what, byte_of(place), by_whom.c_str(), other_name.c_str(), other_what,
                     source_of(other_instr).c_str()));
}

inline void SharedChecks::check_write(const Access& access, uint32_t place, Write kind) const {
  const Record& r = records_[place];
  if (std::max(r.written, r.latest_read) <= access.least_known) return;
  check_written(access, place, kind);
  if (r.latest_read <= access.least_known) return;
  for (uint32_t v : readers_)
    if (v != access.slot && reads_[v][place].clock > access.known[v])
      report(access, place, "write", v, "read", reads_[v][place].instr);
}

inline SharedChecks::Record SharedChecks::record_of(const Access& access, Write kind) const {
  const int count = std::countr_zero(access.bytes) - std::countr_zero(access.lane_bytes);
  return {.written = kind == Write::in_flight ? kInFlight : access.known[access.slot],
          .write_instr = instr_index(access.in),
          .writer = static_cast<uint16_t>(access.slot),
          .lanes = static_cast<uint8_t>(access.lane << 3 | static_cast<unsigned>(count)),
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

inline void SharedChecks::check_and_record_write(const Access& access, Write kind) {
  const Record& line = records_[access.offset >> kLineShift];
  const bool all_known = access.bytes == kLineBytes && !line.is_split &&
                         std::max(line.written, line.latest_read) <= access.least_known;
  if (!all_known) each_place(access, [&](uint32_t place) { check_write(access, place, kind); });
  record_write(access, record_of(access, kind));
}

inline uint16_t SharedChecks::bits(const Access& access) {
  return static_cast<uint16_t>(((1u << access.bytes) - 1) << access.offset % kLineBytes);
}

inline void SharedChecks::expect_initialised(const Access& access, const char* message) const {
  const uint32_t line = access.offset >> kLineShift;
  const unsigned missing = bits(access) & ~unsigned{initialised_[line]};
  if (missing == 0) return;
  const uint32_t at = line * kLineBytes + static_cast<uint32_t>(std::countr_zero(missing));
  raise_fault(access.warp, access.in, "uninitialised-read", lanes_at(access, at),
              format(message, at));
}

void SharedChecks::read(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                        uint32_t bytes) {
  const uint32_t slot = race_ ? clocks_->slot_of(warp) : 0;
  const Read read = {race_ ? clocks_->of_warp(slot) : 0, instr_index(in)};
  Read* const mine = race_ ? reads_of(slot) : nullptr;
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
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
    if (race_) check_and_record_write(access, Write::plain);
    initialised_[access.offset >> kLineShift] |= bits(access);
  });
}

void SharedChecks::atomic(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                          uint32_t bytes) {
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
    if (race_) check_and_record_write(access, Write::atomic);
    if (uninitialised_)
      expect_initialised(access, "atomic operation on shared byte %u, which has not been written");
  });
}

void SharedChecks::copy_issued(const Warp& warp, const Instr& in, uint32_t mask,
                               const uint32_t* offset, uint32_t bytes) {
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
    if (race_) check_and_record_write(access, Write::in_flight);
    initialised_[access.offset >> kLineShift] &= static_cast<uint16_t>(~bits(access));
  });
}

void SharedChecks::copy_landed(const Warp& warp, const Instr& in, uint32_t mask,
                               const uint32_t* offset, uint32_t bytes) {
  each_access(warp, in, mask, offset, bytes, [&](const Access& access) {
    if (race_) record_write(access, record_of(access, Write::plain));
    initialised_[access.offset >> kLineShift] |= bits(access);
  });
}

void SharedChecks::barrier_arrived(const Warp& warp, uint32_t barrier) {
  if (race_) clocks_->release(clocks_->slot_of(warp), barriers_[barrier]);
}

void SharedChecks::barrier_completed(uint32_t barrier) {
  if (!race_) return;
  for (Warp& w : cta_->warps)
    for (const Group& g : w.others)
      if (g.state == Group::State::at_barrier && g.barrier == barrier)
        clocks_->acquire(clocks_->slot_of(w), barriers_[barrier]);
  clocks_->find_known_by_all();
  std::fill(barriers_[barrier].begin(), barriers_[barrier].end(), 0);
}

void SharedChecks::fence(const Warp& warp, uint32_t mask, Fence kind) {
  if (race_) clocks_->fence(clocks_->slot_of(warp), mask, kind);
}

void SharedChecks::cluster_barrier_arrived(const Warp& warp, bool relaxed) {
  if (race_) clocks_->cluster_barrier_arrived(warp, relaxed);
}

void SharedChecks::cluster_barrier_completed() {
  if (race_) clocks_->cluster_barrier_completed();
}

void SharedChecks::cluster_barrier_waited(const Warp& warp) {
  if (race_) clocks_->cluster_barrier_waited(warp);
}

}  // namespace cuemu
