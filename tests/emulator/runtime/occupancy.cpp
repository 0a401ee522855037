// SPDX-License-Identifier: MIT
#include "occupancy.hpp"

#include <algorithm>
#include <array>
#include <climits>

#include "api.hpp"
#include "device_model.hpp"
#include "launch.hpp"

namespace cuemu::runtime {
namespace {

constexpr int register_granularity = 256;  // a warp's registers are allocated in units of so many
constexpr int partitions = 4;              // each warp lives in one quarter of the register file
constexpr int shared_granularity = 128;
constexpr int barriers_per_multiprocessor = 64;

constexpr int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

int warps_of(int threads) {
  return (threads + DeviceModel::warp_size - 1) / DeviceModel::warp_size;
}

int registers_per_warp(int registers_per_thread) {
  return round_up(registers_per_thread * DeviceModel::warp_size, register_granularity);
}

// The shares of the L1 that can serve as shared memory.
int next_shared_configuration(int bytes) {
  for (const int kilobytes : {0, 8, 16, 32, 64, 100, 132, 164, 196, 228}) {
    if (bytes <= kilobytes * 1024) {
      return std::min(kilobytes * 1024, device_model().shared_per_multiprocessor);
    }
  }
  return device_model().shared_per_multiprocessor;
}

// What the kernel's preferences leave of the multiprocessor's shared memory.
int preferred_shared_bytes(const KernelRecord& kernel) {
  int percent = kernel.carveout;
  if (percent < 0) {
    switch (kernel.cache_config) {
      case cudaFuncCachePreferL1:
        percent = cudaSharedmemCarveoutMaxL1;
        break;
      case cudaFuncCachePreferEqual:
        percent = 50;
        break;
      default:
        percent = cudaSharedmemCarveoutMaxShared;
    }
  }
  return next_shared_configuration(percent * device_model().shared_per_multiprocessor / 100);
}

int blocks_by_registers(const KernelRecord& kernel, int warps) {
  constexpr int total = DeviceModel::registers_per_multiprocessor;
  const int per_warp = registers_per_warp(kernel.resources.registers);
  if (per_warp == 0) return INT_MAX;
  // The hardware checks a block as if its warps were spread evenly over the partitions.
  if (per_warp * round_up(warps, partitions) > total) return 0;
  return total / partitions / per_warp * partitions / warps;
}

int shared_limit_per_block(const KernelRecord& kernel, int most) {
  const int limit = most > DeviceModel::shared_per_block ? device_model().shared_per_block_optin
                                                         : DeviceModel::shared_per_block;
  return (kernel.dynamic_shared_limit < 0 ? DeviceModel::shared_per_block : limit) +
         DeviceModel::reserved_shared_per_block;
}

int blocks_by_shared(const KernelRecord& kernel, size_t dynamic_shared) {
  const int fixed = kernel.static_shared_bytes() + DeviceModel::reserved_shared_per_block;
  const int allowed = kernel.max_dynamic_shared_bytes();
  if (allowed < 0 || dynamic_shared > static_cast<size_t>(allowed)) return 0;
  const int used = round_up(fixed + static_cast<int>(dynamic_shared), shared_granularity);
  if (used > shared_limit_per_block(kernel, fixed + allowed)) return 0;
  const int preferred = preferred_shared_bytes(kernel);
  // A preference below what one block needs only counts as far as it can.
  return (preferred >= used ? preferred : next_shared_configuration(used)) / used;
}

int blocks_by_barriers(const KernelRecord& kernel) {
  const bool limits = device_model().major >= 9 && kernel.resources.barriers > 0;
  return limits ? barriers_per_multiprocessor / kernel.resources.barriers : INT_MAX;
}

cudaError_t available_dynamic_shared(const KernelRecord& kernel, int blocks, int block_threads,
                                     size_t* bytes) {
  if (blocks <= 0 || active_blocks_per_multiprocessor(kernel, block_threads, 0) < blocks) {
    return cudaErrorInvalidValue;
  }
  const int limit = shared_limit_per_block(kernel, device_model().shared_per_multiprocessor);
  const int pool = blocks == 1 ? limit : std::max(preferred_shared_bytes(kernel), 8 * 1024);
  int share = pool / blocks / shared_granularity * shared_granularity;
  share = std::min(share, limit) - DeviceModel::reserved_shared_per_block -
          kernel.static_shared_bytes();
  *bytes =
      static_cast<size_t>(std::clamp(share, 0, std::max(0, kernel.max_dynamic_shared_bytes())));
  return cudaSuccess;
}

cudaError_t max_active_blocks(int* blocks, const void* function, int block_threads,
                              size_t dynamic_shared, unsigned flags) {
  return api_call([&] {
    constexpr unsigned known_flags = cudaOccupancyDisableCachingOverride;
    if (blocks == nullptr || block_threads <= 0 || (flags & ~known_flags) != 0) {
      return cudaErrorInvalidValue;
    }
    KernelRecord* kernel = nullptr;
    if (const cudaError_t result = find_function(function, kernel); result != cudaSuccess) {
      return result;
    }
    *blocks = active_blocks_per_multiprocessor(*kernel, block_threads, dynamic_shared);
    return cudaSuccess;
  });
}

// A kernel and a launch configuration that clusters are asked about.
template <typename Body>
cudaError_t with_cluster_launch(const int* out, const void* function,
                                const cudaLaunchConfig_t* configuration, Body&& body) {
  return api_call([&] {
    if (out == nullptr || configuration == nullptr) return cudaErrorInvalidValue;
    if (!device_model().has_clusters()) return not_supported("clusters");
    KernelRecord* kernel = nullptr;
    if (const cudaError_t result = find_function(function, kernel); result != cudaSuccess) {
      return result;
    }
    LaunchAttributes attributes;
    if (const cudaError_t result = read_attributes(*configuration, attributes);
        result != cudaSuccess) {
      return result;
    }
    const dim3& block = configuration->blockDim;
    const uint64_t threads = uint64_t{block.x} * block.y * block.z;
    if (threads == 0 || threads > static_cast<uint64_t>(DeviceModel::max_threads_per_block)) {
      return cudaErrorInvalidValue;
    }
    return body(*kernel, attributes, static_cast<int>(threads));
  });
}

cudaError_t max_active_clusters(int* clusters, KernelRecord& kernel,
                                const LaunchAttributes& attributes, int threads,
                                const cudaLaunchConfig_t& configuration) {
  KernelOperation operation;
  operation.kernel = &kernel;
  operation.grid = {configuration.gridDim.x, configuration.gridDim.y, configuration.gridDim.z};
  if (const cudaError_t result = choose_cluster(attributes, operation); result != cudaSuccess) {
    return result;
  }
  if (!operation.is_clustered) return cudaErrorInvalidClusterSize;
  const Dim3& size = operation.cluster;
  *clusters = active_clusters(kernel, static_cast<int>(size.x * size.y * size.z), threads,
                              configuration.dynamicSmemBytes);
  return cudaSuccess;
}

cudaError_t max_potential_cluster(int* blocks, const KernelRecord& kernel, int threads,
                                  size_t dynamic_shared) {
  const std::array<int, 3> required = kernel.required_cluster();
  *blocks = required[0] * required[1] * required[2];
  if (*blocks != 0) return cudaSuccess;
  if (active_blocks_per_multiprocessor(kernel, threads, dynamic_shared) == 0) {
    return cudaErrorInvalidValue;
  }
  // Powers of two.
  int size = 1;
  while (2 * size <= kernel.max_cluster_blocks() && 2 * size <= device_model().multiprocessors) {
    size *= 2;
  }
  *blocks = size;
  return cudaSuccess;
}

}  // namespace

int threads_that_fit_registers(int registers_per_thread) {
  const int per_warp = registers_per_warp(registers_per_thread);
  if (per_warp == 0) return DeviceModel::max_threads_per_block;
  const int warps = DeviceModel::registers_per_multiprocessor / partitions / per_warp * partitions;
  return std::min(warps * DeviceModel::warp_size, DeviceModel::max_threads_per_block);
}

int active_blocks_per_multiprocessor(const KernelRecord& kernel, int block_threads,
                                     size_t dynamic_shared) {
  if (block_threads > DeviceModel::max_threads_per_block) return 0;
  const int warps = warps_of(block_threads);
  const int most_warps = device_model().max_threads_per_multiprocessor / DeviceModel::warp_size;
  return std::min({most_warps / warps, device_model().max_blocks_per_multiprocessor,
                   blocks_by_registers(kernel, warps), blocks_by_shared(kernel, dynamic_shared),
                   blocks_by_barriers(kernel)});
}

int active_clusters(const KernelRecord& kernel, int cluster_blocks, int block_threads,
                    size_t dynamic_shared) {
  return device_model().multiprocessors / cluster_blocks *
         active_blocks_per_multiprocessor(kernel, block_threads, dynamic_shared);
}

}  // namespace cuemu::runtime

using namespace cuemu::runtime;

CUEMU_API(cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags,
          (int* blocks, const void* function, int block_threads, size_t dynamic_shared,
           unsigned flags),
          { return max_active_blocks(blocks, function, block_threads, dynamic_shared, flags); })

CUEMU_API(cudaOccupancyMaxActiveBlocksPerMultiprocessor,
          (int* blocks, const void* function, int block_threads, size_t dynamic_shared),
          { return max_active_blocks(blocks, function, block_threads, dynamic_shared, 0); })

CUEMU_API(cudaOccupancyAvailableDynamicSMemPerBlock,
          (size_t * bytes, const void* function, int blocks, int block_threads), {
            return api_call([&] {
              if (bytes == nullptr || block_threads <= 0) return cudaErrorInvalidValue;
              KernelRecord* kernel = nullptr;
              if (const cudaError_t result = find_function(function, kernel);
                  result != cudaSuccess) {
                return result;
              }
              return available_dynamic_shared(*kernel, blocks, block_threads, bytes);
            });
          })

CUEMU_API(cudaOccupancyMaxActiveClusters,
          (int* clusters, const void* function, const cudaLaunchConfig_t* configuration), {
            return with_cluster_launch(
                clusters, function, configuration,
                [&](KernelRecord& kernel, const LaunchAttributes& attributes, int threads) {
                  return max_active_clusters(clusters, kernel, attributes, threads, *configuration);
                });
          })

CUEMU_API(cudaOccupancyMaxPotentialClusterSize,
          (int* blocks, const void* function, const cudaLaunchConfig_t* configuration), {
            return with_cluster_launch(
                blocks, function, configuration,
                [&](KernelRecord& kernel, const LaunchAttributes&, int threads) {
                  return max_potential_cluster(blocks, kernel, threads,
                                               configuration->dynamicSmemBytes);
                });
          })
