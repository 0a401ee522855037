// SPDX-License-Identifier: MIT
// Owners of CUDA objects: they are freed on every way out.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <utility>
#include <vector>

namespace foldconv::harness {

// Launches on a stream; throws what goes wrong.
using Launch = std::function<void(cudaStream_t)>;

template <class Handle, cudaError_t (*Destroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(Handle handle) : handle_(handle) {}
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Owned() {
    if (handle_ != nullptr) Destroy(handle_);
  }
  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};
using Stream = Owned<cudaStream_t, cudaStreamDestroy>;
using Event = Owned<cudaEvent_t, cudaEventDestroy>;
using Graph = Owned<cudaGraph_t, cudaGraphDestroy>;
using Executable = Owned<cudaGraphExec_t, cudaGraphExecDestroy>;

// Does not wait for the legacy stream.
Stream make_stream();
Event make_event();

// What `launch` does on the stream, which nothing else may use meanwhile. Throws what `launch`
// throws, and where it cannot be captured; the stream is then as before.
Graph captured(cudaStream_t stream, const Launch& launch);
std::vector<cudaGraphNode_t> nodes_of(const Graph& graph);
Executable instantiated(const Graph& graph);
// Runs it to its end.
void run(const Executable& executable, cudaStream_t stream);

}  // namespace foldconv::harness
