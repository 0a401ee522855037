// SPDX-License-Identifier: MIT
// What the warp-synchronous instructions have in common.
#pragma once

#include "../sim/fault.hpp"
#include "lanes.hpp"

namespace cuemu {

// For .sync instructions that name their lanes in a register: calls collective(members) once for
// each set of lanes that name each other, or leaves the lanes to wait when some of those named are
// not here yet.
template <class F>
void with_named_lanes(Warp& w, const Instr& in, uint32_t mask, uint32_t membermask_slot,
                      F collective) {
  const uint32_t* named = w.lanes<uint32_t>(membermask_slot);
  const uint32_t live = w.live();
  for (uint32_t rest = mask; rest != 0;) {
    const uint32_t wanted = named[first_lane(rest)];
    uint32_t here = 0;
    for (uint32_t l = 0; l < 32; ++l) here |= static_cast<uint32_t>(named[l] == wanted) << l;
    here &= rest;
    rest &= ~here;
    if ((here & ~wanted) != 0)
      raise_fault(
          w, in, "divergent-barrier", here & ~wanted,
          format("a lane executes a .sync instruction whose member mask 0x%08x does not name it",
                 wanted));
    if ((wanted & live & ~here) != 0) {
      w.wait_for_lanes(in, mask);
      return;
    }
  }
  for (uint32_t rest = mask; rest != 0;) {
    const uint32_t wanted = named[first_lane(rest)];
    const uint32_t here = wanted & rest;
    collective(here);
    rest &= ~here;
  }
}

// For .sync.aligned instructions, which need the whole warp. False: the lanes wait for the others.
inline bool whole_warp_here(Warp& w, const Instr& in, uint32_t mask) {
  if (mask == kAllLanes) [[likely]]
    return true;
  if (w.dead != 0)
    raise_fault(w, in, "divergent-barrier", mask,
                format("needs all 32 lanes of the warp, lanes 0x%08x have exited", w.dead));
  w.wait_for_lanes(in, mask);
  return false;
}

}  // namespace cuemu
