// SPDX-License-Identifier: MIT
// Optional checks of shared memory: uninitialised reads, and races between warps.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "warp.hpp"

namespace cuemu {

// Races are found with vector clocks: a warp's clock ticks when it arrives at a barrier, and a warp
// that leaves a barrier knows the clocks of all that arrived there. An access races with an earlier
// one of another warp that it does not know of. An asynchronous copy is a write from its issue to
// the wait that covers it: whoever touches the bytes in between, the issuing warp included, races
// with it.
//
// Most accesses are of 16 bytes, a line, so that a line has one record for as long as nothing
// narrower touches it; from then on until it is overwritten, it has one for each cell.
class SharedChecks {
 public:
  void prepare(Cta& cta, bool uninitialised, bool race);
  void start_cta();

  // An access of `bytes`, a power of two up to 16, at offset[lane] of each lane in `mask`; aligned.
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

 private:
  // Of a place, which is a line or a cell. Of 16 bytes that all mean something, so that it is moved as one.
  struct alignas(16) Record {
    uint32_t written = 0;  // the last write's clock, or kInFlight
    uint32_t write_instr = 0;
    uint32_t latest_read = 0;  // the highest clock of all warps' reads since then
    uint16_t writer = 0;
    bool by_atomic = false;
    bool is_split = false;  // a line whose cells have records of their own
  };
  static_assert(sizeof(Record) == 16);
  struct Read {
    uint32_t clock = 0;
    uint32_t instr = 0;
  };
  // What a lane touches, or what lanes next to each other do that touch a whole line together.
  struct Access {
    const Warp& warp;
    const Instr& in;
    unsigned lane;  // the first
    uint32_t offset, bytes, lane_bytes;
  };
  enum class Write : uint8_t { plain, atomic, in_flight };
  using Clocks = std::vector<uint32_t>;  // one for each warp

  static constexpr uint32_t kLineShift = 4;
  static constexpr uint32_t kLineBytes = 1u << kLineShift;
  static constexpr uint32_t kInFlight = ~0u;  // above every clock

  void pass_all_clocks();
  uint32_t instr_index(const Instr& in) const;
  uint32_t byte_of(uint32_t place) const;
  // Gives a line's cells its record.
  void split(uint32_t line);
  // Calls body(access) for the accesses that a warp's is made of: few, where its lanes fill lines.
  template <class Body>
  void each_access(const Warp& warp, const Instr& in, uint32_t mask, const uint32_t* offset,
                   uint32_t bytes, Body body);
  // Calls body(place) for the places that the access is made of.
  template <class Body>
  void each_place(const Access& access, Body body);
  void check_read(const Access& access, uint32_t place) const;
  void check_write(const Access& access, uint32_t place, Write kind) const;
  Record record_of(const Warp& warp, const Instr& in, Write kind) const;
  void record_write(const Access& access, Record record);
  void check_and_record_write(const Access& access, const Record& record, Write kind);
  static uint16_t bits(const Access& access);
  // `message`: with %u for the byte.
  void expect_initialised(const Access& access, const char* message) const;
  static uint32_t lane_at(const Access& access, uint32_t byte);
  [[noreturn]] void report(const Access& access, uint32_t place, const char* what,
                           uint32_t other_warp, const char* other_what, uint32_t other_instr) const;

  Cta* cta_ = nullptr;
  bool uninitialised_ = false, race_ = false;
  unsigned cell_shift_ = 0;  // of the narrowest access of the program
  uint32_t lines_ = 0, warps_ = 0;
  uint32_t now_ = 0;  // above every clock so far

  // Of bytes; by line.
  std::vector<uint16_t> initialised_;
  // By place: all lines, then all cells. What earlier CTAs left lies before everything to come.
  std::vector<Record> records_;
  std::vector<std::vector<Read>> reads_;  // the last one of each warp: by warp, then place

  std::vector<Clocks> known_;  // by warp
  Clocks least_known_;         // by warp: what it knows of the warp that it knows least of
  uint32_t known_by_all_ = 0;  // the least of these
  std::array<Clocks, 16> barriers_;
};

}  // namespace cuemu
