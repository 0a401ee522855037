// SPDX-License-Identifier: MIT
#pragma once

#include "warp.hpp"

namespace cuemu {

// The fault that says what every thread of the unit waits for.
[[noreturn]] void deadlock(Unit& unit);

}  // namespace cuemu
