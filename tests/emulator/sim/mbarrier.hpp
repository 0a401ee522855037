// SPDX-License-Identifier: MIT
// mbarrier objects (PTX ISA 9.0, 9.7.13.15). Their state lies beside shared memory, whose 8 bytes show an image of it
// that a program can read and that means nothing to it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cuemu {

struct Cta;
struct Instr;
struct Warp;

struct Mbarrier {
  static constexpr uint32_t kMaxCount = (1u << 20) - 1;
  static constexpr int64_t kMaxTransaction = (1 << 20) - 1;

  uint32_t offset = 0;      // in the CTA's shared memory
  uint32_t expected = 0;    // arrivals of a phase
  uint32_t pending = 0;     // of these, that the current phase still waits for
  int64_t transaction = 0;  // bytes that the current phase still waits for
  uint64_t phase = 0;       // the current one; hardware keeps its parity only
  uint64_t observed =
      0;  // the last phase that a wait saw begin, which is to see the one before it complete
  uint64_t copied = 0;          // the phase whose beginning tells that the last bytes have arrived
  const Instr* copy = nullptr;  // that brought them
  const Warp* copier = nullptr;

  // Whether it waits for bytes, or some have arrived and nobody has seen their phase complete.
  bool has_unseen_bytes() const { return copied > observed || transaction != 0; }
  // What arrive returns and test_wait takes: the phase, and the arrivals it waited for.
  uint64_t token() const { return phase << 20 | pending; }
  static uint32_t pending_of(uint64_t token) { return static_cast<uint32_t>(token) & kMaxCount; }
  bool has_completed(uint64_t token) const { return phase != token >> 20; }
};

// Those of a CTA.
class Mbarriers {
 public:
  void clear() { all_.clear(), begin_ = ~0u, end_ = 0; }
  // nullptr where there is none. Valid until the next init.
  Mbarrier* find(uint32_t offset);
  bool touches(uint32_t first, uint32_t last) const { return last >= begin_ && first < end_; }
  // The one that has a byte in [first, last], if any.
  const Mbarrier* overlapping(uint32_t first, uint32_t last) const;
  Mbarrier& add(uint32_t offset, uint32_t count);
  void remove(uint32_t offset);
  const std::vector<Mbarrier>& all() const { return all_; }

 private:
  std::vector<Mbarrier> all_;
  uint32_t begin_ = ~0u, end_ = 0;  // all lie in there
};

// `warp` executes `in`, which names the barrier in the CTA `cta` of its cluster. Each of these faults where the barrier
// does not allow it.
void arrive(Warp& warp, const Instr& in, uint32_t lane, Cta& cta, Mbarrier& barrier, uint32_t count,
            bool may_complete = true);
void arrive_drop(Warp& warp, const Instr& in, uint32_t lane, Cta& cta, Mbarrier& barrier,
                 uint32_t count, bool may_complete);
// The bytes may be negative: complete_tx.
void expect_bytes(Warp& warp, const Instr& in, uint32_t lane, Cta& cta, Mbarrier& barrier,
                  int64_t bytes);
// An asynchronous agent of the warp has delivered the bytes.
void bytes_arrived(const Warp& warp, const Instr& in, uint32_t lane, Cta& cta, uint32_t offset,
                   uint32_t bytes);

// The barrier at this offset; a fault where there is none.
Mbarrier& mbarrier_at(const Warp& warp, const Instr& in, uint32_t lane, Cta& cta, uint32_t offset);

// A fault where bytes have arrived at a barrier of a CTA that has ended and nobody has seen its phase complete, or where it
// still waits for some.
void expect_observed(const Cta& cta, const Mbarrier& barrier);

// For messages: where, and what is missing.
std::string describe(const Mbarrier& barrier);

// Writes the image of a barrier's state.
void show(Cta& cta, const Mbarrier& barrier);

}  // namespace cuemu
