// SPDX-License-Identifier: MIT
// Optional checks of shared memory: uninitialised reads, races between warps and asynchronous agents, missing fences.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "bulk_copy.hpp"
#include "clocks.hpp"
#include "warp.hpp"

namespace cuemu {

// Of one CTA, to be asked for by Cta::checks, which is nullptr where no switch asks for it.
//
// Races are found with vector clocks: an access races with an earlier one of another slot that the accessing warp does not
// know of. An asynchronous copy by cp.async is a write from its issue to the wait that covers it: whoever touches the bytes
// in between, the issuing warp included, races with it. So is a bulk copy to shared memory, until a wait for the phase of
// the mbarrier that it completes; what a bulk store, or wgmma, reads is read from its issue to the wait that covers it.
//
// Most accesses are of 16 bytes, a line, so that a line has one record for as long as nothing
// narrower touches it; from then on until it is overwritten, it has one for each cell.
class SharedChecks {
 public:
  // Bytes [offset, offset + bytes) of shared memory, in multiples of 16.
  struct Range {
    uint32_t offset, bytes;
  };

  void prepare(Cta& cta, ClusterClocks& clocks, bool uninitialised, bool race);
  void start_cta();
  void forget_reads();

  // An access by a warp of the cluster of `bytes`, a power of two up to 16, at offset[lane] of each lane in `mask`; aligned.
  void read(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
            uint32_t bytes);
  void write(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
             uint32_t bytes);
  // Atomic operations do not race with each other.
  void atomic(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
              uint32_t bytes);
  void copy_issued(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                   uint32_t bytes);
  void copy_landed(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                   uint32_t bytes);

  void barrier_arrived(const Warp& warp, uint32_t barrier);
  void barrier_completed(uint32_t barrier);  // while its groups are still marked as waiting

  void fence(const Warp& warp, uint32_t mask, Fence kind);
  // barrier.cluster of the CTA's cluster.
  void cluster_barrier_arrived(const Warp& warp, bool relaxed);
  void cluster_barrier_completed();
  void cluster_barrier_waited(const Warp& warp);

  // mbarriers of this CTA, by their offset.
  void mbarrier_initialised(const Warp& warp, const Instr& in, uint32_t lane, uint32_t offset);
  // A warp of the cluster names it: a fault where the initialisation is not ordered before.
  void mbarrier_used(const Warp& warp, const Instr& in, uint32_t lane, uint32_t offset);
  void mbarrier_arrived(const Warp& warp, uint32_t offset, bool relaxed);
  void mbarrier_completed(uint32_t offset);                 // a phase of it, after the last arrival
  void mbarrier_waited(const Warp& warp, uint32_t offset);  // with success

  // Bulk copies to this CTA. `issue`, when a copy has been issued, becomes what the copy knows, and goes to bulk_landed when its
  // bytes have arrived, before its mbarrier counts them.
  void bulk_issued(const Warp& warp, const BulkCopy& copy, Clocks& issue);
  void bulk_landed(const Warp& warp, const BulkCopy& copy, const Clocks& issue);
  // Bulk stores from this CTA. What is returned goes to bulk_source_released when the lane has waited until the source has
  // been read, and to bulk_store_completed when it has waited until the destination has been written.
  Clock bulk_store_issued(const Warp& warp, const BulkCopy& copy);
  void bulk_source_released(const Warp& warp, uint32_t lane, Clock clock);
  void bulk_store_completed(const Warp& warp, uint32_t lane, Clock clock);
  // A load from global memory, of what bulk stores of this CTA may not have written yet.
  void global_read(const Warp& warp, const Instr& in, uint32_t mask, const uint64_t* address,
                   uint32_t bytes) const;

  // wgmma by a warp of this CTA that reads these ranges between now and the wait that covers it. What is returned goes to
  // wgmma_waited when that wait is over; of several, the last will do. A wait by any warp tells of the whole warpgroup's
  // reads, so it must not be over before all four warps have issued what it waits for.
  Clock wgmma_issued(const Warp& warp, const Instr& in, std::span<const Range> reads);
  void wgmma_waited(const Warp& warp, Clock clock);

 private:
  // Of a place, which is a line or a cell. Of 16 bytes that all mean something, so that it is moved as one.
  struct alignas(16) Record {
    Clock written = 0;  // the last write's, or kInFlight
    uint32_t write_instr = 0;
    Clock latest_read = 0;  // the highest clock of all slots' reads since then
    uint16_t writer = 0;    // slot
    uint8_t lanes = 0;      // of a warp, that wrote: the first << 3 | log2 of how many
    bool by_atomic : 1 = false;
    bool is_split : 1 = false;  // a line whose cells have records of their own
  };
  static_assert(sizeof(Record) == 16);
  struct Read {
    Clock clock = 0;
    uint32_t instr = 0;
  };
  // Who makes an access, and what is to be said of it.
  struct Accessor {
    const Warp& warp;
    const Instr& in;
    uint32_t slot;  // of the warp
    Clock least_known;
    const Clock* known;  // by slot
  };
  // An asynchronous one.
  struct AgentAccess : Accessor {
    uint32_t lanes;  // that have issued it
  };
  // What a lane touches, or what lanes next to each other do that touch a whole line together.
  struct Access : Accessor {
    unsigned lane;  // the first
    uint32_t offset, bytes, lane_bytes;
  };
  enum class Write : uint8_t { plain, atomic, in_flight };
  // A line, and which of its bytes.
  struct Part {
    uint32_t line;
    uint16_t bytes;
  };
  struct MbarrierClocks {
    uint32_t offset = 0;
    uint32_t initialiser = 0, lane = 0;  // warp
    uint32_t instr = 0;
    Clock initialised = 0;
    Clocks arriving, completed;  // of the current phase and those before; without the current one
    uint32_t agents = kNoSlot;   // the slot of the copies that signal it
    Clock landing = 0;           // of those that have arrived in the current phase; 0: none
  };
  // The bulk stores of a lane: one slot for what they read, one for what they write.
  struct StoreAgents {
    uint32_t warp, lane, reads, writes;
  };
  // What a bulk store writes.
  struct GlobalWrite {
    uint32_t slot = 0, instr = 0;
    Clock clock = 0;
    uint64_t begin = ~uint64_t{0}, end = 0;  // it lies in there
    std::vector<CopyPiece> pieces;
  };
  struct WgmmaAgents {
    uint32_t slot = kNoSlot;
    Clock begin = 0;
    std::array<Clock, 4> issued{};  // by warp of the warpgroup, since then
  };

  static constexpr uint32_t kLineShift = 4;
  static constexpr uint32_t kLineBytes = 1u << kLineShift;
  static constexpr Clock kInFlight = ~0u;  // above every clock

  Accessor accessor(const Warp& warp, const Instr& in) const;
  uint32_t instr_index(const Instr& in) const;
  uint32_t byte_of(uint32_t place) const;
  // Gives a line's cells its record.
  void split(uint32_t line);
  // Where reads of the slot are recorded, by place.
  Read* reads_of(uint32_t slot);
  // Calls body(access) for the accesses that a warp's is made of: few, where its lanes fill lines.
  template <class Body>
  void each_access(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                   uint32_t bytes, Body body);
  // Calls body(place) for the places that the access is made of.
  template <class Body>
  void each_place(const Access& access, Body body);
  // Likewise for a line, or for a part of one that has been split.
  template <class Body>
  void each_place_of(const Part& part, Body body) const;
  template <class By>
  void check_read(const By& by, uint32_t place) const;
  template <class By>
  void check_written(const By& by, uint32_t place, Write kind) const;
  void check_write(const Access& access, uint32_t place, Write kind) const;
  Record record_of(const Access& access, Write kind) const;
  void record_write(const Access& access, Record record);
  void check_and_record_write(const Access& access, Write kind);
  static uint32_t lanes_at(const Access& access, uint32_t byte);
  static uint32_t lanes_at(const AgentAccess& access, uint32_t) { return access.lanes; }
  static uint16_t bits(const Access& access);
  // `message`: with %u for the byte.
  void expect_initialised(const Access& access, const char* message) const;
  template <class By>
  [[noreturn]] void report(const By& by, uint32_t place, const char* what, uint32_t other,
                           const char* other_what, uint32_t other_instr) const;
  [[noreturn]] void report(const Accessor& by, uint32_t lanes, uint32_t place, const char* what,
                           uint32_t other, const char* other_what, uint32_t other_instr) const;
  std::string source_of(uint32_t instr) const;

  // The lines that a copy touches in a CTA, in `parts_`; of a store only what it reads.
  void find_parts(const BulkCopy& copy);
  void find_source(const BulkCopy& copy);
  void add_parts(uint32_t begin, uint32_t end, uint32_t swizzle);
  // Of `parts_`: a write by agents, from now until it is known of.
  void write_by_agents(const AgentAccess& by, uint32_t slot);
  void check_reads_before(const AgentAccess& by) const;
  // Of `parts_`: reads by agents that end at `clock` of their slot.
  void read_by_agents(const AgentAccess& by, uint32_t slot, Clock clock);
  void expect_proxy_fence(const AgentAccess& by, uint32_t place) const;
  MbarrierClocks* find_mbarrier(uint32_t offset);
  StoreAgents store_agents_of(uint32_t warp, uint32_t lane);
  void check_global_read(const AgentAccess& by, uint64_t begin, uint64_t end) const;
  void expect_known(const AgentAccess& by, const MbarrierClocks& b, bool fenced) const;
  uint32_t agents_of(MbarrierClocks& b);
  Clock landing_clock(MbarrierClocks& b);

  Cta* cta_ = nullptr;
  ClusterClocks* clocks_ = nullptr;
  bool uninitialised_ = false, race_ = false;
  unsigned cell_shift_ = 0;  // of the narrowest access of the program
  uint32_t lines_ = 0;
  bool has_reads_in_flight_ = false;

  // Of bytes; by line.
  std::vector<uint16_t> initialised_;
  // By place: all lines, then all cells. What earlier CTAs left lies before everything to come.
  std::vector<Record> records_;
  std::vector<std::vector<Read>> reads_;  // the last one of each slot: by slot, then place
  std::vector<uint32_t> readers_;         // slots that have some of this CTA

  std::array<Clocks, 16> barriers_;
  std::vector<MbarrierClocks> mbarriers_;
  std::vector<StoreAgents> store_agents_;
  std::vector<GlobalWrite> global_writes_;
  uint64_t global_begin_ = ~uint64_t{0}, global_end_ = 0;  // all of these lie in there
  std::vector<WgmmaAgents> wgmma_agents_;                  // by warpgroup
  std::vector<Part> parts_;
};

// Those of a cluster, as long as it lasts and for those that follow it on the same worker.
class ClusterChecks {
 public:
  void prepare(Cluster& cluster, bool uninitialised, bool race);
  // Before its CTAs are started.
  void start();

 private:
  ClusterClocks clocks_;
  std::deque<SharedChecks> ctas_;
};

}  // namespace cuemu
