// SPDX-License-Identifier: MIT
// The state of a running warp, of its CTA, and of the host thread that runs them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "../isa/program.hpp"
#include "async.hpp"
#include "cuemu.h"
#include "memory.hpp"

namespace cuemu {

struct Barrier;
struct Cta;
struct Warp;
struct Worker;
class SharedChecks;

// Writes the result of a reduction at a barrier for the lanes that waited.
using FinishReduction = void (*)(Warp& warp, const Instr& in, uint32_t mask, const Barrier& done);

// Lanes of a warp that are at the same instruction.
struct Group {
  enum class State : uint8_t { runnable, at_sync, at_barrier };
  uint32_t ip = 0;
  uint32_t mask = 0;
  State state = State::runnable;
  bool parked = false;  // spins; others go first
  // When at_barrier: which, and for a reduction what is to be done when it completes.
  uint32_t barrier = 0;
  const Instr* waiting = nullptr;
  FinishReduction finish = nullptr;
};

struct Warp {
  std::byte* registers = nullptr;
  uint32_t ip = 0;
  uint32_t active = 0;   // lanes of the running group; 0 when none runs
  uint32_t dead = 0;     // lanes that have exited or never existed
  uint32_t limit = ~0u;  // where the next other group waits to be joined
  uint32_t index = 0;    // in the CTA
  bool yielded = false;  // gives other warps a turn
  Cta* cta = nullptr;
  Worker* worker = nullptr;
  cuemu_counters* counters = nullptr;
  std::byte* local = nullptr;  // lane-major
  uint32_t local_stride = 0;
  bool repeated = false;  // was in the same state when it last gave others a turn
  uint64_t last_state = 0;
  uint32_t spins = 0, turns = 0;  // backward branches since the last change of group, of warp
  std::vector<Group> others;
  AsyncCopies async;

  template <class T>
  T* lanes(uint32_t slot) {
    return reinterpret_cast<T*>(registers + slot);
  }
  uint32_t& predicate(uint32_t slot) { return *reinterpret_cast<uint32_t*>(registers + slot); }
  uint32_t live() const { return ~dead; }
  // Whether an operation on `mask` may as well be done on all lanes: registers of dead lanes do not
  // matter.
  bool covers(uint32_t mask) const { return (mask | dead) == kAllLanes; }

  // Runs until every group has exited or waits for something outside the warp, or the warp yields.
  void run();
  bool runnable() const;

  // For control instructions. `mask`: the lanes that execute it.
  void branch(const Instr& in, uint32_t mask, uint32_t target);
  void exit(uint32_t mask);
  // Makes `mask` wait at the current instruction until others join; it is executed again then.
  void wait_for_lanes(const Instr& in, uint32_t mask);
  // `finish`: nullptr for a barrier without a result.
  void wait_at_barrier(const Instr& in, uint32_t mask, uint32_t barrier, FinishReduction finish);
  void yield() { yielded = true; }
  // Chooses the group to run, after groups have changed.
  void reschedule();

 private:
  uint64_t state() const;
  void set_aside(Group::State state);
  [[noreturn]] void stuck();
};

// A CTA-wide barrier.
struct Barrier {
  uint32_t arrived = 0;                // threads
  uint32_t expected = 0;               // 0: all live threads of the CTA
  uint32_t votes = 0, true_votes = 0;  // of bar.red
};

struct Cta {
  std::byte* shared = nullptr;
  uint32_t shared_bytes = 0;
  uint32_t live_threads = 0;
  std::array<uint32_t, 3> index{};  // ctaid
  std::vector<Warp> warps;
  std::array<Barrier, 16> barriers;
  SharedChecks* checks = nullptr;  // when a switch asks for it
  Worker* worker = nullptr;

  // Counts `threads` more at a barrier, and releases those that wait when it is complete.
  void arrive(uint32_t barrier, uint32_t threads, uint32_t expected);
  void threads_exited(uint32_t count);

 private:
  void complete(uint32_t barrier);
};

struct LaunchState;

// Memory aligned to cache lines, that grows and loses its contents doing so.
class Storage {
 public:
  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ~Storage() { std::free(data_); }
  std::byte* reserve(size_t bytes);

 private:
  std::byte* data_ = nullptr;
  size_t capacity_ = 0;
};

// What a host thread needs to run CTAs.
struct Worker {
  const Program* program = nullptr;
  LaunchState* launch = nullptr;
  const RegionTable* regions = nullptr;
  const std::byte* parameters = nullptr;
  bool late_copies = true;
  cuemu_counters counters{};
  std::vector<const Region*> site_region;  // the region each memory instruction touched last
  std::vector<SectorChunk*> dirtied;
  Cta cta;

  Worker();
  ~Worker();
  // Kept from launch to launch.
  Storage register_storage, shared_storage, local_storage;
  std::unique_ptr<SharedChecks> shared_checks;
};

inline unsigned first_lane(uint32_t mask) {
  return static_cast<unsigned>(std::countr_zero(mask));
}

template <class F>
void each_lane(uint32_t mask, F f) {
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) f(first_lane(rest));
}

}  // namespace cuemu
