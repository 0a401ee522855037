// SPDX-License-Identifier: MIT
// Launches that may begin while the one before them still runs (programmatic stream serialisation): what they touch in global
// memory before griddepcontrol.wait (PTX ISA 9.0, 9.7.13.13) must be nothing that the one before writes, nor may they write
// what it reads.
//
// What a launch has touched is known by sectors of 32 bytes, so that bytes next to those that it wrote count as written;
// separate allocations share no sector. Only the launch just before it is looked at, when it was one in the same stream. The
// threads that know of the end of the one before are those that have waited, and those that have passed a barrier
// after a thread of their CTA had: finer than that the order of threads is not followed.
#pragma once

#include <cstdint>

#include "warp.hpp"

namespace cuemu {

[[noreturn]] void fault_early_access(const Warp& warp, const Instr& in, uint32_t lane, bool write,
                                     uint64_t address, uint64_t bytes);

// Whether the launch before has touched it in a way that forbids to touch it before it has ended.
bool is_too_early(const Warp& warp, bool write, uint64_t address, uint64_t bytes);

// Of a lane, for any number of bytes.
inline void check_early_access(const Warp& warp, const Instr& in, uint32_t lane, bool write,
                               uint64_t address, uint64_t bytes) {
  if ((warp.unordered >> lane & 1) == 0) [[likely]]
    return;
  if (is_too_early(warp, write, address, bytes))
    fault_early_access(warp, in, lane, write, address, bytes);
}

// Of the lanes of a warp, `bytes` each.
inline void check_early_access(const Warp& warp, const Instr& in, uint32_t mask, bool write,
                               const uint64_t* address, unsigned bytes) {
  if ((warp.unordered & mask) == 0) [[likely]]
    return;
  each_lane(mask, [&](unsigned l) { check_early_access(warp, in, l, write, address[l], bytes); });
}

// The lanes have executed griddepcontrol.wait.
void wait_for_previous_grid(Warp& warp, uint32_t mask);
// The lanes have passed a barrier of their CTA, or of their cluster.
void pass_block_barrier(Warp& warp, uint32_t mask);
void pass_cluster_barrier(Warp& warp, uint32_t mask);

}  // namespace cuemu
