// SPDX-License-Identifier: MIT
// Two consumers that read a ring in turn, a tile each.
#pragma once

#include <cstdint>

#include "ptx/mbarrier.cuh"
#include "stage/sm90/barriers.cuh"
#include "tile/sm90_tile.hpp"

namespace foldconv {

// Without turns a consumer could wait for a stage several fills ahead, and take an earlier fill of the same parity
// for its own.
template <Sm90Tile T>
class Turns {
 public:
  __device__ __forceinline__ Turns(const Sm90Barriers<T>& barriers, int consumer)
      : own_(barriers.turn(consumer)), other_(barriers.turn(consumer ^ 1)), parity_(consumer ^ 1) {}

  // The first turn of consumer 0 has no other before it: it waits for the phase before the first.
  __device__ __forceinline__ void wait() {
    ptx::wait_mbarrier(own_, parity_);
    parity_ ^= 1;
  }
  // By each warp.
  __device__ __forceinline__ void hand_over() const {
    if (threadIdx.x % 32 == 0) ptx::arrive(other_);
  }

 private:
  std::uint32_t own_, other_;
  std::uint32_t parity_;
};

}  // namespace foldconv
