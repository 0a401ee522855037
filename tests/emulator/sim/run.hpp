// SPDX-License-Identifier: MIT
// Launches, as the runtime asks for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "../isa/kernel.hpp"
#include "cuemu.h"

namespace cuemu {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
};

struct DeviceLimits {
  int compute_capability_major = 8, compute_capability_minor = 0;
  uint32_t shared_bytes_per_block = 48 * 1024;  // without opting in
  uint32_t shared_bytes_per_block_optin = 163 * 1024;
};

struct Launch {
  const Kernel* kernel = nullptr;
  Dim3 grid, block;
  uint32_t dynamic_shared_bytes = 0;
  const std::byte* parameters = nullptr;  // packed: KernelInfo::parameter_bytes bytes
  int device = 0;
  DeviceLimits limits;
  Dim3 cluster{};             // CTAs of a cluster; the grid is a multiple of it
  bool is_clustered = false;  // launched with a cluster size, be it 1 (%is_explicit_cluster)
  bool cooperative = false;   // all CTAs of the grid are there at once
  // Launched with programmatic stream serialisation: it may begin while the launch before it in `stream` still runs.
  bool overlaps_previous = false;
  uint64_t stream = 0;     // a number of its own for each stream
  uint32_t registers = 0;  // of a thread at the start, as ptxas allotted them; 0: not known
};

struct Fault {
  std::string kind;  // one of those listed at cuemu_last_fault
  std::string text;  // "KIND: detail; kernel ..., block ..., thread ..., FILE:LINE"
};

// Runs the whole grid, CTAs spread over the worker threads (CUEMU_THREADS, default: all cores), and
// returns when it has ended. Callers need not serialise: concurrent launches take turns. On the
// first fault the grid stops.
std::optional<Fault> run(const Launch& launch);

// From now on launches run only `count` CTAs from number `first` on; a negative `first` counts from
// the end of the grid. count = 0: all of them.
void choose_ctas(int64_t first, uint64_t count);

// --- Counters and switches (the C header's functions forward to these)

void read_counters(cuemu_counters& out);
void reset_counters();
int set_switch(const char* name, int value);
bool copies_are_late();

}  // namespace cuemu
