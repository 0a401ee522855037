// SPDX-License-Identifier: MIT
// How a fault leaves the code that finds it.
#pragma once

#include <string>

#include "run.hpp"
#include "warp.hpp"

namespace cuemu {

struct FaultError {
  Fault fault;
};

// `lanes`: those at fault; the first one names the thread.
[[noreturn]] void raise_fault(const Warp& warp, const Instr& in, const char* kind, uint32_t lanes,
                              const std::string& detail);

std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

}  // namespace cuemu
