// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>
#include <new>
#include <thread>

#include "checks.hpp"
#include "fault.hpp"
#include "launch.hpp"
#include "warp.hpp"

namespace cuemu {

Worker::Worker() = default;
Worker::~Worker() = default;

std::byte* Storage::reserve(size_t bytes) {
  if (data_ == nullptr || bytes > capacity_) {
    std::free(data_);
    capacity_ = (bytes / 4096 + 1) * 4096;
    data_ = static_cast<std::byte*>(std::aligned_alloc(64, capacity_));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  return data_;
}

void Cta::arrive(uint32_t id, uint32_t threads, uint32_t expected) {
  Barrier& b = barriers[id];
  b.arrived += threads;
  b.expected = expected;
  if (b.arrived >= (expected != 0 ? expected : live_threads)) complete(id);
}

void Cta::threads_exited(uint32_t count) {
  live_threads -= count;
  for (uint32_t id = 0; id < barriers.size(); ++id)
    if (barriers[id].arrived != 0 && barriers[id].expected == 0 &&
        barriers[id].arrived >= live_threads)
      complete(id);
}

void Cta::complete(uint32_t id) {
  const Barrier done = barriers[id];
  barriers[id] = Barrier{};
  ++worker->counters.barriers;
  if (checks != nullptr) checks->barrier_completed(id);
  for (Warp& w : warps) {
    for (Group& g : w.others) {
      if (g.state != Group::State::at_barrier || g.barrier != id) continue;
      g.state = Group::State::runnable;
      if (g.finish != nullptr) g.finish(w, *g.waiting, g.mask, done);
      g.finish = nullptr;
    }
  }
}

namespace {

uint32_t special_value(Special what, const Launch& launch, const Cta& cta, uint32_t thread) {
  const uint32_t lane = thread % 32;
  const Dim3 &block = launch.block, &grid = launch.grid;
  switch (what) {
    case Special::tid_x:
      return thread % block.x;
    case Special::tid_y:
      return thread / block.x % block.y;
    case Special::tid_z:
      return thread / block.x / block.y;
    case Special::ntid_x:
      return block.x;
    case Special::ntid_y:
      return block.y;
    case Special::ntid_z:
      return block.z;
    case Special::ctaid_x:
      return cta.index[0];
    case Special::ctaid_y:
      return cta.index[1];
    case Special::ctaid_z:
      return cta.index[2];
    case Special::nctaid_x:
      return grid.x;
    case Special::nctaid_y:
      return grid.y;
    case Special::nctaid_z:
      return grid.z;
    case Special::laneid:
      return lane;
    case Special::warpid:
      return thread / 32;
    case Special::nwarpid:
      return static_cast<uint32_t>(cta.warps.size());
    case Special::smid:
      return 0;
    case Special::nsmid:
      return 1;
    case Special::gridid_low:
      return 1;
    case Special::lanemask_eq:
      return 1u << lane;
    case Special::lanemask_lt:
      return (1u << lane) - 1;
    case Special::lanemask_le:
      return (2u << lane) - 1;
    case Special::lanemask_gt:
      return ~((2u << lane) - 1);
    case Special::lanemask_ge:
      return ~((1u << lane) - 1);
    case Special::dynamic_smem_size:
      return launch.dynamic_shared_bytes;
    case Special::total_smem_size:
      return cta.shared_bytes;
  }
  return 0;
}

bool differs_by_cta(Special what) {
  return what == Special::ctaid_x || what == Special::ctaid_y || what == Special::ctaid_z;
}

void fill_slot(Warp& w, uint32_t slot, unsigned bytes, unsigned lane, uint64_t value) {
  if (bytes == 2) w.lanes<uint16_t>(slot)[lane] = static_cast<uint16_t>(value);
  if (bytes == 4) w.lanes<uint32_t>(slot)[lane] = static_cast<uint32_t>(value);
  if (bytes == 8) w.lanes<uint64_t>(slot)[lane] = value;
}

void fill_specials(Warp& w, const Program& program, const Launch& launch, bool all) {
  for (const SpecialSlot& s : program.specials) {
    if (!all && !differs_by_cta(s.what)) continue;
    for (uint32_t lane = 0; lane < 32; ++lane)
      fill_slot(w, s.slot, s.bytes, lane,
                special_value(s.what, launch, *w.cta, w.index * 32 + lane));
  }
}

void fill_constants(Warp& w, const Program& program) {
  for (const ConstantSlot& c : program.constants) {
    if (c.bytes == 0)
      w.predicate(c.slot) = static_cast<uint32_t>(c.bits);
    else
      for (unsigned lane = 0; lane < 32; ++lane) fill_slot(w, c.slot, c.bytes, lane, c.bits);
  }
}

// What all CTAs of a launch have in common on this worker.
void prepare(Worker& worker, LaunchState& state) {
  const Program& program = *state.program;
  const Launch& launch = *state.launch;
  const uint32_t threads = launch.block.x * launch.block.y * launch.block.z;
  const uint32_t warps = (threads + 31) / 32;
  worker.program = &program;
  worker.launch = &state;
  worker.regions = state.regions.get();
  worker.parameters = launch.parameters;
  worker.late_copies = switches().late.load() != 0;
  worker.counters = {};
  worker.site_region.assign(program.sites, nullptr);
  Cta& cta = worker.cta;
  cta.worker = &worker;
  cta.shared_bytes = program.dynamic_shared_offset + launch.dynamic_shared_bytes;
  std::byte* const registers =
      worker.register_storage.reserve(size_t{warps} * program.register_bytes);
  std::byte* const local = worker.local_storage.reserve(size_t{warps} * 32 * program.local_bytes);
  cta.shared = worker.shared_storage.reserve(cta.shared_bytes);
  cta.warps.resize(warps);
  for (uint32_t i = 0; i < warps; ++i) {
    Warp& w = cta.warps[i];
    w.registers = registers + size_t{i} * program.register_bytes;
    w.local = local + size_t{i} * 32 * program.local_bytes;
    w.local_stride = program.local_bytes;
    w.index = i;
    w.cta = &cta;
    w.worker = &worker;
    w.counters = &worker.counters;
    fill_constants(w, program);
    fill_specials(w, program, launch, true);
  }
  cta.checks = nullptr;
  if (switches().uninitialised.load() != 0 || switches().race.load() != 0) {
    if (!worker.shared_checks) worker.shared_checks = std::make_unique<SharedChecks>();
    worker.shared_checks->prepare(cta, switches().uninitialised.load() != 0,
                                  switches().race.load() != 0);
    cta.checks = worker.shared_checks.get();
  }
}

void start_cta(Worker& worker, const Launch& launch, uint64_t number) {
  Cta& cta = worker.cta;
  cta.index = {static_cast<uint32_t>(number % launch.grid.x),
               static_cast<uint32_t>(number / launch.grid.x % launch.grid.y),
               static_cast<uint32_t>(number / launch.grid.x / launch.grid.y)};
  const uint32_t threads = launch.block.x * launch.block.y * launch.block.z;
  cta.live_threads = threads;
  cta.barriers.fill(Barrier{});
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
    w.others.clear();
    w.async.reset();
    fill_specials(w, *worker.program, launch, false);
  }
  if (cta.checks != nullptr) cta.checks->start_cta();
}

[[noreturn]] void deadlock(Cta& cta) {
  const Program& program = *cta.worker->program;
  std::string detail;
  const Warp* first = nullptr;
  const Group* group = nullptr;
  unsigned told = 0;
  for (Warp& w : cta.warps) {
    if (w.active != 0) {  // loops
      Group running;
      running.ip = w.ip;
      running.mask = w.active;
      w.others.push_back(running);
    }
    for (const Group& g : w.others) {
      if (first == nullptr) first = &w, group = &g;
      const uint32_t at = g.state == Group::State::at_barrier ? g.ip - 1 : g.ip;
      if (++told <= 4)
        detail += format("%swarp %u lanes 0x%08x at %s (%s)", told == 1 ? "" : ", ", w.index,
                         g.mask, program.texts[program.origin[at]].c_str(),
                         program.source_of(program.code[at]).c_str());
    }
  }
  if (told > 4) detail += format(", and %u more", told - 4);
  const uint32_t at = group->state == Group::State::at_barrier ? group->ip - 1 : group->ip;
  raise_fault(*first, program.code[at], "deadlock", group->mask,
              "every thread waits for one that cannot come: " + detail);
}

void run_cta(Cta& cta, LaunchState& state, Stalemate::Member& member) {
  for (;;) {
    bool changed = false, ran = false, alive = false;
    state.stalemate.begin_round(member);
    for (Warp& w : cta.warps) {
      if (!w.runnable()) continue;
      w.run();
      ran = true;
      changed |= !w.repeated;
    }
    for (const Warp& w : cta.warps) alive |= w.live() != 0;
    if (state.stalemate.end_round(member, changed || !alive)) deadlock(cta);
    if (!alive || state.stop.load(std::memory_order_relaxed)) return;
    if (!ran) deadlock(cta);
    if (!changed) std::this_thread::yield();
  }
}

}  // namespace

void run_ctas(Worker& worker, LaunchState& state) {
  prepare(worker, state);
  Stalemate::Member member;
  try {
    while (!state.stop.load(std::memory_order_relaxed)) {
      const uint64_t number = state.next_cta.fetch_add(1);
      if (number >= state.end_cta) break;
      start_cta(worker, *state.launch, number);
      run_cta(worker.cta, state, member);
      ++worker.counters.ctas;
    }
  } catch (const FaultError& error) {
    state.stop = true;
    std::lock_guard lock(state.fault_mutex);
    if (!state.fault) state.fault = error.fault;
  }
  state.stalemate.worker_ends(member);
}

}  // namespace cuemu
