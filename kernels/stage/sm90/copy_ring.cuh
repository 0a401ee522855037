// SPDX-License-Identifier: MIT
// The ring of stages between asynchronous copies and wgmma, an mbarrier for each handing over (stage/pipeline.cuh's
// roles, by different warps).
#pragma once

#include <cstdint>

#include "ptx/cluster.cuh"
#include "ptx/mbarrier.cuh"
#include "stage/sm90/barriers.cuh"
#include "tile/sm90_tile.hpp"

namespace foldconv {

// Which stage is next, and in which of its fills: even or odd.
template <int kStages>
struct RingPlace {
  int stage = 0;
  std::uint32_t parity = 0;

  __device__ __forceinline__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
  __device__ __forceinline__ void skip(int count) {
    const unsigned int next = stage + count;
    stage = static_cast<int>(next % kStages);
    parity ^= next / kStages & 1;
  }
};

// The thread that copies.
template <Sm90Tile T>
class RingProducer {
 public:
  __device__ __forceinline__ RingProducer(std::uint32_t stages, const Sm90Barriers<T>& barriers)
      : stages_(stages), barriers_(barriers) {}

  struct Stage {
    std::uint32_t address, full;
  };
  // The next stage, once it may be overwritten. All of its bytes are expected, from whichever CTA they come; the first
  // fills wait for nothing: the phase before a barrier's first has ended.
  __device__ __forceinline__ Stage acquire() {
    ptx::wait_mbarrier(barriers_.empty(next_.stage), next_.parity ^ 1);
    const Stage stage = {stages_ + next_.stage * T.stage_bytes(), barriers_.full(next_.stage)};
    ptx::arrive_and_expect(stage.full, T.stage_bytes());
    next_.advance();
    return stage;
  }

 private:
  std::uint32_t stages_;
  Sm90Barriers<T> barriers_;
  RingPlace<T.stages> next_;
};

// A warp that multiplies.
template <Sm90Tile T>
class RingConsumer {
 public:
  // `peer`: the rank of the CTA that fills these stages, too, or -1.
  __device__ __forceinline__ RingConsumer(std::uint32_t stages, const Sm90Barriers<T>& barriers,
                                          int peer)
      : stages_(stages), barriers_(barriers), peer_(peer) {}

  // The address of the next stage, once its bytes have come.
  __device__ __forceinline__ std::uint32_t wait() {
    ptx::wait_mbarrier(barriers_.full(next_.stage), next_.parity);
    const std::uint32_t address = stages_ + next_.stage * T.stage_bytes();
    next_.advance();
    return address;
  }
  // The stage of the last wait() but `kLater` is read by this warp no more.
  template <int kLater>
  __device__ __forceinline__ void release() const {
    static_assert(kLater < T.stages);
    constexpr int kBack = kLater + 1;
    const int stage = next_.stage < kBack ? next_.stage + T.stages - kBack : next_.stage - kBack;
    if (threadIdx.x % 32 != 0) return;
    const std::uint32_t empty = barriers_.empty(stage);
    ptx::arrive(empty);
    if (peer_ >= 0) ptx::arrive_in_cluster(ptx::address_in_cluster(empty, peer_));
  }
  // Passes over stages that another consumer reads.
  __device__ __forceinline__ void skip(int count) { next_.skip(count); }

 private:
  std::uint32_t stages_;
  Sm90Barriers<T> barriers_;
  int peer_;
  RingPlace<T.stages> next_;
};

}  // namespace foldconv
