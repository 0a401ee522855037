// SPDX-License-Identifier: MIT
// Stream capture: operations go into a graph instead of to the device, and calls that do not fit
// are refused. Every function here expects stream_mutex() to be held, unless it says otherwise.
#pragma once

#include <thread>

#include "streams.hpp"

namespace cuemu::runtime {

struct Capture {
  uint64_t id = 0;
  std::unique_ptr<Graph> graph;
  Stream* origin = nullptr;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id owner;
  bool invalidated = false;
  std::vector<Stream*> streams;  // the origin and those that joined over events
};

cudaError_t begin_capture(Stream& stream, cudaStreamCaptureMode mode);
cudaError_t end_capture(Stream& stream, cudaGraph_t* graph);

// Makes `stream` wait for `nodes` of `capture`, joining it if it is not being captured yet.
cudaError_t join_capture(Stream& stream, const std::shared_ptr<Capture>& capture,
                         const std::vector<GraphNode*>& nodes);

// Ends `stream`'s part in its capture, which becomes invalid.
void abandon_capture(Stream& stream);

// Whether an operation in `stream`, the legacy one, would have to wait for a stream that is being
// captured.
bool implicit_dependency_exists(const Stream& stream);

// Refuses such an operation; it invalidates the captures concerned.
cudaError_t check_implicit_dependency(const Stream& stream);

// Refuses a call that waits for `stream`, or for the whole device when it is nullptr, if that is
// being captured.
cudaError_t check_waiting(Stream* stream);

// Takes stream_mutex() itself. Refuses calls that are not ordered by any stream, such as
// cudaMalloc, as far as the capture modes ask for it, and invalidates the captures in the way.
cudaError_t check_unsafe_call();

// Needs no lock. Swaps the calling thread's interaction mode.
cudaStreamCaptureMode exchange_thread_mode(cudaStreamCaptureMode mode);

}  // namespace cuemu::runtime
