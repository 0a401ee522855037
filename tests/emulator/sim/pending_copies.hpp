// SPDX-License-Identifier: MIT
// Bulk copies that have been issued and not yet waited for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bulk_copy.hpp"

namespace cuemu {

struct Worker;

// Those of a unit that complete at an mbarrier, and the arrivals that follow a lane's cp.async copies.
class PendingCopies {
 public:
  void clear() { copies_.clear(), arrivals_.clear(); }
  void issue(Warp& warp, BulkCopy copy);
  // The arrival at an mbarrier of the warp's CTA that follows the copies by cp.async which the lane has issued so far.
  void issue_arrival(Warp& warp, const Instr& in, uint32_t lane, uint32_t barrier);

  // Lets the oldest of them land. False: there is none.
  bool land_oldest();
  // Lets one or none of them land, by the worker's dice.
  void land_at_random(Worker& worker);
  // The unit has ended: a fault where there is a copy that nobody can have waited for.
  void finish();
  // Lands the arrivals of lanes whose copies have been waited for.
  void land_arrivals_of(const Warp& warp, uint32_t mask);

 private:
  struct Copy {
    Warp* warp;
    BulkCopy copy;
    std::vector<uint32_t> clocks;  // when it was issued, for the checks
  };
  struct Arrival {
    Warp* warp;
    const Instr* in;
    uint32_t lane, barrier;
  };
  void land_copy(size_t index);
  void land_arrival(size_t index);

  std::vector<Copy> copies_;  // in order of issue
  std::vector<Arrival> arrivals_;
};

// Those of a warp to global memory, which complete by bulk async-groups.
class BulkStores {
 public:
  void reset();
  void issue(Warp& warp, BulkCopy copy);
  void commit(uint32_t mask);
  void wait(Warp& warp, uint32_t mask, uint32_t pending, bool read);
  void act_at_random(Warp& warp);
  // The CTA ends: what has been read is written, a fault where something has not been waited for.
  void finish(Warp& warp);

 private:
  struct Store {
    BulkCopy copy;
    uint32_t group = 0;  // of its lane
    bool is_read = false, is_written = false;
    uint32_t clock = 0;           // for the checks
    bool awaited = false;         // a wait has told the program that the source has been read
    std::vector<std::byte> data;  // what was read, by piece
  };
  static void read(Warp& warp, Store& store);
  static void write(Warp& warp, Store& store);

  std::array<uint32_t, 32> committed_{};
  std::vector<Store> stores_;  // in order of issue
};

}  // namespace cuemu
