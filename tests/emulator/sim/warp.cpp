// SPDX-License-Identifier: MIT
#include "warp.hpp"

#include <algorithm>
#include <cstring>

#include "checks.hpp"
#include "fault.hpp"

namespace cuemu {
namespace {

// A group that loops this often while others of its warp could run is parked: it may be waiting for
// them.
constexpr uint32_t kSpinsBeforeParking = 256;
// A warp that loops this often without reaching a barrier gives other warps a turn.
constexpr uint32_t kTurnsBeforeYield = 16384;

}  // namespace

bool Warp::runnable() const {
  if (active != 0) return true;
  return std::any_of(others.begin(), others.end(),
                     [](const Group& g) { return g.state == Group::State::runnable; });
}

void Warp::run() {
  yielded = polled = false;
  turns = 0;
  if (active == 0) reschedule();
  const Instr* const code = worker->program->code.data();
  uint64_t executed = 0;
  uint32_t at = ip, running = active, end = limit;
  while (running != 0) {
    if (at >= end) [[unlikely]] {
      ip = at;
      set_aside(Group::State::runnable);
      reschedule();
      at = ip, running = active, end = limit;
      continue;
    }
    const Instr& in = code[at++];
    executed += in.weight;
    uint32_t mask = running;
    if (in.guard != kNoSlot) {
      mask &= predicate(in.guard) ^ (in.guard_negated ? kAllLanes : 0u);
      if (mask == 0) continue;
    }
    if (!in.control) {
      in.run(*this, in, mask);
      continue;
    }
    ip = at;
    in.run(*this, in, mask);
    at = ip, running = active, end = limit;
    if (yielded) break;
  }
  counters->warp_instructions += executed;
  repeated = false;
  if (yielded) {
    const uint64_t now = state();
    repeated = now == last_state;
    last_state = now;
  }
}

uint64_t Warp::state() const {
  uint64_t hash = 0x9E3779B97F4A7C15;
  auto mix = [&](uint64_t v) { hash = (hash ^ v) * 0xFF51AFD7ED558CCD + (hash >> 29); };
  auto mix_bytes = [&](const std::byte* bytes, size_t count) {
    for (size_t i = 0; i + 8 <= count; i += 8) {
      uint64_t v;
      std::memcpy(&v, bytes + i, sizeof v);
      mix(v);
    }
  };
  std::array<uint32_t, 32> place{};
  each_lane(active, [&](unsigned l) { place[l] = ip + 1; });
  for (const Group& g : others) each_lane(g.mask, [&](unsigned l) { place[l] = g.ip + 1; });
  for (uint32_t p : place) mix(p);
  mix_bytes(registers, worker->program->register_bytes);
  mix_bytes(local, size_t{32} * local_stride);
  return hash;
}

void Warp::set_aside(Group::State state) {
  if (active == 0) return;
  Group g;
  g.ip = ip;
  g.mask = active;
  g.state = state;
  if (spins > kSpinsBeforeParking) {
    g.parked = true;
    spins = 0;
  }
  others.push_back(g);
  active = 0;
}

void Warp::reschedule() {
  if (active != 0) set_aside(Group::State::runnable);
  limit = ~0u;
  if (others.empty()) return;
  // Groups that have met become one; what waited for the others may then go on.
  for (size_t i = 0; i < others.size(); ++i) {
    if (others[i].waits_outside()) continue;
    for (size_t j = others.size() - 1; j > i; --j) {
      if (others[j].ip != others[i].ip || others[j].waits_outside()) continue;
      others[i].mask |= others[j].mask;
      others[i].state = Group::State::runnable;
      others[i].parked = false;
      others.erase(others.begin() + static_cast<ptrdiff_t>(j));
    }
  }
  auto lowest = [&](bool parked_too) {
    Group* best = nullptr;
    for (Group& g : others)
      if (g.state == Group::State::runnable && (parked_too || !g.parked) &&
          (best == nullptr || g.ip < best->ip))
        best = &g;
    return best;
  };
  Group* next = lowest(false);
  if (next == nullptr) {
    next = lowest(true);
    for (Group& g : others) g.parked = false;
  }
  if (next == nullptr) {
    const bool outside =
        std::any_of(others.begin(), others.end(), [](const Group& g) { return g.waits_outside(); });
    if (!outside) stuck();
    return;
  }
  ip = next->ip;
  active = next->mask;
  others.erase(others.begin() + (next - others.data()));
  for (const Group& g : others)
    if (!g.waits_outside() && g.ip > ip) limit = std::min(limit, g.ip);
}

void Warp::stuck() {
  const Program& program = *worker->program;
  std::string detail;
  for (const Group& g : others) {
    const Instr& in = program.code[g.ip];
    detail += format("%slanes 0x%08x at %s (%s)", detail.empty() ? "" : ", ", g.mask,
                     program.texts[program.origin[g.ip]].c_str(), program.source_of(in).c_str());
  }
  detail += others.size() > 1
                ? ": none can go on"
                : format(": waits for lanes that cannot come (0x%08x have exited)", dead);
  raise_fault(*this, program.code[others.front().ip], "divergent-barrier", others.front().mask,
              detail);
}

void Warp::branch(const Instr& in, uint32_t mask, uint32_t target) {
  const uint32_t origin = static_cast<uint32_t>(&in - worker->program->code.data());
  const bool backward = target <= origin;
  if (backward && ++turns > kTurnsBeforeYield) yielded = true;
  const uint32_t rest = active & ~mask;
  if (rest == 0 && others.empty()) {
    ip = target;
    return;
  }
  if (rest != 0) {
    ++counters->divergent_branches;
    Group g;
    g.ip = ip;
    g.mask = rest;
    others.push_back(g);
  }
  if (backward) ++spins;
  ip = target;
  active = mask;
  reschedule();
}

void Warp::exit(uint32_t mask) {
  dead |= mask;
  active &= ~mask;
  for (Group& g : others)
    if (g.state == Group::State::at_sync) g.state = Group::State::runnable;
  const uint32_t at_barrier = at_cluster_barrier & mask;
  at_cluster_barrier &= ~mask;
  cta->threads_exited(static_cast<uint32_t>(std::popcount(mask)),
                      static_cast<uint32_t>(std::popcount(at_barrier)));
  if (active == 0 || !others.empty()) reschedule();
}

void Warp::wait_for_lanes(const Instr& in, uint32_t mask) {
  wait_to_repeat(in, mask, Group::State::at_sync);
  reschedule();
}

Group& Warp::wait_to_repeat(const Instr& in, uint32_t mask, Group::State state) {
  counters->warp_instructions -= in.weight;  // counted again when it is executed
  Group g;
  g.ip = static_cast<uint32_t>(&in - worker->program->code.data());
  g.mask = mask;
  g.state = state;
  g.waiting = &in;
  active &= ~mask;
  // The other lanes go on alone; when one of them comes back here, they join.
  if (active != 0) set_aside(Group::State::runnable);
  others.push_back(g);
  return others.back();
}

void Warp::wait_at_barrier(const Instr& in, uint32_t mask, uint32_t barrier,
                           FinishReduction finish) {
  Group g;
  g.ip = ip;
  g.mask = mask;
  g.state = Group::State::at_barrier;
  g.barrier = barrier;
  g.waiting = &in;
  g.finish = finish;
  others.push_back(g);
  active &= ~mask;
}

}  // namespace cuemu
