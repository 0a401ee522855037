// SPDX-License-Identifier: MIT
// The registers of a CTA, which its warpgroups give up and ask for with setmaxnreg (PTX ISA 9.0, 9.7.19.5).
#pragma once

#include "warp.hpp"

namespace cuemu {

// At the start of a CTA, when each warp has what the kernel was compiled for.
void fill_register_pool(Cta& cta, uint32_t registers);

// `count`: of a thread, from now on.
void give_up_registers(Warp& warp, const Instr& in, uint32_t count);
// False: there are not enough; the warp has been made to wait until others have given up some.
bool take_registers(Warp& warp, const Instr& in, uint32_t mask, uint32_t count);

// All threads of the CTA have exited: the warps of each warpgroup must have executed the same.
void check_register_pool(const Cta& cta);

}  // namespace cuemu
