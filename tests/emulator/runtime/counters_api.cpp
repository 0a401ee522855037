// SPDX-License-Identifier: MIT
// The library's side of cuemu.h (the fault functions are with the errors), and the report at exit.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "api.hpp"
#include "events.hpp"
#include "graph_handles.hpp"
#include "launch_log.hpp"
#include "memory.hpp"
#include "streams.hpp"

namespace cuemu::runtime {
namespace {

void report(const char* name, uint64_t value) {
  std::fprintf(stderr, "cuemu: %s = %" PRIu64 "\n", name, value);
}

void report(const std::string& name, const cuemu_shared_traffic& traffic) {
  report((name + ".instructions").c_str(), traffic.instructions);
  report((name + ".wavefronts").c_str(), traffic.wavefronts);
  report((name + ".ideal_wavefronts").c_str(), traffic.ideal_wavefronts);
}

void report(const std::string& name, const cuemu_global_traffic& traffic) {
  report((name + ".instructions").c_str(), traffic.instructions);
  report((name + ".bytes").c_str(), traffic.bytes);
  report((name + ".sectors").c_str(), traffic.sectors);
  report((name + ".ideal_sectors").c_str(), traffic.ideal_sectors);
  report((name + ".unique_bytes").c_str(), traffic.unique_bytes);
}

__attribute__((destructor)) void report_counters_at_exit() {
  const char* const wanted = std::getenv("CUEMU_REPORT");
  if (wanted == nullptr || std::strcmp(wanted, "1") != 0) return;
  cuemu_counters counters = {};
  counters.size = sizeof counters;
  read_counters(counters);
  report("launches", counters.launches);
  report("ctas", counters.ctas);
  report("warp_instructions", counters.warp_instructions);
  report("mma_instructions", counters.mma_instructions);
  report("mma_flops", counters.mma_flops);
  report("fma_flops", counters.fma_flops);
  report("integer_divisions", counters.integer_divisions);
  report("barriers", counters.barriers);
  report("shared_load", counters.shared_load);
  report("shared_store", counters.shared_store);
  report("ldmatrix", counters.ldmatrix);
  report("stmatrix", counters.stmatrix);
  report("async_copy", counters.async_copy);
  report("global_load", counters.global_load);
  report("global_store", counters.global_store);
  report("atomic_instructions", counters.atomic_instructions);
  report("divergent_branches", counters.divergent_branches);
  report("wgmma_instructions", counters.wgmma_instructions);
  report("wgmma_shared_bytes", counters.wgmma_shared_bytes);
  report("tma_loads", counters.tma_loads);
  report("tma_load_bytes", counters.tma_load_bytes);
  report("tma_filled_bytes", counters.tma_filled_bytes);
  report("tma_stores", counters.tma_stores);
  report("tma_store_bytes", counters.tma_store_bytes);
  report("tma_global_sectors", counters.tma_global_sectors);
  report("multicast_bytes", counters.multicast_bytes);
  report("cluster_accesses", counters.cluster_accesses);
  report("barrier_phases", counters.barrier_phases);
}

}  // namespace
}  // namespace cuemu::runtime

CUEMU_EXPORT void cuemu_read_counters_impl(cuemu_counters* out) {
  cuemu::read_counters(*out);
}

CUEMU_EXPORT void cuemu_reset_counters_impl() {
  cuemu::reset_counters();
  cuemu::runtime::forget_launches();
}

CUEMU_EXPORT int cuemu_set_switch_impl(const char* name, int value) {
  if (std::strcmp(name, "sparse") == 0) return cuemu::runtime::set_sparse(value);
  if (std::strcmp(name, "reuse") == 0) return cuemu::runtime::set_reuse(value);
  return cuemu::set_switch(name, value);
}

CUEMU_EXPORT void cuemu_run_ctas_impl(int64_t first, uint64_t count) {
  cuemu::choose_ctas(first, count);
}

CUEMU_EXPORT void cuemu_read_live_impl(cuemu_live* out) {
  using namespace cuemu::runtime;
  const LiveMemory memory = live_memory();
  const cuemu_live live = {.size = out->size,
                           .allocations = memory.allocations,
                           .bytes = memory.bytes,
                           .streams = live_streams(),
                           .events = live_events(),
                           .graphs = live_graphs(),
                           .graph_executables = live_graph_executables()};
  std::memcpy(out, &live, std::min<size_t>(out->size, sizeof live));
}
