// SPDX-License-Identifier: MIT
// Owners of CUDA objects: they are freed on every way out.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

namespace foldconv::harness {

// Launches on a stream; throws what goes wrong.
using Launch = std::function<void(cudaStream_t)>;

template <auto Destroy>
struct Destroyer {
  void operator()(auto handle) const { Destroy(handle); }
};
template <class Handle, auto Destroy>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroyer<Destroy>>;
using Stream = Owned<cudaStream_t, cudaStreamDestroy>;
using Event = Owned<cudaEvent_t, cudaEventDestroy>;
using CapturedGraph = Owned<cudaGraph_t, cudaGraphDestroy>;
using Executable = Owned<cudaGraphExec_t, cudaGraphExecDestroy>;

// Does not wait for the legacy stream.
Stream make_stream();
Event make_event();

// What `launch` does on the stream, which nothing else may use meanwhile. Throws what `launch`
// throws, and where it cannot be captured; the stream is then as before.
CapturedGraph captured(cudaStream_t stream, const Launch& launch);
std::vector<cudaGraphNode_t> nodes_of(const CapturedGraph& graph);
Executable instantiated(const CapturedGraph& graph);
// Runs it to its end.
void run(const Executable& executable, cudaStream_t stream);

}  // namespace foldconv::harness
