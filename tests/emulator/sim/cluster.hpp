// SPDX-License-Identifier: MIT
// Addresses in the shared memory of a cluster.
#pragma once

#include <cstdint>

#include "warp.hpp"

namespace cuemu {

// A place in the shared memory of a cluster.
struct SharedPlace {
  Cta* cta = nullptr;
  uint32_t offset = 0;
};

inline constexpr unsigned kClusterRankShift = 24;

// Of a shared::cluster address: that of rank r is (r + 1) << 24 | offset; below 1 << 24 it is the CTA's own. A fault where
// there is no such CTA, or where it has exited. The offset may be outside the CTA's shared memory.
SharedPlace shared_place(const Warp& warp, const Instr& in, uint32_t lane, uint64_t address);

// What mapa gives: the address in the CTA `rank` of what `address` is in its own CTA.
inline uint32_t map_to_rank(uint32_t address, uint32_t rank) {
  return (rank + 1) << kClusterRankShift | (address & ((1u << kClusterRankShift) - 1));
}

}  // namespace cuemu
