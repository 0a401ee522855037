// SPDX-License-Identifier: MIT
// The pipeline between global memory and tensor cores, by roles.
//
//   producer   acquire  copies ...  commit      runs stages ahead
//   consumer   wait     products ... release
//
// A model says how stages are handed over, in its set of instructions: stage/sm80/stage_ring.cuh with
// cp.async and barriers, where every thread has both roles. What a stage holds is the kernel's affair:
// its copies are a function fill(stage), called in the order in which stages are multiplied.
#pragma once

#include <concepts>
#include <cstdint>

namespace foldconv {

template <class T>
concept Pipeline = requires(T pipeline) {
  // Producer: the shared address of a stage that may be overwritten.
  { pipeline.acquire() } -> std::same_as<std::uint32_t>;
  // Producer: all copies into that stage have been started; the next acquire() is the next stage.
  pipeline.commit();
  // Consumer: the shared address of the next stage, once it has arrived for all threads.
  { pipeline.wait() } -> std::same_as<std::uint32_t>;
  // Consumer: reads the stage of the last wait() no more.
  pipeline.release();
  // Stages that the producer may be ahead of the consumer.
  { T::kAhead } -> std::convertible_to<int>;
};

// The producer's step. fill(stage) starts the copies and may find nothing left to copy.
template <Pipeline P, class Fill>
__device__ __forceinline__ void produce(P& pipeline, Fill& fill) {
  fill(pipeline.acquire());
  pipeline.commit();
}

// Where all threads have both roles: what is copied before the first wait().
template <Pipeline P, class Fill>
__device__ __forceinline__ void produce_ahead(P& pipeline, Fill& fill) {
#pragma unroll
  for (int i = 0; i < P::kAhead; ++i) produce(pipeline, fill);
}

}  // namespace foldconv
