// SPDX-License-Identifier: MIT
#include "cluster.hpp"

#include "checks.hpp"
#include "fault.hpp"

namespace cuemu {

void Cluster::arrive(uint32_t threads) {
  arrived += threads;
  complete_if_done();
}

// Threads that have exited count as arrived (PTX ISA 9.0, 9.7.13.3).
void Cluster::threads_exited(uint32_t count, uint32_t at_barrier) {
  live_threads -= count;
  arrived -= at_barrier;
  if (arrived != 0) complete_if_done();
}

void Cluster::complete_if_done() {
  if (arrived < live_threads) return;
  arrived = 0;
  if (ctas->checks != nullptr) ctas->checks->cluster_barrier_completed();
  for (uint32_t rank = 0; rank < size; ++rank) {
    for (Warp& w : ctas[rank].warps) {
      w.may_leave_cluster_barrier |= w.at_cluster_barrier;
      w.at_cluster_barrier = 0;
      for (Group& g : w.others)
        if (g.state == Group::State::at_cluster) g.state = Group::State::runnable;
    }
  }
}

SharedPlace shared_place(const Warp& warp, const Instr& in, uint32_t lane, uint64_t address) {
  if (address >> kClusterRankShift == 0) return {warp.cta, static_cast<uint32_t>(address)};
  const Cluster& cluster = *warp.cta->cluster;
  const uint64_t rank = (address >> kClusterRankShift) - 1;
  if (rank >= cluster.size)
    raise_fault(warp, in, "out-of-bounds", 1u << lane,
                format("shared memory of rank %llu, the cluster has %u blocks",
                       static_cast<unsigned long long>(rank), cluster.size));
  Cta& cta = cluster.ctas[rank];
  if (cta.live_threads == 0)
    raise_fault(
        warp, in, "dsmem-after-exit", 1u << lane,
        format("shared memory of rank %u, whose block has exited", static_cast<unsigned>(rank)));
  return {&cta, static_cast<uint32_t>(address) & ((1u << kClusterRankShift) - 1)};
}

}  // namespace cuemu
