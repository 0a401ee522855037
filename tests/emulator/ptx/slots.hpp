// SPDX-License-Identifier: MIT
// Places virtual registers in a warp's register file.
#pragma once

#include <cstdint>
#include <vector>

#include "flatten.hpp"

namespace cuemu {

struct SlotPlan {
  std::vector<uint32_t> offset;  // of each virtual register, in bytes
  uint32_t bytes = 0;
};

// One slot holds a register of all 32 lanes. Registers that are never alive together share a slot:
// nvcc unrolls kernels into thousands of virtual registers, and a register file that stays in the
// L1 cache is what makes them fast.
SlotPlan plan_slots(const FlatProgram& program);

}  // namespace cuemu
