// SPDX-License-Identifier: MIT
// Functions that device code calls and no PTX defines.
#pragma once

#include <string_view>

#include "../isa/program.hpp"

namespace cuemu {

// Handlers find the offsets of their results and arguments, in the thread's local memory, in
// Instr::list.
Handler find_builtin(std::string_view name);

}  // namespace cuemu
