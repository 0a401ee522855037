// SPDX-License-Identifier: MIT
// What a test may know of launches: the list of those that ran, and a hook before the arguments of
// one are read.
#pragma once

#include "operations.hpp"

namespace cuemu::runtime {

void log_launch(const KernelOperation& operation);
void forget_launches();

// Calls the program's hook, if it has set one.
void run_launch_hook();

}  // namespace cuemu::runtime
