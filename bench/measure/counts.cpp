// SPDX-License-Identifier: MIT
#include "measure/counts.hpp"

#include <cuemu.h>

#include "harness/error.hpp"

namespace foldconv::tool {
namespace {

using harness::check;

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

// Puts a reading of the counters behind each kernel of a captured stream, whose nodes are a line.
void read_after_each_kernel(const harness::Graph& graph, std::vector<Traffic>& traffic) {
  cudaGraphNode_t reading = nullptr;
  for (const cudaGraphNode_t node : harness::nodes_of(graph)) {
    if (reading != nullptr) {
      check(cudaGraphAddDependencies(graph.get(), &reading, &node, nullptr, 1),
            "cudaGraphAddDependencies");
      reading = nullptr;
    }
    cudaGraphNodeType type{};
    check(cudaGraphNodeGetType(node, &type), "cudaGraphNodeGetType");
    if (type != cudaGraphNodeTypeKernel) continue;
    const cudaHostNodeParams parameters{.fn = append_and_reset, .userData = &traffic};
    check(cudaGraphAddHostNode(&reading, graph.get(), &node, 1, &parameters),
          "cudaGraphAddHostNode");
  }
}

}  // namespace

std::vector<Traffic> count_launches(const harness::Launch& launch) {
  std::vector<Traffic> traffic;
  const harness::Stream stream = harness::make_stream();
  const harness::Graph graph = harness::captured(stream.get(), launch);
  read_after_each_kernel(graph, traffic);
  const harness::Executable executable = harness::instantiated(graph);
  // The stream does not wait for what was copied on the default stream.
  check(cudaDeviceSynchronize(), "copying the operands");
  cuemu_reset_counters();
  harness::run(executable, stream.get());
  return traffic;
}

}  // namespace foldconv::tool
