// SPDX-License-Identifier: MIT
// What can be asked of a kernel, and set on it.
#include "api.hpp"
#include "device_model.hpp"
#include "modules.hpp"

namespace cuemu::runtime {
namespace {

template <typename Body>
cudaError_t with_function(const void* function, Body&& body) {
  return api_call([&] {
    KernelRecord* kernel = nullptr;
    const cudaError_t result = find_function(function, kernel);
    return result == cudaSuccess ? body(*kernel) : result;
  });
}

cudaError_t describe(const KernelRecord& kernel, cudaFuncAttributes* attributes) {
  if (attributes == nullptr) return cudaErrorInvalidValue;
  *attributes = {};
  attributes->sharedSizeBytes = static_cast<size_t>(kernel.static_shared_bytes());
  attributes->constSizeBytes = static_cast<size_t>(kernel.resources.constant_bytes);
  attributes->localSizeBytes = static_cast<size_t>(kernel.resources.stack_bytes);
  attributes->maxThreadsPerBlock = kernel.max_threads_per_block();
  attributes->numRegs = kernel.resources.registers;
  attributes->ptxVersion = kernel.module->ptx_arch();
  attributes->binaryVersion = kernel.module->cubin_arch();
  attributes->maxDynamicSharedSizeBytes = kernel.max_dynamic_shared_bytes();
  attributes->preferredShmemCarveout = kernel.carveout;
  const std::array<int, 3> cluster = kernel.required_cluster();
  attributes->clusterDimMustBeSet = kernel.info.explicit_cluster ? 1 : 0;
  attributes->requiredClusterWidth = cluster[0];
  attributes->requiredClusterHeight = cluster[1];
  attributes->requiredClusterDepth = cluster[2];
  attributes->clusterSchedulingPolicyPreference = kernel.cluster_scheduling;
  attributes->nonPortableClusterSizeAllowed = kernel.non_portable_cluster;
  return cudaSuccess;
}

cudaError_t set_cluster_attribute(KernelRecord& kernel, cudaFuncAttribute attribute, int value) {
  if (!device_model().has_clusters()) return not_supported("a cluster attribute");
  if (value < 0) return cudaErrorInvalidValue;
  switch (attribute) {
    case cudaFuncAttributeNonPortableClusterSizeAllowed:
      if (value > 1) return cudaErrorInvalidValue;
      kernel.non_portable_cluster = value;
      return cudaSuccess;
    case cudaFuncAttributeClusterSchedulingPolicyPreference:
      if (value > cudaClusterSchedulingPolicyLoadBalancing) return cudaErrorInvalidValue;
      kernel.cluster_scheduling = value;
      return cudaSuccess;
    default:
      if (kernel.has_compiled_cluster()) return cudaErrorNotPermitted;
      // Whether the three fit together is looked at when the kernel is launched.
      kernel.cluster_set[static_cast<size_t>(attribute - cudaFuncAttributeRequiredClusterWidth)] =
          value;
      return cudaSuccess;
  }
}

cudaError_t set_attribute(KernelRecord& kernel, cudaFuncAttribute attribute, int value) {
  switch (attribute) {
    case cudaFuncAttributeMaxDynamicSharedMemorySize: {
      const int most = device_model().shared_per_block_optin - kernel.static_shared_bytes();
      if (value < 0 || value > most) return cudaErrorInvalidValue;
      kernel.dynamic_shared_limit = value;
      return cudaSuccess;
    }
    case cudaFuncAttributePreferredSharedMemoryCarveout:
      if (value < cudaSharedmemCarveoutDefault || value > cudaSharedmemCarveoutMaxShared) {
        return cudaErrorInvalidValue;
      }
      kernel.carveout = value;
      return cudaSuccess;
    case cudaFuncAttributeRequiredClusterWidth:
    case cudaFuncAttributeRequiredClusterHeight:
    case cudaFuncAttributeRequiredClusterDepth:
    case cudaFuncAttributeNonPortableClusterSizeAllowed:
    case cudaFuncAttributeClusterSchedulingPolicyPreference:
      return set_cluster_attribute(kernel, attribute, value);
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace
}  // namespace cuemu::runtime

using namespace cuemu;
using namespace cuemu::runtime;

CUEMU_API(cudaFuncGetAttributes, (cudaFuncAttributes * attributes, const void* function), {
  return with_function(function,
                       [&](const KernelRecord& kernel) { return describe(kernel, attributes); });
})

CUEMU_API(cudaFuncSetAttribute, (const void* function, cudaFuncAttribute attribute, int value), {
  return with_function(
      function, [&](KernelRecord& kernel) { return set_attribute(kernel, attribute, value); });
})

CUEMU_API(cudaFuncSetCacheConfig, (const void* function, cudaFuncCache config), {
  return with_function(function, [&](KernelRecord& kernel) {
    kernel.cache_config = config;
    return cudaSuccess;
  });
})

CUEMU_API(cudaFuncGetName, (const char** name, const void* function), {
  return with_function(function, [&](const KernelRecord& kernel) {
    if (name == nullptr) return cudaErrorInvalidValue;
    *name = kernel.name.c_str();
    return cudaSuccess;
  });
})

CUEMU_API(cudaFuncGetParamInfo, (const void* function, size_t index, size_t* offset, size_t* size),
          {
            return with_function(function, [&](const KernelRecord& kernel) {
              if (offset == nullptr || index >= kernel.info.parameters.size())
                return cudaErrorInvalidValue;
              const KernelParameter& parameter = kernel.info.parameters[index];
              *offset = parameter.offset;
              if (size != nullptr) *size = parameter.size;
              return cudaSuccess;
            });
          })
