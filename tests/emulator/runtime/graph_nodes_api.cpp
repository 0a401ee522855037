// SPDX-License-Identifier: MIT
// Graphs built node by node, and what can be asked of nodes.
#include <algorithm>

#include "graph_handles.hpp"
#include "launch.hpp"
#include "memory.hpp"

namespace cuemu::runtime {
namespace {

struct Dependencies {
  const cudaGraphNode_t* handles;
  size_t count;
};

// `prepare` fills in the operation, or fails.
template <typename Prepare>
cudaError_t add_node(cudaGraphNode_t* out, cudaGraph_t graph_handle, Dependencies dependencies,
                     Prepare&& prepare) {
  return with_graph(graph_handle, [&](Graph& graph) {
    if (out == nullptr) return cudaErrorInvalidValue;
    std::vector<GraphNode*> nodes;
    for (size_t i = 0; i < dependencies.count; ++i) {
      GraphNode* const node = find_node(dependencies.handles[i]);
      if (node == nullptr || node->graph != &graph) return cudaErrorInvalidValue;
      nodes.push_back(node);
    }
    Operation operation;
    if (const cudaError_t result = prepare(operation); result != cudaSuccess) return result;
    *out = reinterpret_cast<cudaGraphNode_t>(graph.add(std::move(operation), std::move(nodes)));
    return cudaSuccess;
  });
}

cudaGraphNodeType type_of(const Operation& operation) {
  // In the order of the variant's alternatives.
  static constexpr cudaGraphNodeType types[] = {
      cudaGraphNodeTypeEmpty,       cudaGraphNodeTypeKernel,   cudaGraphNodeTypeMemcpy,
      cudaGraphNodeTypeMemset,      cudaGraphNodeTypeHost,     cudaGraphNodeTypeGraph,
      cudaGraphNodeTypeEventRecord, cudaGraphNodeTypeWaitEvent};
  static_assert(std::size(types) == std::variant_size_v<Operation>);
  return types[operation.index()];
}

cudaError_t add_edge(Graph& graph, cudaGraphNode_t from_handle, cudaGraphNode_t to_handle) {
  GraphNode* const from = find_node(from_handle);
  GraphNode* const to = find_node(to_handle);
  if (from == nullptr || to == nullptr || from == to) return cudaErrorInvalidValue;
  if (from->graph != &graph || to->graph != &graph) return cudaErrorInvalidValue;
  if (std::ranges::find(to->dependencies, from) != to->dependencies.end()) {
    return cudaErrorInvalidValue;
  }
  to->dependencies.push_back(from);
  return cudaSuccess;
}

// Of the edges to a kernel that may begin early, which has no others.
cudaGraphEdgeData edge_data(const GraphNode& to) {
  cudaGraphEdgeData data = {};
  const auto* const kernel = std::get_if<KernelOperation>(&to.operation);
  if (kernel == nullptr || !kernel->overlaps_previous) return data;
  data.from_port = cudaGraphKernelNodePortProgrammatic;
  data.type = cudaGraphDependencyTypeProgrammatic;
  return data;
}

bool is_programmatic(const cudaGraphEdgeData& edge) {
  return edge.type == cudaGraphDependencyTypeProgrammatic;
}

// Edges that say more than that one node waits for another are not told without what they say.
cudaError_t list_edge_data(const std::vector<cudaGraphEdgeData>& data, bool nodes_are_listed,
                           cudaGraphEdgeData* out, size_t count) {
  if (out == nullptr) {
    return nodes_are_listed && std::ranges::any_of(data, is_programmatic) ? cudaErrorLossyQuery
                                                                          : cudaSuccess;
  }
  std::fill_n(out, count, cudaGraphEdgeData{});
  std::copy_n(data.begin(), std::min(count, data.size()), out);
  return cudaSuccess;
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(
    cudaGraphAddEmptyNode,
    (cudaGraphNode_t * node, cudaGraph_t graph, const cudaGraphNode_t* dependencies, size_t count),
    {
      return add_node(node, graph, {dependencies, count}, [](Operation&) { return cudaSuccess; });
    })

CUEMU_API(cudaGraphAddKernelNode,
          (cudaGraphNode_t * node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
           size_t count, const cudaKernelNodeParams* parameters),
          {
            return add_node(node, graph, {dependencies, count}, [&](Operation& operation) {
              if (parameters == nullptr) return cudaErrorInvalidValue;
              if (parameters->extra != nullptr)
                return not_supported("a kernel node with packed arguments");
              return prepare_launch({.function = parameters->func,
                                     .grid = parameters->gridDim,
                                     .block = parameters->blockDim,
                                     .arguments = parameters->kernelParams,
                                     .dynamic_shared = parameters->sharedMemBytes},
                                    operation.emplace<KernelOperation>());
            });
          })

CUEMU_API(cudaGraphAddMemcpyNode1D,
          (cudaGraphNode_t * node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
           size_t count, void* destination, const void* source, size_t bytes, cudaMemcpyKind kind),
          {
            return add_node(node, graph, {dependencies, count}, [&](Operation& operation) {
              CopyOperation& copy = operation.emplace<CopyOperation>();
              copy.destination = static_cast<std::byte*>(destination);
              copy.source = static_cast<const std::byte*>(source);
              copy.width = bytes;
              copy.kind = kind;
              return check_copy(copy);
            });
          })

CUEMU_API(cudaGraphAddMemsetNode,
          (cudaGraphNode_t * node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
           size_t count, const cudaMemsetParams* parameters),
          {
            return add_node(node, graph, {dependencies, count}, [&](Operation& operation) {
              if (parameters == nullptr) return cudaErrorInvalidValue;
              const unsigned element = parameters->elementSize;
              if (element != 1 && element != 2 && element != 4) return cudaErrorInvalidValue;
              FillOperation& fill = operation.emplace<FillOperation>();
              fill.destination = static_cast<std::byte*>(parameters->dst);
              fill.pitch = parameters->pitch;
              fill.value = parameters->value;
              fill.element_bytes = element;
              fill.width = parameters->width;
              fill.rows = parameters->height;
              return check_fill(fill);
            });
          })

CUEMU_API(cudaGraphAddHostNode,
          (cudaGraphNode_t * node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
           size_t count, const cudaHostNodeParams* parameters),
          {
            return add_node(node, graph, {dependencies, count}, [&](Operation& operation) {
              if (parameters == nullptr || parameters->fn == nullptr) return cudaErrorInvalidValue;
              operation = HostOperation{parameters->fn, parameters->userData};
              return cudaSuccess;
            });
          })

// The child is copied: changing or destroying it later does not matter.
CUEMU_API(cudaGraphAddChildGraphNode,
          (cudaGraphNode_t * node, cudaGraph_t graph, const cudaGraphNode_t* dependencies,
           size_t count, cudaGraph_t child_handle),
          {
            return add_node(node, graph, {dependencies, count}, [&](Operation& operation) {
              const Graph* const child = find_graph(child_handle);
              if (child == nullptr) return cudaErrorInvalidValue;
              const auto program = order_operations(*child);
              if (program == nullptr) return cudaErrorInvalidValue;
              operation = GraphOperation{program};
              return cudaSuccess;
            });
          })

CUEMU_API(cudaGraphAddDependencies,
          (cudaGraph_t handle, const cudaGraphNode_t* from, const cudaGraphNode_t* to,
           const cudaGraphEdgeData* edges, size_t count),
          {
            return with_graph(handle, [&](Graph& graph) {
              if (edges != nullptr) return not_supported("graph edge data");
              for (size_t i = 0; i < count; ++i) {
                if (const cudaError_t result = add_edge(graph, from[i], to[i]);
                    result != cudaSuccess) {
                  return result;
                }
              }
              return cudaSuccess;
            });
          })

CUEMU_API(cudaGraphGetNodes, (cudaGraph_t handle, cudaGraphNode_t* nodes, size_t* count), {
  return with_graph(handle, [&](const Graph& graph) {
    std::vector<GraphNode*> all;
    for (const auto& node : graph.nodes) all.push_back(node.get());
    return list_nodes(all, nodes, count);
  });
})

CUEMU_API(cudaGraphGetRootNodes, (cudaGraph_t handle, cudaGraphNode_t* nodes, size_t* count), {
  return with_graph(handle, [&](const Graph& graph) {
    std::vector<GraphNode*> roots;
    for (const auto& node : graph.nodes) {
      if (node->dependencies.empty()) roots.push_back(node.get());
    }
    return list_nodes(roots, nodes, count);
  });
})

CUEMU_API(cudaGraphGetEdges,
          (cudaGraph_t handle, cudaGraphNode_t* from, cudaGraphNode_t* to, cudaGraphEdgeData* edges,
           size_t* count),
          {
            return with_graph(handle, [&](const Graph& graph) {
              if (count == nullptr || (from == nullptr) != (to == nullptr))
                return cudaErrorInvalidValue;
              std::vector<GraphNode*> sources, targets;
              std::vector<cudaGraphEdgeData> data;
              for (const auto& node : graph.nodes) {
                for (GraphNode* const dependency : node->dependencies) {
                  sources.push_back(dependency);
                  targets.push_back(node.get());
                  data.push_back(edge_data(*node));
                }
              }
              if (const cudaError_t result = list_edge_data(data, from != nullptr, edges, *count);
                  result != cudaSuccess) {
                return result;
              }
              size_t same_count = *count;
              list_nodes(sources, from, &same_count);
              return list_nodes(targets, to, count);
            });
          })

CUEMU_API(cudaGraphNodeGetType, (cudaGraphNode_t handle, cudaGraphNodeType* type), {
  return with_node(handle, [&](const GraphNode& node) {
    if (type == nullptr) return cudaErrorInvalidValue;
    *type = type_of(node.operation);
    return cudaSuccess;
  });
})

CUEMU_API(cudaGraphNodeGetDependencies,
          (cudaGraphNode_t handle, cudaGraphNode_t* nodes, cudaGraphEdgeData* edges, size_t* count),
          {
            return with_node(handle, [&](const GraphNode& node) {
              if (count == nullptr) return cudaErrorInvalidValue;
              const std::vector<cudaGraphEdgeData> data(node.dependencies.size(), edge_data(node));
              if (const cudaError_t result = list_edge_data(data, nodes != nullptr, edges, *count);
                  result != cudaSuccess) {
                return result;
              }
              return list_nodes(node.dependencies, nodes, count);
            });
          })
