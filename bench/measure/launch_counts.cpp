#include "measure/launch_counts.hpp"

#include <cuemu.h>

#include "compute/device_buffer.hpp"
#include "measure/cuda_objects.hpp"

namespace foldconv::tool {
namespace {

Traffic read_traffic() {
  cuemu_counters counters{};
  if (cuemu_read_counters(&counters) == 0) return {};
  Traffic traffic{
      .launches = counters.launches,
      .dram_bytes = counters.global_load.unique_bytes + counters.global_store.unique_bytes,
      .mma_instructions = counters.mma_instructions,
      .mma_flops = counters.mma_flops,
      .fma_flops = counters.fma_flops};
  for (const cuemu_shared_traffic* shared :
       {&counters.shared_load, &counters.shared_store, &counters.ldmatrix, &counters.stmatrix,
        &counters.async_copy}) {
    traffic.shared_wavefronts += shared->wavefronts;
    traffic.ideal_shared_wavefronts += shared->ideal_wavefronts;
  }
  return traffic;
}

// Runs between two kernels of a graph.
void CUDART_CB append_and_reset(void* traffic) {
  static_cast<std::vector<Traffic>*>(traffic)->push_back(read_traffic());
  cuemu_reset_counters();
}

Status capture(const Launches& launches, cudaStream_t stream, Graph& graph) {
  Status status = cuda_status(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                              "cudaStreamBeginCapture");
  if (!status) return status;
  const Status launched = launches(stream);
  status = cuda_status(cudaStreamEndCapture(stream, graph.receive()), "cudaStreamEndCapture");
  return launched ? status : launched;
}

Result<std::vector<cudaGraphNode_t>> nodes_of(cudaGraph_t graph) {
  std::size_t count = 0;
  Status status = cuda_status(cudaGraphGetNodes(graph, nullptr, &count), "cudaGraphGetNodes");
  if (!status) return status;
  std::vector<cudaGraphNode_t> nodes(count);
  status = cuda_status(cudaGraphGetNodes(graph, nodes.data(), &count), "cudaGraphGetNodes");
  if (!status) return status;
  return nodes;
}

// Puts a reading of the counters behind each kernel of a captured stream, whose nodes are a line.
Status read_after_each_kernel(cudaGraph_t graph, std::vector<Traffic>& traffic) {
  const Result<std::vector<cudaGraphNode_t>> nodes = nodes_of(graph);
  if (!nodes) return nodes.status();
  cudaGraphNode_t reading = nullptr;
  for (const cudaGraphNode_t node : *nodes) {
    if (reading != nullptr) {
      Status status = cuda_status(cudaGraphAddDependencies(graph, &reading, &node, nullptr, 1),
                                  "cudaGraphAddDependencies");
      if (!status) return status;
      reading = nullptr;
    }
    cudaGraphNodeType type{};
    Status status = cuda_status(cudaGraphNodeGetType(node, &type), "cudaGraphNodeGetType");
    if (!status) return status;
    if (type != cudaGraphNodeTypeKernel) continue;
    const cudaHostNodeParams parameters{.fn = append_and_reset, .userData = &traffic};
    status = cuda_status(cudaGraphAddHostNode(&reading, graph, &node, 1, &parameters),
                         "cudaGraphAddHostNode");
    if (!status) return status;
  }
  return {};
}

}  // namespace

Result<std::vector<Traffic>> count_launches(const Launches& launches) {
  Stream stream;
  Graph graph;
  Executable executable;
  std::vector<Traffic> traffic;
  Status status = cuda_status(cudaStreamCreateWithFlags(stream.receive(), cudaStreamNonBlocking),
                              "cudaStreamCreateWithFlags");
  if (!status) return status;
  if (status = capture(launches, stream.get(), graph); !status) return status;
  if (status = read_after_each_kernel(graph.get(), traffic); !status) return status;
  status = cuda_status(cudaGraphInstantiate(executable.receive(), graph.get(), 0),
                       "cudaGraphInstantiate");
  if (!status) return status;
  // The stream does not wait for what was copied on the default stream.
  status = cuda_status(cudaDeviceSynchronize(), "copying the operands");
  if (!status) return status;
  cuemu_reset_counters();
  status = cuda_status(cudaGraphLaunch(executable.get(), stream.get()), "cudaGraphLaunch");
  if (!status) return status;
  status = cuda_status(cudaStreamSynchronize(stream.get()), "running the kernels");
  if (!status) return status;
  return traffic;
}

}  // namespace foldconv::tool
