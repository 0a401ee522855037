// SPDX-License-Identifier: MIT
// One launch in flight, and the process-wide switches.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "../isa/program.hpp"
#include "memory.hpp"
#include "run.hpp"
#include "stalemate.hpp"

namespace cuemu {

struct Switches {
  std::atomic<int> uninitialised{0}, race{0}, late{1};
  std::atomic<int> seed{0};  // not 0, and late: asynchronous agents act at random moments
};
Switches& switches();

struct LaunchState {
  explicit LaunchState(unsigned workers) : stalemate(workers) {}

  const Launch* launch = nullptr;
  const Program* program = nullptr;
  std::shared_ptr<const RegionTable> regions;
  uint64_t grid_workspace = 0;     // address; of a cooperative launch
  bool overlaps_previous = false;  // and what the one before has touched is known
  uint32_t unit_ctas = 1;          // CTAs of a unit, which one worker runs together: see Unit
  uint64_t end_unit = 0;
  std::atomic<uint64_t> next_unit{0};
  std::atomic<bool> stop{false};
  Stalemate stalemate;
  std::mutex fault_mutex;
  std::optional<Fault> fault;
};

struct Worker;

// Runs units of the launch until there are none left or a fault stops the grid.
void run_units(Worker& worker, LaunchState& state);

// Host threads that stay for the next launch. The caller of run() works too.
void run_on_all_workers(LaunchState& state);

}  // namespace cuemu
