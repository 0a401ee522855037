// SPDX-License-Identifier: MIT
// Asynchronous copies from global to shared memory that have been issued and not yet waited for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cuemu {

struct Warp;
struct Instr;

struct AsyncCopy {
  uint32_t mask = 0;   // lanes whose part has not landed
  uint32_t group = 0;  // of all of these lanes: counts their commits
  uint32_t bytes = 0;  // a lane
  const Instr* instr = nullptr;
  bool landed = false;          // the bytes are there; kept for the checks until it is waited for
  std::array<uint32_t, 32> to;  // offsets in shared memory
  std::array<uint64_t, 32> from;
  std::array<uint8_t, 32> present;  // bytes to copy; the rest becomes zero
};

class AsyncCopies {
 public:
  void reset();
  // Takes over a copy of the warp's open group; splits it where lanes have committed differently
  // often.
  void issue(const AsyncCopy& copy);
  // The eager way: the bytes arrive at once.
  void issue_and_land(Warp& warp, const AsyncCopy& copy);
  void commit(uint32_t mask);
  // Lands all copies of the lanes but those of their `pending` youngest groups (~0u: all, committed
  // or not).
  void wait(Warp& warp, uint32_t mask, uint32_t pending);

 private:
  std::array<uint32_t, 32> committed_{};
  std::vector<AsyncCopy> copies_;  // in order of issue
  size_t first_ = 0;               // of these, that has not landed; they land in order, or nearly
};

inline constexpr uint32_t kWaitAll = ~0u;

}  // namespace cuemu
