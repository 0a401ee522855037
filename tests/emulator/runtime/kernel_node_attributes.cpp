// SPDX-License-Identifier: MIT
// Attributes of the kernel nodes of a graph.
#include "graph_handles.hpp"
#include "launch.hpp"

namespace cuemu::runtime {
namespace {

template <typename Body>
cudaError_t with_kernel_node(cudaGraphNode_t handle, Body&& body) {
  return with_node(handle, [&](GraphNode& node) {
    auto* const kernel = std::get_if<KernelOperation>(&node.operation);
    return kernel != nullptr ? body(*kernel) : cudaErrorInvalidValue;
  });
}

cudaError_t get_attribute(const KernelOperation& kernel, cudaLaunchAttributeID attribute,
                          cudaLaunchAttributeValue& value) {
  switch (attribute) {
    case cudaLaunchAttributeCooperative:
      value.cooperative = kernel.cooperative ? 1 : 0;
      return cudaSuccess;
    case cudaLaunchAttributeClusterDimension:
      value.clusterDim = {0, 0, 0};
      if (kernel.is_clustered) {
        value.clusterDim = {kernel.cluster.x, kernel.cluster.y, kernel.cluster.z};
      }
      return cudaSuccess;
    case cudaLaunchAttributeClusterSchedulingPolicyPreference:
      value.clusterSchedulingPolicyPreference = kernel.cluster_scheduling;
      return cudaSuccess;
    default:
      return not_supported("this attribute of a kernel node");
  }
}

// The operation is changed only when all is well.
cudaError_t set_attributes(KernelOperation& kernel, const LaunchAttributes& attributes) {
  KernelOperation changed = kernel;
  changed.cluster = {};
  changed.is_clustered = false;
  changed.cooperative = attributes.cooperative;
  if (const cudaError_t result = choose_cluster(attributes, changed); result != cudaSuccess) {
    return result;
  }
  if (const cudaError_t result = check_cooperative(changed); result != cudaSuccess) return result;
  kernel = std::move(changed);
  return cudaSuccess;
}

LaunchAttributes attributes_of(const KernelOperation& kernel) {
  LaunchAttributes attributes;
  if (kernel.is_clustered) {
    attributes.cluster = dim3(kernel.cluster.x, kernel.cluster.y, kernel.cluster.z);
  }
  attributes.cooperative = kernel.cooperative;
  attributes.cluster_scheduling = kernel.cluster_scheduling;
  return attributes;
}

cudaError_t set_attribute_of(KernelOperation& kernel, cudaLaunchAttributeID id,
                             const cudaLaunchAttributeValue& value) {
  // Of launches only.
  if (id == cudaLaunchAttributeProgrammaticStreamSerialization) return cudaErrorInvalidValue;
  cudaLaunchAttribute attribute = {};
  attribute.id = id;
  attribute.val = value;
  cudaLaunchConfig_t configuration = {};
  configuration.attrs = &attribute;
  configuration.numAttrs = 1;
  LaunchAttributes attributes = attributes_of(kernel);
  if (const cudaError_t result = read_attributes(configuration, attributes);
      result != cudaSuccess) {
    return result;
  }
  return set_attributes(kernel, attributes);
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaGraphKernelNodeGetAttribute,
          (cudaGraphNode_t node, cudaLaunchAttributeID attribute, cudaLaunchAttributeValue* value),
          {
            return with_kernel_node(node, [&](const KernelOperation& kernel) {
              return value != nullptr ? get_attribute(kernel, attribute, *value)
                                      : cudaErrorInvalidValue;
            });
          })

CUEMU_API(cudaGraphKernelNodeSetAttribute,
          (cudaGraphNode_t node, cudaLaunchAttributeID attribute,
           const cudaLaunchAttributeValue* value),
          {
            return with_kernel_node(node, [&](KernelOperation& kernel) {
              return value != nullptr ? set_attribute_of(kernel, attribute, *value)
                                      : cudaErrorInvalidValue;
            });
          })

CUEMU_API(cudaGraphKernelNodeCopyAttributes, (cudaGraphNode_t to, cudaGraphNode_t from), {
  return with_kernel_node(from, [&](const KernelOperation& source) {
    const LaunchAttributes attributes = attributes_of(source);
    return with_kernel_node(
        to, [&](KernelOperation& target) { return set_attributes(target, attributes); });
  });
})
