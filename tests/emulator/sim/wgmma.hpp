// SPDX-License-Identifier: MIT
// wgmma.mma_async that a warp has issued and not yet waited for.
//
// Each warp of a warpgroup computes its own 16 rows, when it has issued the instruction and not at a meeting of the four.
// But a wait is for the warpgroup's instruction: one warp may tell, after it, that the operands in shared memory can be
// overwritten. So a warp waits until the other three have issued what it waits for, and all of that acts.
//
// Which registers may not be touched when: PTX ISA 9.0, 9.7.15.5.2 (wgmma.mma_async) and 9.7.15.7 (fence, commit, wait).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cuemu {

struct Instr;
struct Warp;

// One of them, of one warp.
struct Wgmma {
  const Instr* instr = nullptr;
  // Reads the operands and updates the accumulators.
  void (*act)(Warp&, const Wgmma&) = nullptr;
  uint64_t a_descriptor = 0, b_descriptor = 0;  // A's is 0 where it comes from registers
  bool accumulates = false;
  uint32_t columns = 0;
  // Numbers of the registers, as in Program::wgmma_registers.
  std::span<const uint32_t> accumulators, a_registers;
  uint32_t group = 0;  // counts the warp's commits
  uint32_t clock = 0;  // for the checks
  // What a_registers held when it was issued, register by register.
  alignas(64) std::array<uint32_t, 128> a;
};

class WgmmaQueue {
 public:
  void reset();
  void fence(Warp& warp);
  // `mma`: all but the group.
  void issue(Warp& warp, const Wgmma& mma);
  void commit() { ++committed_; }
  // For all groups but the `pending` youngest. False: other warps of the warpgroup are not so far yet, and nothing has
  // changed.
  bool wait(Warp& warp, const Instr& in, uint32_t pending);
  // Another instruction reads or writes these registers.
  void touch(const Warp& warp, const Instr& in, uint32_t mask, std::span<const uint32_t> registers);
  // A moment at which asynchronous agents may act (Landing::shuffled).
  void act_at_random(Warp& warp);
  // The warp has exited.
  void finish(const Warp& warp) const;

 private:
  struct Register {
    uint32_t touched = 0;  // by another instruction: one more than the fences before that; 0: never
    uint32_t shaped = 0;   // accumulator of a wgmma: the fences before that; 0: never
    uint32_t columns = 0;  // of that wgmma
    uint32_t in_flight = 0;  // wgmma not waited for that have it
  };

  uint64_t issued() const { return waited_ + queue_.size(); }
  void expect_fenced(const Warp& warp, const Wgmma& mma, uint32_t reg) const;
  void expect_same(const Warp& warp, const Instr& in, const Warp& other, uint64_t end) const;
  void act_until(Warp& warp, uint64_t end);

  std::vector<Wgmma> queue_;  // in order of issue
  uint64_t waited_ = 0;       // number of the first of these: so many have been waited for
  uint64_t acted_ = 0;        // so many have acted, which they do in order
  uint32_t committed_ = 0;    // groups
  uint32_t fences_ = 0;
  std::vector<Register> registers_;  // none before the first fence
};

}  // namespace cuemu
