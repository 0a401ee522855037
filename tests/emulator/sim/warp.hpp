// SPDX-License-Identifier: MIT
// The state of a running warp, of its CTA and cluster, and of the host thread that runs them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../isa/program.hpp"
#include "async.hpp"
#include "cuemu.h"
#include "mbarrier.hpp"
#include "memory.hpp"
#include "pending_copies.hpp"
#include "wgmma.hpp"

namespace cuemu {

// When asynchronous copies and wgmma act: when issued, when waited for, or at random in between.
enum class Landing : uint8_t { eager, late, shuffled };

struct Barrier;
struct Cluster;
struct Cta;
struct Warp;
struct Worker;
class ClusterChecks;
class SharedChecks;

// Writes the result of a reduction at a barrier for the lanes that waited.
using FinishReduction = void (*)(Warp& warp, const Instr& in, uint32_t mask, const Barrier& done);

// Lanes of a warp that are at the same instruction.
struct Group {
  enum class State : uint8_t {
    runnable,
    at_sync,
    at_barrier,
    at_mbarrier,
    at_cluster,
    at_register_pool
  };
  uint32_t ip = 0;
  uint32_t mask = 0;
  State state = State::runnable;
  bool parked = false;  // spins; others go first
  // When at_barrier: which, and for a reduction what is to be done when it completes.
  uint32_t barrier = 0;
  const Instr* waiting = nullptr;
  FinishReduction finish = nullptr;
  // When at_mbarrier, and then until the group runs again: its offset, and the phase whose beginning it waits for.
  uint32_t mbarrier = 0;
  uint64_t phase = 0;

  // For something that other warps or asynchronous agents do.
  bool waits_outside() const { return state >= State::at_barrier; }
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
  bool polled = false;            // gave others a turn because something had not yet come
  uint32_t timed_out = 0;  // lanes whose wait for an mbarrier is over, as it has taken too long
  bool waited_in_vain = false;      // and which have gone on since
  uint32_t at_cluster_barrier = 0;  // lanes that have arrived there, in the current phase
  uint32_t may_leave_cluster_barrier =
      0;  // lanes that have arrived there in a phase that has completed
  // Lanes for which the grid before this one may still run: see previous_grid.hpp.
  uint32_t unordered = 0;
  uint32_t registers_held = 0;             // of a thread, by setmaxnreg
  uint32_t register_changes = 0;           // how often that was executed
  const Instr* register_change = nullptr;  // where the last time
  std::vector<Group> others;
  AsyncCopies async;
  BulkStores stores;
  WgmmaQueue wgmma;

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
  // Makes `mask` wait, for something outside the warp unless `state` is at_sync, and execute the instruction again then.
  // The caller may say what for, and must reschedule.
  Group& wait_to_repeat(const Instr& in, uint32_t mask, Group::State state);
  void yield() { yielded = true; }
  // Gives others a turn because something that they do has not been done.
  void poll() { yielded = polled = true; }
  // Chooses the group to run, after groups have changed.
  void reschedule();
  // A number that differs, all but surely, when registers, local memory or the lanes' places do.
  uint64_t state() const;

 private:
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
  uint32_t rank = 0;                // in the cluster
  std::vector<Warp> warps;
  std::array<Barrier, 16> barriers;
  Mbarriers mbarriers;
  uint32_t free_registers = 0;     // that warps have given up, as many for each of their threads
  bool has_waited = false;         // a thread has, for the grid before this one
  SharedChecks* checks = nullptr;  // when a switch asks for it
  Cluster* cluster = nullptr;
  Worker* worker = nullptr;

  // Counts `threads` more at a barrier, and releases those that wait when it is complete.
  void arrive(uint32_t barrier, uint32_t threads, uint32_t expected);
  // `at_cluster`: of them have arrived at the cluster's barrier in its current phase.
  void threads_exited(uint32_t count, uint32_t at_cluster);

 private:
  void complete(uint32_t barrier);
};

// The CTAs that see each other's shared memory; one, where the launch has no clusters.
struct Cluster {
  Cta* ctas = nullptr;  // by rank
  uint32_t size = 1;
  uint32_t live_threads = 0;
  uint32_t arrived = 0;  // threads, at barrier.cluster

  void arrive(uint32_t threads);
  // `at_barrier`: of them have arrived in the current phase.
  void threads_exited(uint32_t count, uint32_t at_barrier);

 private:
  void complete_if_done();
};

// CTAs whose warps take turns on a worker: those of a cluster, or of the whole grid of a cooperative launch.
struct Unit {
  std::vector<Cta> ctas;
  std::vector<Cluster> clusters;
  PendingCopies copies;
  uint64_t quiet_state = 0;  // of all warps, when last none of them could go on
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
  Landing landing = Landing::late;
  std::minstd_rand random;  // of Landing::shuffled; seeded anew at each launch
  cuemu_counters counters{};
  std::vector<const Region*> site_region;  // the region each memory instruction touched last
  std::vector<SectorChunk*> dirtied;
  Unit unit;
  uint64_t skipped_clocks = 0;  // that nobody has had to wait for

  Worker();
  ~Worker();
  // Kept from launch to launch.
  Storage register_storage, shared_storage, local_storage;
  std::vector<std::unique_ptr<ClusterChecks>> checks;  // by cluster of the unit
};

inline unsigned first_lane(uint32_t mask) {
  return static_cast<unsigned>(std::countr_zero(mask));
}

template <class F>
void each_lane(uint32_t mask, F f) {
  for (uint32_t rest = mask; rest != 0; rest &= rest - 1) f(first_lane(rest));
}

}  // namespace cuemu
