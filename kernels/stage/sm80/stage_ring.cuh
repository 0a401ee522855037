// SPDX-License-Identifier: MIT
// The pipeline's model for cp.async: a ring of stages in shared memory, every thread producer and
// consumer.
//
//   copy     s0 s1 | s2 s3 s4 ...        (3 stages)
//   multiply       | s0 s1 s2 ...
//
// One barrier a stage, wait()'s: it says that a stage has arrived and that the one before it may be
// overwritten. So a step is wait(), produce(), products, release(), by all threads.
#pragma once

#include <cstdint>

#include "ptx/async_copy.cuh"
#include "stage/pipeline.cuh"

namespace foldconv {

template <int kStages, int kStageBytes>
class StageRing {
 public:
  static constexpr int kAhead = kStages - 1;

  // `begin`: shared address of the first stage.
  __device__ __forceinline__ explicit StageRing(std::uint32_t begin)
      : end_(begin + kStages * kStageBytes), fill_(begin), read_(begin) {}

  // The first kAhead stages are free; each later one is the stage released before the last wait().
  __device__ __forceinline__ std::uint32_t acquire() const { return fill_; }

  // Closes the group of copies even when it is empty, so that the number of pending groups always
  // means the same stage.
  __device__ __forceinline__ void commit() {
    ptx::commit_async_copies();
    fill_ = after(fill_);
  }

  __device__ __forceinline__ std::uint32_t wait() {
    ptx::wait_async_copies<kAhead - 1>();
    __syncthreads();
    const std::uint32_t stage = read_;
    read_ = after(read_);
    return stage;
  }

  // Costs nothing: the barrier of the next wait() tells the producer.
  __device__ __forceinline__ void release() const {}

 private:
  __device__ __forceinline__ std::uint32_t after(std::uint32_t stage) const {
    return stage + kStageBytes == end_ ? end_ - kStages * kStageBytes : stage + kStageBytes;
  }

  std::uint32_t end_, fill_, read_;
};

}  // namespace foldconv
