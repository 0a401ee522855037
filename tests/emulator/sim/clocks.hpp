// SPDX-License-Identifier: MIT
// Vector clocks: what the warps of a cluster know of each other and of the asynchronous agents they have started.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "warp.hpp"

namespace cuemu {

using Clock = uint32_t;
using Clocks = std::vector<Clock>;  // by slot

// What instructions of the names fence and membar order, as far as the checks look at it.
enum class Fence : uint8_t {
  other,
  async_proxy,     // fence.proxy.async, of shared memory or of all
  mbarrier_init,   // fence.mbarrier_init
  of_global_proxy  // fence.proxy.async.global
};

// A slot is one that makes accesses: a warp of the cluster, or the asynchronous agents of one kind that end in an order of
// their own: copies that signal one mbarrier, bulk stores of one lane, wgmma of one warpgroup.
//
// The clock of a warp ticks when it releases what it has done, at a barrier or an arrival; who acquires that knows all its
// accesses up to that clock. The clock of agents ticks with what ends together: a phase, a store, a wgmma.
class ClusterClocks {
 public:
  void prepare(const Cluster& cluster, uint32_t warps_of_cta);
  void start();
  // Whether clocks have become so high that records of the past must go. Forgets it.
  bool begins_anew() { return std::exchange(begins_anew_, false); }

  uint32_t warps() const { return warps_; }
  uint32_t slot_of(const Warp& w) const { return w.cta->rank * warps_of_cta_ + w.index; }
  // By slot: what the warp knows of it.
  const Clocks& known_by(uint32_t warp) const { return known_[warp]; }
  Clock of_warp(uint32_t warp) const { return known_[warp][warp]; }
  Clock least_known_by(uint32_t warp) const { return least_known_[warp]; }
  Clock known_by_all() const { return known_by_all_; }
  std::string name_of(uint32_t slot) const;

  void tick(uint32_t warp) { ++known_[warp][warp]; }
  // Adds what the warp knows to `to`, and ticks; a relaxed one adds only what the warp knew at its last fence.
  void release(uint32_t warp, Clocks& to, bool relaxed = false);
  void acquire(uint32_t warp, const Clocks& from);
  void acquire(uint32_t warp, uint32_t slot, Clock clock);
  // After several of these.
  void find_known_by_all();
  static void join(Clocks& to, const Clocks& from);

  // A slot for agents, of whose past everybody knows.
  uint32_t add_agents(std::string name);
  // Their latest clock so far.
  Clock of_agents(uint32_t slot) const { return latest_[slot - warps_]; }
  Clock tick_agents(uint32_t slot) { return ++latest_[slot - warps_]; }

  // The lanes in `mask` have executed a fence. Ticks where the checks look at it.
  void fence(uint32_t warp, uint32_t mask, Fence kind);
  // The clock up to which all that the lanes of the writer have done lies before a fence by each of them that the reader
  // knows of; 0: none.
  Clock fenced_until(uint32_t reader, uint32_t writer, uint32_t lanes, bool for_mbarrier) const;

  // barrier.cluster
  void cluster_barrier_arrived(const Warp& warp, bool relaxed) {
    release(slot_of(warp), cluster_arriving_, relaxed);
  }
  void cluster_barrier_completed() { cluster_completed_ = cluster_arriving_; }
  void cluster_barrier_waited(const Warp& warp) { acquire(slot_of(warp), cluster_completed_); }

 private:
  struct FenceEvent {
    Clock at;
    uint32_t lanes;
  };

  static constexpr Clock kHighest = 1u << 30;

  void find_now();

  uint32_t warps_of_cta_ = 0, warps_ = 0, cluster_size_ = 1;
  Clock now_ = 0;  // above every clock of earlier CTAs
  bool begins_anew_ = false;
  std::vector<Clocks> known_;  // by warp
  Clocks least_known_;         // by warp: what it knows of the slot that it knows least of
  Clock known_by_all_ = 0;     // the least of these
  Clocks latest_;              // of agents, which come behind the warps
  std::vector<std::string> names_;
  std::vector<std::vector<FenceEvent>> proxy_fences_, init_fences_;  // by warp
  std::vector<Clocks> fenced_;  // by warp: what it knew at its last fence
  Clocks cluster_arriving_, cluster_completed_;
};

}  // namespace cuemu
