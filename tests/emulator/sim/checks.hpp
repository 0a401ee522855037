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
class SharedChecks {
 public:
  void prepare(Cta& cta, bool uninitialised, bool race);
  void start_cta();

  void read(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset, uint32_t bytes);
  void write(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset, uint32_t bytes);
  // Atomic operations do not race with each other.
  void atomic(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset, uint32_t bytes);
  void copy_issued(const Warp& warp, const Instr& in, unsigned lane, uint32_t offset,
                   uint32_t bytes);
  void copy_landed(const Warp& warp, const Instr& in, uint32_t offset, uint32_t bytes);

  void barrier_arrived(const Warp& warp, uint32_t barrier);
  void barrier_completed(uint32_t barrier);  // while its groups are still marked as waiting

 private:
  struct Read {
    uint32_t clock = 0;
    uint32_t instr = 0;
  };
  struct Range {
    uint32_t first = 0, last = 0;  // granules [first, last)
  };
  using Clocks = std::vector<uint32_t>;  // one for each warp

  static constexpr uint32_t kInFlight = ~0u;  // above every clock

  void pass_all_clocks();
  Range range(uint32_t offset, uint32_t bytes) const {
    return {offset >> shift_, (offset + bytes) >> shift_};
  }
  uint32_t instr_index(const Instr& in) const;
  void check_read(const Warp& warp, const Instr& in, unsigned lane, Range range) const;
  void check_write(const Warp& warp, const Instr& in, unsigned lane, Range range,
                   bool atomic) const;
  void record_write(const Warp& warp, const Instr& in, Range range, bool atomic, bool in_flight);
  void set_initialised(Range range, uint8_t value);
  // `message`: with %u for the byte.
  void expect_initialised(const Warp& warp, const Instr& in, unsigned lane, Range range,
                          const char* message) const;
  [[noreturn]] void report(const Warp& warp, const Instr& in, unsigned lane, uint32_t at,
                           const char* what, uint32_t other_warp, const char* other_what,
                           uint32_t other_instr) const;

  Cta* cta_ = nullptr;
  bool uninitialised_ = false, race_ = false;
  unsigned shift_ = 0;  // of the program's granule: accesses are made of whole ones
  uint32_t granules_ = 0, warps_ = 0;
  uint64_t program_serial_ = 0;
  uint32_t now_ = 0;  // above every clock so far

  // By granule. Arrays, so that one access, which is of several granules, is a few vector operations.
  std::vector<uint8_t> initialised_;
  Clocks written_;                     // the last write's clock, or kInFlight
  std::vector<uint32_t> write_instr_;  // and its other properties
  std::vector<uint8_t> writer_, written_by_atomic_;
  Clocks latest_read_;                    // the highest clock of all warps' reads
  std::vector<std::vector<Read>> reads_;  // the last one of each warp: by warp, then granule

  std::vector<Clocks> known_;  // by warp
  Clocks least_known_;         // by warp: what it knows of the warp that it knows least of
  std::array<Clocks, 16> barriers_;
};

}  // namespace cuemu
