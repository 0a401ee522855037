// SPDX-License-Identifier: MIT
// Streams and what is being captured on them. Every operation enters the device here.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "api.hpp"
#include "graph.hpp"

namespace cuemu::runtime {

struct Capture;

// cudaStream_t points to one. The capture fields are guarded by stream_mutex().
struct Stream {
  uint64_t id = 0;
  unsigned flags = cudaStreamDefault;
  int priority = 0;
  int device = 0;
  bool legacy = false;

  std::shared_ptr<Capture> capture;
  std::vector<GraphNode*> tail;  // what the next captured operation waits for
  // When the last operation in it was a kernel that may still run: see may_overlap().
  uint64_t kernel_time = 0;
};

std::mutex& stream_mutex();

// Created and not destroyed. Takes stream_mutex() itself.
size_t live_streams();

// The stream behind a handle, where 0 means `implicit`. Fails with cudaErrorInvalidResourceHandle.
cudaError_t find_stream(cudaStream_t handle, cudaStream_t implicit, Stream*& stream);

// A number of its own for each stream.
uint64_t number_of(const Stream& stream);

// From now on no kernel that has been launched runs any more: the host has waited for them. With the streams' lock held.
void all_kernels_have_ended();

// Runs the operation, or records it when the stream is being captured.
cudaError_t submit(Stream& stream, Operation operation);
cudaError_t submit(cudaStream_t handle, cudaStream_t implicit, Operation operation);

// An API call that runs `body` on the stream with the streams' lock held.
template <typename Body>
cudaError_t with_stream(cudaStream_t handle, cudaStream_t implicit, Body&& body) {
  return api_call([&] {
    Stream* stream = nullptr;
    if (const cudaError_t result = find_stream(handle, implicit, stream); result != cudaSuccess) {
      return result;
    }
    const std::lock_guard lock(stream_mutex());
    return body(*stream);
  });
}

}  // namespace cuemu::runtime
