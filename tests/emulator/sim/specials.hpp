// SPDX-License-Identifier: MIT
// Special registers.
#pragma once

#include "warp.hpp"

namespace cuemu {

struct Launch;

// Fills the slots of those that are the same for all CTAs of a launch, or of those that differ.
void fill_launch_specials(Warp& warp, const Launch& launch);
void fill_cta_specials(Warp& warp, const Launch& launch);

}  // namespace cuemu
