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
  struct Access {
    uint32_t clock = 0;
    uint32_t instr = 0;
  };
  struct Granule {
    Access write;
    uint8_t writer = 0;
    bool written_by_atomic = false;
    bool in_flight = false;
  };
  using Clocks = std::vector<uint32_t>;  // one for each warp

  void pass_all_clocks();
  uint32_t instr_index(const Instr& in) const;
  void check_write(const Warp& warp, const Instr& in, unsigned lane, uint32_t at, bool atomic);
  void record_write(const Warp& warp, const Instr& in, uint32_t at, bool atomic);
  [[noreturn]] void report(const Warp& warp, const Instr& in, unsigned lane, uint32_t at,
                           const char* what, uint32_t other_warp, const char* other_what,
                           uint32_t other_instr) const;
  Access& last_read(uint32_t at, uint32_t warp) { return reads_[size_t{at} * warps_ + warp]; }

  Cta* cta_ = nullptr;
  bool uninitialised_ = false, race_ = false;
  uint32_t warps_ = 0;
  unsigned shift_ = 0;  // of the program's granule: accesses are made of whole ones
  uint64_t program_serial_ = 0;
  uint32_t now_ = 0;                  // above every clock so far
  std::vector<uint8_t> initialised_;  // by granule
  std::vector<Granule> granules_;
  std::vector<Access> reads_;  // by granule and warp
  std::vector<Clocks> known_;  // by warp
  std::array<Clocks, 16> barriers_;
};

}  // namespace cuemu
