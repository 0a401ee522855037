// SPDX-License-Identifier: MIT
// Runs the units of a launch on a worker: CTAs, clusters, or the whole grid of a cooperative launch.
#include <algorithm>
#include <cstring>
#include <thread>

#include "checks.hpp"
#include "deadlock.hpp"
#include "fault.hpp"
#include "launch.hpp"
#include "register_pool.hpp"
#include "specials.hpp"
#include "warp.hpp"

namespace cuemu {
namespace {

// What a clock that nobody waits for in vain advances by.
constexpr uint64_t kSkippedClocks = 1u << 22;

void fill_constants(Warp& w, const Program& program) {
  for (const ConstantSlot& c : program.constants) {
    if (c.bytes == 0) w.predicate(c.slot) = static_cast<uint32_t>(c.bits);
    for (unsigned lane = 0; lane < 32; ++lane) {
      if (c.bytes == 2) w.lanes<uint16_t>(c.slot)[lane] = static_cast<uint16_t>(c.bits);
      if (c.bytes == 4) w.lanes<uint32_t>(c.slot)[lane] = static_cast<uint32_t>(c.bits);
      if (c.bytes == 8) w.lanes<uint64_t>(c.slot)[lane] = c.bits;
    }
  }
}

// What all units of a launch have in common on this worker.
void prepare(Worker& worker, LaunchState& state) {
  const Program& program = *state.program;
  const Launch& launch = *state.launch;
  const uint32_t threads = launch.block.x * launch.block.y * launch.block.z;
  const uint32_t warps = (threads + 31) / 32;
  const uint32_t of_cluster = launch.cluster.x * launch.cluster.y * launch.cluster.z;
  worker.program = &program;
  worker.launch = &state;
  worker.regions = state.regions.get();
  worker.parameters = launch.parameters;
  const int seed = switches().seed.load();
  worker.landing = switches().late.load() == 0 ? Landing::eager
                   : seed == 0                 ? Landing::late
                                               : Landing::shuffled;
  worker.random.seed(static_cast<unsigned>(seed));
  worker.skipped_clocks = 0;
  worker.counters = {};
  worker.site_region.assign(program.sites, nullptr);

  Unit& unit = worker.unit;
  unit.ctas.resize(state.unit_ctas);
  unit.clusters.resize(state.unit_ctas / of_cluster);
  const uint32_t shared_bytes = program.dynamic_shared_offset + launch.dynamic_shared_bytes;
  const size_t shared_stride = (size_t{shared_bytes} + 63) / 64 * 64;
  std::byte* const registers =
      worker.register_storage.reserve(size_t{state.unit_ctas} * warps * program.register_bytes);
  std::byte* const local =
      worker.local_storage.reserve(size_t{state.unit_ctas} * warps * 32 * program.local_bytes);
  std::byte* const shared = worker.shared_storage.reserve(state.unit_ctas * shared_stride);
  for (uint32_t c = 0; c < state.unit_ctas; ++c) {
    Cta& cta = unit.ctas[c];
    Cluster& cluster = unit.clusters[c / of_cluster];
    cta.worker = &worker;
    cta.cluster = &cluster;
    cta.rank = c % of_cluster;
    if (cta.rank == 0) cluster.ctas = &cta;
    cluster.size = of_cluster;
    cta.shared_bytes = shared_bytes;
    cta.shared = shared + c * shared_stride;
    cta.checks = nullptr;
    cta.warps.resize(warps);
    for (uint32_t i = 0; i < warps; ++i) {
      Warp& w = cta.warps[i];
      const size_t number = size_t{c} * warps + i;
      w.registers = registers + number * program.register_bytes;
      w.local = local + number * 32 * program.local_bytes;
      w.local_stride = program.local_bytes;
      w.index = i;
      w.cta = &cta;
      w.worker = &worker;
      w.counters = &worker.counters;
      fill_constants(w, program);
      fill_launch_specials(w, launch);
    }
  }
  const bool uninitialised = switches().uninitialised.load() != 0;
  const bool race = switches().race.load() != 0;
  if (!uninitialised && !race) return;
  while (worker.checks.size() < unit.clusters.size())
    worker.checks.push_back(std::make_unique<ClusterChecks>());
  for (size_t i = 0; i < unit.clusters.size(); ++i)
    worker.checks[i]->prepare(unit.clusters[i], uninitialised, race);
}

// The index in the grid of a CTA of a cluster; clusters are numbered x first, as CTAs in one are.
std::array<uint32_t, 3> index_in_grid(const Launch& launch, uint64_t cluster, uint32_t rank) {
  const Dim3& size = launch.cluster;
  const uint64_t across = launch.grid.x / size.x, down = launch.grid.y / size.y;
  return {static_cast<uint32_t>(cluster % across * size.x + rank % size.x),
          static_cast<uint32_t>(cluster / across % down * size.y + rank / size.x % size.y),
          static_cast<uint32_t>(cluster / across / down * size.z + rank / size.x / size.y)};
}

void start_cta(Cta& cta, const Launch& launch, uint64_t cluster) {
  const uint32_t threads = launch.block.x * launch.block.y * launch.block.z;
  const bool overlaps = cta.worker->launch->overlaps_previous;
  cta.index = index_in_grid(launch, cluster, cta.rank);
  cta.live_threads = threads;
  cta.barriers.fill(Barrier{});
  cta.mbarriers.clear();
  cta.has_waited = false;
  fill_register_pool(cta, launch.registers);
  // On a GPU a CTA finds what others left; here it finds NaN, every time.
  std::memset(cta.shared, 0xFF, cta.shared_bytes);
  for (Warp& w : cta.warps) {
    const uint32_t here = threads - w.index * 32;
    w.dead = here >= 32 ? 0 : ~((1u << here) - 1);
    w.ip = 0;
    w.active = ~w.dead;
    w.limit = ~0u;
    w.spins = 0;
    w.last_state = 0;
    w.timed_out = w.at_cluster_barrier = w.may_leave_cluster_barrier = 0;
    w.polled = w.waited_in_vain = false;
    w.others.clear();
    w.async.reset();
    w.stores.reset();
    w.wgmma.reset();
    w.unordered = overlaps ? ~w.dead : 0;
    fill_cta_specials(w, launch);
  }
  if (cta.checks != nullptr) cta.checks->start_cta();
}

void start_unit(Worker& worker, const Launch& launch, uint64_t number) {
  Unit& unit = worker.unit;
  unit.copies.clear();
  unit.quiet_state = 0;
  const uint64_t first = number * unit.clusters.size();
  for (size_t i = 0; i < unit.clusters.size(); ++i) {
    Cluster& cluster = unit.clusters[i];
    if (cluster.ctas->checks != nullptr) worker.checks[i]->start();
    for (uint32_t rank = 0; rank < cluster.size; ++rank)
      start_cta(cluster.ctas[rank], launch, first + i);
    cluster.live_threads = cluster.ctas->live_threads * cluster.size;
    cluster.arrived = 0;
  }
}

template <class Body>
void each_warp(Unit& unit, Body body) {
  for (Cta& cta : unit.ctas)
    for (Warp& w : cta.warps) body(w);
}

void act_at_random(Worker& worker, Warp& next) {
  worker.unit.copies.land_at_random(worker);
  next.stores.act_at_random(next);
  next.wgmma.act_at_random(next);
}

// After a turn of all warps in which none could go on: lets something happen that need not have happened before. False:
// there is nothing.
bool move_on(Unit& unit) {
  if (unit.copies.land_oldest()) return true;
  uint64_t now = 0;
  bool someone_waits = false;
  each_warp(unit, [&](Warp& w) {
    if (w.live() == 0) return;
    now = (now ^ w.state()) * 0x9E3779B97F4A7C15 + 1;
    for (Group& g : w.others) {
      if (g.state != Group::State::at_mbarrier) continue;
      // Nobody comes: a wait may end without success after a time that the system chooses.
      someone_waits = true;
      w.timed_out |= g.mask;
      g.phase = 0;
      g.state = Group::State::runnable;
    }
    someone_waits |= w.polled;
  });
  unit.ctas[0].worker->skipped_clocks += kSkippedClocks;
  const bool same = now == unit.quiet_state;
  unit.quiet_state = now;
  return someone_waits && !same;
}

// All threads have exited.
void finish_unit(Unit& unit) {
  unit.copies.finish();
  each_warp(unit, [](Warp& w) {
    w.stores.finish(w);
    w.wgmma.finish(w);
  });
  for (Cta& cta : unit.ctas)
    for (const Mbarrier& b : cta.mbarriers.all()) expect_observed(cta, b);
  for (const Cta& cta : unit.ctas) check_register_pool(cta);
}

void run_unit(Unit& unit, LaunchState& state, Stalemate::Member& member) {
  Worker& worker = *unit.ctas[0].worker;
  for (;;) {
    bool changed = false, ran = false, alive = false, went_on = false;
    state.stalemate.begin_round(member);
    each_warp(unit, [&](Warp& w) {
      if (!w.runnable()) return;
      if (worker.landing == Landing::shuffled) act_at_random(worker, w);
      w.waited_in_vain = false;
      w.run();
      ran = true;
      changed |= !w.repeated && !w.waited_in_vain;
      went_on |= !w.repeated && !w.waited_in_vain && !w.polled;
    });
    each_warp(unit, [&](const Warp& w) { alive |= w.live() != 0; });
    if (alive && !went_on && !state.stop.load(std::memory_order_relaxed)) {
      const bool moved = move_on(unit);
      changed |= moved;
      bool can_run = moved;
      each_warp(unit, [&](const Warp& w) { can_run |= w.runnable(); });
      if (!can_run) deadlock(unit);
    }
    if (state.stalemate.end_round(member, changed || !alive)) deadlock(unit);
    if (state.stop.load(std::memory_order_relaxed)) return;
    if (!alive) return finish_unit(unit);
    if (!changed) std::this_thread::yield();
  }
}

}  // namespace

void run_units(Worker& worker, LaunchState& state) {
  Stalemate::Member member;
  try {
    prepare(worker, state);
    while (!state.stop.load(std::memory_order_relaxed)) {
      const uint64_t number = state.next_unit.fetch_add(1);
      if (number >= state.end_unit) break;
      start_unit(worker, *state.launch, number);
      run_unit(worker.unit, state, member);
      worker.counters.ctas += state.unit_ctas;
    }
  } catch (const FaultError& error) {
    state.stop = true;
    std::lock_guard lock(state.fault_mutex);
    if (!state.fault) state.fault = error.fault;
  }
  state.stalemate.worker_ends(member);
}

}  // namespace cuemu
