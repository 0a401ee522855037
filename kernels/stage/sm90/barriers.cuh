// SPDX-License-Identifier: MIT
// conv_sm90's mbarriers in shared memory.
#pragma once

#include <cstdint>

#include "ptx/mbarrier.cuh"
#include "tile/sm90_tile.hpp"

namespace foldconv {

template <Sm90Tile T>
class Sm90Barriers {
 public:
  __device__ __forceinline__ explicit Sm90Barriers(std::uint32_t first) : first_(first) {}

  // A stage's bytes have come.
  __device__ __forceinline__ std::uint32_t full(int stage) const { return at(stage); }
  // No warp of any CTA that the stage's producer may write to reads it any more.
  __device__ __forceinline__ std::uint32_t empty(int stage) const { return at(T.stages + stage); }
  // A consumer's residual has come.
  __device__ __forceinline__ std::uint32_t residual(int consumer) const {
    return at(2 * T.stages + consumer);
  }
  // It is that consumer's turn to read the ring.
  __device__ __forceinline__ std::uint32_t turn(int consumer) const {
    return at(2 * T.stages + T.consumers + consumer);
  }

  // By one thread. What any thread of the cluster does with them comes after a barrier.
  __device__ __forceinline__ void init(int ctas_sharing_stages) const {
    for (int stage = 0; stage < T.stages; ++stage) {
      ptx::init_mbarrier(full(stage), 1);
      ptx::init_mbarrier(empty(stage), ctas_sharing_stages * T.consumers_of_a_stage() * 4);
    }
    for (int consumer = 0; consumer < T.consumers; ++consumer) {
      ptx::init_mbarrier(residual(consumer), 1);
      ptx::init_mbarrier(turn(consumer), 4);
    }
    ptx::fence_mbarrier_init();
  }

 private:
  __device__ __forceinline__ std::uint32_t at(int index) const { return first_ + index * 8; }

  std::uint32_t first_;
};

}  // namespace foldconv
