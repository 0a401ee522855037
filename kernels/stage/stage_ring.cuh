// SPDX-License-Identifier: MIT
// The pipeline between global memory and tensor cores: a ring of stages in shared memory.
//
//   copy     s0 s1 | s2 s3 s4 ...        (3 stages)
//   multiply       | s0 s1 s2 ...
//
// Copies run a fixed number of stages ahead of the products. One barrier a stage: it says that a
// stage has arrived and that the one before it may be overwritten.
#pragma once

#include <cstdint>

#include "ptx/async_copy.cuh"

namespace foldconv {

template <int kStages, int kStageBytes>
class StageRing {
 public:
  // `begin`: shared address of the first stage.
  __device__ __forceinline__ explicit StageRing(std::uint32_t begin)
      : end_(begin + kStages * kStageBytes),
        fill_(begin + (kStages - 1) * kStageBytes),
        read_(begin) {}

  // Fills all stages but one. fill(stage) starts the copies of the next stage to the address
  // `stage`; it is called by all threads, in order, and may find nothing left to copy.
  template <class Fill>
  __device__ __forceinline__ void start(Fill&& fill) {
#pragma unroll
    for (int i = 0; i < kStages - 1; ++i) {
      fill(read_ + i * kStageBytes);
      ptx::commit_async_copies();
    }
  }

  // Waits for the oldest stage, lets the next copies start, and returns the stage's address. Called
  // by all threads. The stage may be read until the next call. The group of copies is closed even
  // when it is empty, so that the number of pending groups always means the same stage.
  template <class Fill>
  __device__ __forceinline__ std::uint32_t next(Fill&& fill) {
    ptx::wait_async_copies<kStages - 2>();
    __syncthreads();
    fill(fill_);
    ptx::commit_async_copies();
    fill_ = after(fill_);
    const std::uint32_t stage = read_;
    read_ = after(read_);
    return stage;
  }

 private:
  __device__ __forceinline__ std::uint32_t after(std::uint32_t stage) const {
    return stage + kStageBytes == end_ ? end_ - kStages * kStageBytes : stage + kStageBytes;
  }

  std::uint32_t end_, fill_, read_;
};

}  // namespace foldconv
