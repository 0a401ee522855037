// SPDX-License-Identifier: MIT
// Bounds, alignment and traffic of one warp's access to memory.
//
// Addresses come as 32 lanes; lanes that are not active hold a copy of the first active lane's
// address, so that checks may look at all of them.
#pragma once

#include <cstdint>

#include "warp.hpp"

namespace cuemu {

template <class A>
inline void fill_inactive(A* address, uint32_t mask) {
  if (mask == kAllLanes) return;
  const A first = address[first_lane(mask)];
  for (uint32_t l = 0; l < 32; ++l) address[l] = (mask >> l & 1) != 0 ? address[l] : first;
}

// Whether lane l's address is the first one's plus l * bytes.
template <class A>
inline bool is_contiguous(const A* address, unsigned bytes) {
  A difference = 0;
  for (uint32_t l = 0; l < 32; ++l)
    difference |= (address[l] - address[0]) ^ static_cast<A>(l * bytes);
  return difference == 0;
}

// `what`: "load", "store" and the like. `bytes`: of a lane, a power of two.
[[noreturn]] void fault_shared(const Warp& w, const Instr& in, uint32_t mask,
                               const uint32_t* offset, unsigned bytes, const char* what);

inline void check_shared(const Warp& w, const Instr& in, uint32_t mask, const uint32_t* offset,
                         unsigned bytes, const char* what) {
  uint32_t highest = 0, low_bits = 0;
  for (uint32_t l = 0; l < 32; ++l) {
    highest = offset[l] > highest ? offset[l] : highest;
    low_bits |= offset[l];
  }
  if (uint64_t{highest} + bytes > w.cta->shared_bytes || (low_bits & (bytes - 1)) != 0) [[unlikely]]
    fault_shared(w, in, mask, offset, bytes, what);
}

// The region all lanes lie in; nullptr when they lie in several.
const Region* check_global_slowly(Warp& w, const Instr& in, uint32_t mask, const uint64_t* address,
                                  unsigned bytes, const char* what);

inline const Region* check_global(Warp& w, const Instr& in, uint32_t mask, const uint64_t* address,
                                  unsigned bytes, const char* what) {
  uint64_t lowest = ~uint64_t{0}, highest = 0, low_bits = 0;
  for (uint32_t l = 0; l < 32; ++l) {
    lowest = address[l] < lowest ? address[l] : lowest;
    highest = address[l] > highest ? address[l] : highest;
    low_bits |= address[l];
  }
  const Region* r = w.worker->site_region[in.site];
  if (r != nullptr && r->holds(lowest, highest + bytes) && (low_bits & (bytes - 1)) == 0) [[likely]]
    return r;
  return check_global_slowly(w, in, mask, address, bytes, what);
}

// The bytes that one lane's copy touches; several regions must not hold them together.
void check_global_range(Warp& w, const Instr& in, uint32_t lane, uint64_t address, uint64_t bytes,
                        const char* what);

[[noreturn]] void fault_local(const Warp& w, const Instr& in, uint32_t lane, uint64_t offset,
                              unsigned bytes, const char* what);

void count_shared(cuemu_shared_traffic& traffic, uint32_t mask, const uint32_t* offset,
                  unsigned bytes);

// What a bulk copy touches in global memory, each sector once.
void count_bulk(Worker& worker, bool write, const std::vector<CopyPiece>& pieces);

// A store by ordinary means to bytes of a live mbarrier (PTX ISA 9.0, 9.7.13.15.1).
[[noreturn]] void fault_barrier_store(const Warp& w, const Instr& in, uint32_t mask,
                                      const uint32_t* offset, unsigned bytes);

inline void expect_no_mbarrier(const Warp& w, const Instr& in, uint32_t mask, const Cta& cta,
                               const uint32_t* offset, unsigned bytes) {
  if (cta.mbarriers.all().empty()) [[likely]]
    return;
  each_lane(mask, [&](unsigned l) {
    if (cta.mbarriers.touches(offset[l], offset[l] + bytes - 1) &&
        cta.mbarriers.overlapping(offset[l], offset[l] + bytes - 1) != nullptr)
      fault_barrier_store(w, in, 1u << l, offset, bytes);
  });
}

// `region`: as check_global returned it.
void count_global(Worker& worker, bool write, const Region* region, uint32_t mask,
                  const uint64_t* address, unsigned bytes);

}  // namespace cuemu
