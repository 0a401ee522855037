// SPDX-License-Identifier: MIT
#include "previous_grid.hpp"

#include <algorithm>

#include "fault.hpp"

namespace cuemu {

bool is_too_early(const Warp& warp, bool write, uint64_t address, uint64_t bytes) {
  for (const uint64_t end = address + bytes; address < end;) {
    const Region* const r = warp.worker->regions->find(address);
    if (r == nullptr) return false;
    const uint64_t last = std::min(end, r->end) - 1;
    const uint64_t origin = r->base >> kSectorShift;
    const uint64_t from = (address >> kSectorShift) - origin, to = (last >> kSectorShift) - origin;
    if (r->written_before.is_marked(from, to) || (write && r->read_before.is_marked(from, to)))
      return true;
    address = last + 1;
  }
  return false;
}

void fault_early_access(const Warp& warp, const Instr& in, uint32_t lane, bool write,
                        uint64_t address, uint64_t bytes) {
  raise_fault(
      warp, in, "pdl-early-read", 1u << lane,
      format("global %s of %llu bytes at 0x%llx before griddepcontrol.wait, where the launch "
             "before it %s and may still run",
             write ? "write" : "read", static_cast<unsigned long long>(bytes),
             static_cast<unsigned long long>(address),
             is_too_early(warp, false, address, bytes) ? "writes" : "reads"));
}

void wait_for_previous_grid(Warp& warp, uint32_t mask) {
  warp.unordered &= ~mask;
  warp.cta->has_waited = true;
}

void pass_block_barrier(Warp& warp, uint32_t mask) {
  if (warp.unordered != 0 && warp.cta->has_waited) warp.unordered &= ~mask;
}

void pass_cluster_barrier(Warp& warp, uint32_t mask) {
  if (warp.unordered == 0) return;
  const Cluster& cluster = *warp.cta->cluster;
  const bool waited = std::any_of(cluster.ctas, cluster.ctas + cluster.size,
                                  [](const Cta& cta) { return cta.has_waited; });
  if (waited) wait_for_previous_grid(warp, mask);
}

}  // namespace cuemu
