// SPDX-License-Identifier: MIT
// What a launch may ask for beyond its grid: clusters, that all blocks are there at once, that it begins early.
#include <array>
#include <string>

#include "device_model.hpp"
#include "errors.hpp"
#include "launch.hpp"
#include "occupancy.hpp"

namespace cuemu::runtime {
namespace {

std::string text_of(const std::array<int, 3>& size) {
  return "(" + std::to_string(size[0]) + "," + std::to_string(size[1]) + "," +
         std::to_string(size[2]) + ")";
}

std::array<int, 3> extent_of(dim3 size) {
  return {static_cast<int>(size.x), static_cast<int>(size.y), static_cast<int>(size.z)};
}

cudaError_t refuse_cluster(const KernelRecord& kernel, const std::string& reason) {
  return refuse_launch(cudaErrorInvalidClusterSize, reason + "; kernel " + kernel.name);
}

}  // namespace

cudaError_t read_attributes(const cudaLaunchConfig_t& configuration, LaunchAttributes& attributes) {
  if (configuration.numAttrs != 0 && configuration.attrs == nullptr) return cudaErrorInvalidValue;
  for (unsigned i = 0; i < configuration.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = configuration.attrs[i];
    switch (attribute.id) {
      case cudaLaunchAttributeIgnore:
      case cudaLaunchAttributeAccessPolicyWindow:
      case cudaLaunchAttributeSynchronizationPolicy:
      case cudaLaunchAttributePriority:
      case cudaLaunchAttributeMemSyncDomain:
      case cudaLaunchAttributeMemSyncDomainMap:
      case cudaLaunchAttributePreferredSharedMemoryCarveout:
        break;  // hints
      case cudaLaunchAttributeProgrammaticStreamSerialization:
        attributes.overlaps_previous = attribute.val.programmaticStreamSerializationAllowed != 0;
        break;
      case cudaLaunchAttributeCooperative:
        attributes.cooperative = attribute.val.cooperative != 0;
        break;
      case cudaLaunchAttributeClusterDimension: {
        const auto& size = attribute.val.clusterDim;
        attributes.cluster = dim3(size.x, size.y, size.z);
        break;
      }
      case cudaLaunchAttributeClusterSchedulingPolicyPreference: {
        const cudaClusterSchedulingPolicy policy = attribute.val.clusterSchedulingPolicyPreference;
        if (policy < cudaClusterSchedulingPolicyDefault ||
            policy > cudaClusterSchedulingPolicyLoadBalancing) {
          return cudaErrorInvalidValue;
        }
        attributes.cluster_scheduling = policy;
        break;
      }
      default:
        return not_supported(
            ("launch attribute " + std::to_string(static_cast<int>(attribute.id))).c_str());
    }
  }
  return cudaSuccess;
}

cudaError_t choose_cluster(const LaunchAttributes& attributes, KernelOperation& operation) {
  const KernelRecord& kernel = *operation.kernel;
  const std::array<int, 3> required = kernel.required_cluster();
  const bool is_required = required != std::array<int, 3>{};
  operation.cluster_scheduling = attributes.cluster_scheduling.value_or(
      static_cast<cudaClusterSchedulingPolicy>(kernel.cluster_scheduling.load()));
  if (!attributes.cluster && !is_required) {
    if (kernel.info.explicit_cluster)
      return refuse_cluster(kernel, "the kernel must be launched with a cluster dimension");
    return cudaSuccess;
  }
  const std::array<int, 3> size = attributes.cluster ? extent_of(*attributes.cluster) : required;
  if (is_required && size != required) {
    return refuse_cluster(
        kernel, "a cluster of " + text_of(size) + ", but the kernel requires " + text_of(required));
  }
  const int64_t blocks = int64_t{size[0]} * size[1] * size[2];
  if (size[0] < 1 || size[1] < 1 || size[2] < 1)
    return refuse_cluster(kernel, "a cluster of " + text_of(size));
  if (!device_model().has_clusters()) {
    return blocks == 1 ? cudaSuccess : not_supported("a launch with clusters");
  }
  if (size[0] > DeviceModel::max_cluster_blocks || size[1] > DeviceModel::max_cluster_blocks ||
      size[2] > DeviceModel::max_cluster_blocks || blocks > kernel.max_cluster_blocks()) {
    return refuse_cluster(kernel, "a cluster of " + text_of(size) + " has more than " +
                                      std::to_string(kernel.max_cluster_blocks()) + " blocks");
  }
  const Dim3 cluster = {static_cast<uint32_t>(size[0]), static_cast<uint32_t>(size[1]),
                        static_cast<uint32_t>(size[2])};
  if (operation.grid.x % cluster.x != 0 || operation.grid.y % cluster.y != 0 ||
      operation.grid.z % cluster.z != 0) {
    return refuse_cluster(kernel, "the grid is no multiple of a cluster of " + text_of(size));
  }
  operation.cluster = cluster;
  operation.is_clustered = true;
  return cudaSuccess;
}

cudaError_t check_cooperative(const KernelOperation& operation) {
  if (!operation.cooperative) return cudaSuccess;
  const KernelRecord& kernel = *operation.kernel;
  const uint64_t blocks = uint64_t{operation.grid.x} * operation.grid.y * operation.grid.z;
  const int threads = static_cast<int>(operation.block.x * operation.block.y * operation.block.z);
  const int of_cluster =
      static_cast<int>(operation.cluster.x * operation.cluster.y * operation.cluster.z);
  const uint64_t most = static_cast<uint64_t>(of_cluster) *
                        static_cast<uint64_t>(active_clusters(kernel, of_cluster, threads,
                                                              operation.dynamic_shared_bytes));
  if (blocks <= most) return cudaSuccess;
  return refuse_launch(cudaErrorCooperativeLaunchTooLarge,
                       std::to_string(blocks) + " blocks, but only " + std::to_string(most) +
                           " fit on the device at once; kernel " + kernel.name);
}

}  // namespace cuemu::runtime
