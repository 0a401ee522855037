// SPDX-License-Identifier: MIT
#include "harness/device/objects.hpp"

#include "harness/error.hpp"

namespace foldconv::harness {

Stream make_stream() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return Stream(stream);
}

Event make_event() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreate(&event), "cudaEventCreate");
  return Event(event);
}

CapturedGraph captured(cudaStream_t stream, const Launch& launch) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  cudaGraph_t graph = nullptr;
  try {
    launch(stream);
  } catch (...) {
    static_cast<void>(cudaStreamEndCapture(stream, &graph));
    static_cast<void>(cudaGetLastError());
    const CapturedGraph discarded(graph);
    throw;
  }
  const cudaError_t ended = cudaStreamEndCapture(stream, &graph);
  CapturedGraph owned(graph);
  check(ended, "cudaStreamEndCapture");
  return owned;
}

std::vector<cudaGraphNode_t> nodes_of(const CapturedGraph& graph) {
  std::size_t count = 0;
  check(cudaGraphGetNodes(graph.get(), nullptr, &count), "cudaGraphGetNodes");
  std::vector<cudaGraphNode_t> nodes(count);
  if (count > 0) check(cudaGraphGetNodes(graph.get(), nodes.data(), &count), "cudaGraphGetNodes");
  return nodes;
}

Executable instantiated(const CapturedGraph& graph) {
  cudaGraphExec_t executable = nullptr;
  check(cudaGraphInstantiate(&executable, graph.get(), 0), "cudaGraphInstantiate");
  return Executable(executable);
}

void run(const Executable& executable, cudaStream_t stream) {
  check(cudaGraphLaunch(executable.get(), stream), "cudaGraphLaunch");
  check(cudaStreamSynchronize(stream), "running a graph");
}

}  // namespace foldconv::harness
