// SPDX-License-Identifier: MIT
// Graph handles: creation, instantiation, launch, destruction.
#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "graph_handles.hpp"
#include "streams.hpp"

namespace cuemu::runtime {
namespace {

// cudaGraphExec_t points to one.
struct Executable {
  std::shared_ptr<const Program> program;
  unsigned long long flags = 0;
};

struct Handles {
  std::mutex mutex;
  std::unordered_map<const void*, std::unique_ptr<Graph>> graphs;
  std::unordered_map<const void*, std::unique_ptr<Executable>> executables;
};

Handles& handles() {
  static Handles* const instance = new Handles;
  return *instance;
}

std::shared_ptr<const Program> find_program(cudaGraphExec_t handle) {
  Handles& known = handles();
  const std::lock_guard lock(known.mutex);
  const auto found = known.executables.find(handle);
  return found != known.executables.end() ? found->second->program : nullptr;
}

cudaError_t instantiate(cudaGraphExec_t* executable, cudaGraph_t handle, unsigned long long flags) {
  return with_graph(handle, [&](const Graph& graph) {
    if (executable == nullptr) return cudaErrorInvalidValue;
    auto created = std::make_unique<Executable>();
    created->program = order_operations(graph);
    created->flags = flags;
    if (created->program == nullptr) return cudaErrorInvalidValue;
    *executable = reinterpret_cast<cudaGraphExec_t>(created.get());
    Handles& known = handles();
    const std::lock_guard lock(known.mutex);
    known.executables.emplace(*executable, std::move(created));
    return cudaSuccess;
  });
}

}  // namespace

size_t live_graphs() {
  const std::lock_guard lock(handles().mutex);
  return handles().graphs.size();
}

size_t live_graph_executables() {
  const std::lock_guard lock(handles().mutex);
  return handles().executables.size();
}

Graph* find_graph(cudaGraph_t handle) {
  Handles& known = handles();
  const std::lock_guard lock(known.mutex);
  const auto found = known.graphs.find(handle);
  return found != known.graphs.end() ? found->second.get() : nullptr;
}

GraphNode* find_node(cudaGraphNode_t handle) {
  Handles& known = handles();
  const std::lock_guard lock(known.mutex);
  for (const auto& [graph_handle, graph] : known.graphs) {
    for (const auto& node : graph->nodes) {
      if (reinterpret_cast<cudaGraphNode_t>(node.get()) == handle) return node.get();
    }
  }
  return nullptr;
}

cudaError_t list_nodes(const std::vector<GraphNode*>& nodes, cudaGraphNode_t* out, size_t* count) {
  if (count == nullptr) return cudaErrorInvalidValue;
  if (out != nullptr) {
    for (size_t i = 0; i < *count; ++i) {
      out[i] = i < nodes.size() ? reinterpret_cast<cudaGraphNode_t>(nodes[i]) : nullptr;
    }
  }
  *count = out == nullptr ? nodes.size() : std::min(*count, nodes.size());
  return cudaSuccess;
}

cudaGraph_t publish_graph(std::unique_ptr<Graph> graph) {
  Handles& known = handles();
  const std::lock_guard lock(known.mutex);
  const auto handle = reinterpret_cast<cudaGraph_t>(graph.get());
  known.graphs.emplace(handle, std::move(graph));
  return handle;
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaGraphCreate, (cudaGraph_t * graph, unsigned flags), {
  return api_call([&] {
    if (graph == nullptr || flags != 0) return cudaErrorInvalidValue;
    *graph = publish_graph(std::make_unique<Graph>());
    return cudaSuccess;
  });
})

CUEMU_API(cudaGraphDestroy, (cudaGraph_t graph), {
  return api_call([&] {
    Handles& known = handles();
    const std::lock_guard lock(known.mutex);
    return known.graphs.erase(graph) != 0 ? cudaSuccess : cudaErrorInvalidValue;
  });
})

CUEMU_API(cudaGraphInstantiate,
          (cudaGraphExec_t * executable, cudaGraph_t graph, unsigned long long flags),
          { return instantiate(executable, graph, flags); })

CUEMU_API(cudaGraphInstantiateWithFlags,
          (cudaGraphExec_t * executable, cudaGraph_t graph, unsigned long long flags),
          { return instantiate(executable, graph, flags); })

CUEMU_STREAM_API(cudaGraphInstantiateWithParams,
                 (cudaGraphExec_t * executable, cudaGraph_t graph,
                  cudaGraphInstantiateParams* parameters),
                 {
                   if (parameters == nullptr)
                     return pure_call([] { return cudaErrorInvalidValue; });
                   const cudaError_t result = instantiate(executable, graph, parameters->flags);
                   parameters->errNode_out = nullptr;
                   parameters->result_out = result == cudaSuccess ? cudaGraphInstantiateSuccess
                                                                  : cudaGraphInstantiateError;
                   return result;
                 })

CUEMU_API(cudaGraphExecGetFlags, (cudaGraphExec_t executable, unsigned long long* flags), {
  return api_call([&] {
    Handles& known = handles();
    const std::lock_guard lock(known.mutex);
    const auto found = known.executables.find(executable);
    if (found == known.executables.end() || flags == nullptr) return cudaErrorInvalidValue;
    *flags = found->second->flags;
    return cudaSuccess;
  });
})

CUEMU_API(cudaGraphExecDestroy, (cudaGraphExec_t executable), {
  return api_call([&] {
    Handles& known = handles();
    const std::lock_guard lock(known.mutex);
    return known.executables.erase(executable) != 0 ? cudaSuccess : cudaErrorInvalidValue;
  });
})

CUEMU_STREAM_API(cudaGraphUpload, (cudaGraphExec_t executable, cudaStream_t stream), {
  return api_call([&] {
    if (find_program(executable) == nullptr) return cudaErrorInvalidValue;
    return submit(stream, implicit_stream, EmptyOperation{});
  });
})

CUEMU_STREAM_API(cudaGraphLaunch, (cudaGraphExec_t executable, cudaStream_t stream), {
  return api_call([&] {
    const auto program = find_program(executable);
    if (program == nullptr) return cudaErrorInvalidValue;
    return submit(stream, implicit_stream, GraphOperation{program});
  });
})
