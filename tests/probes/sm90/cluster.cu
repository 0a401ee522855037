// SPDX-License-Identifier: MIT
// Thread block clusters: their numbers, distributed shared memory, remote barriers, and how large
// they get.
#include <dlfcn.h>

#include "sm90/kernels.hpp"
#include "sm90/ptx.cuh"

namespace foldconv::probes {
namespace {

constexpr int kThreads = 32;

__device__ std::uint32_t block_number() {
  return (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
}

__global__ void ids_kernel(std::uint32_t* out) {
  if (threadIdx.x == 0) {
    std::uint32_t* w = out + block_number() * kClusterWords;
    w[0] = ptx::cluster_rank();
    w[1] = ptx::cluster_size();
#define READ(index, name) asm volatile("mov.u32 %0, %%" name ";" : "=r"(w[index]))
    READ(2, "cluster_ctaid.x");
    READ(3, "cluster_ctaid.y");
    READ(4, "cluster_ctaid.z");
    READ(5, "cluster_nctaid.x");
    READ(6, "cluster_nctaid.y");
    READ(7, "cluster_nctaid.z");
    READ(8, "clusterid.x");
    READ(9, "clusterid.y");
    READ(10, "clusterid.z");
    READ(11, "nclusterid.x");
    READ(12, "nclusterid.y");
    READ(13, "nclusterid.z");
#undef READ
    asm volatile("{\n.reg .pred p;\nmov.pred p, %%is_explicit_cluster;\nselp.u32 %0, 1, 0, p;\n}"
                 : "=r"(w[14]));
  }
}

// What every probe of distributed shared memory starts from: a row of words, known by rank, and a
// barrier that expects `arrivals`. The cluster is in step when the constructor is done, and again
// after leave().
struct Place {
  std::uint32_t rank, size, next, words, barrier;

  __device__ Place(std::uint32_t* row, std::uint64_t* bits, std::uint32_t arrivals)
      : rank(ptx::cluster_rank()),
        size(ptx::cluster_size()),
        next((rank + 1) % size),
        words(ptx::shared_address(row)),
        barrier(ptx::shared_address(bits)) {
    for (int i = 0; i < 4; ++i) row[4 * threadIdx.x + i] = 1000 * rank + 4 * threadIdx.x + i;
    if (threadIdx.x == 0) {
      ptx::mbarrier_init(barrier, arrivals);
      ptx::fence_mbarrier_init();
    }
    __syncthreads();
    ptx::cluster_sync();
  }
  __device__ void leave() const {
    __syncthreads();
    ptx::cluster_sync();
  }
  __device__ std::uint32_t at(std::uint32_t address, std::uint32_t cta) const {
    return ptx::map_address(address, cta);
  }
};

template <ClusterProbe kProbe>
__global__ void __launch_bounds__(kThreads) remote_kernel(std::uint32_t* out) {
  __shared__ alignas(16) std::uint32_t row[4 * kThreads];
  __shared__ alignas(8) std::uint64_t bits;
  const std::uint32_t lane = threadIdx.x;
  constexpr bool kManyArrive = kProbe == ClusterProbe::arrive_remote;
  const Place p(row, &bits, kManyArrive ? kThreads * ptx::cluster_size() : 1);
  std::uint32_t first = 0, second = 0;

  if constexpr (kProbe == ClusterProbe::read_remote) {
    // The next CTA's word, and what its address says.
    const std::uint32_t address = p.at(p.words + 16 * lane, p.next);
    first = ptx::load_cluster(address);
    second = ptx::rank_of_address(address) | (address - p.at(p.words, 0)) << 8;
    p.leave();
  } else if constexpr (kProbe == ClusterProbe::write_remote) {
    ptx::store_cluster(p.at(p.words + 16 * lane, p.next), 7000 + 100 * p.rank + lane);
    p.leave();
    first = row[4 * lane];
    second = row[4 * lane + 1];
  } else if constexpr (kProbe == ClusterProbe::atomics) {
    // All CTAs add to the words of CTA 0.
    ptx::atomic_add_cluster(p.at(p.words + 16 * lane, 0), p.rank + 1);
    p.leave();
    first = row[4 * lane];
  } else if constexpr (kProbe == ClusterProbe::store_async ||
                       kProbe == ClusterProbe::store_async_4) {
    constexpr bool kFour = kProbe == ClusterProbe::store_async_4;
    if (lane == 0) ptx::mbarrier_arrive_expect_tx(p.barrier, kThreads * (kFour ? 16 : 4));
    p.leave();  // nothing is sent before all expect it
    const std::uint32_t address = p.at(p.words + 16 * lane, p.next);
    const std::uint32_t barrier = p.at(p.barrier, p.next);
    const std::uint32_t v = 9000 + 200 * p.rank + 4 * lane;
    const std::uint32_t values[4] = {v, v + 1, v + 2, v + 3};
    if constexpr (kFour) {
      ptx::store_async_4(address, values, barrier);
    } else {
      ptx::store_async(address, v, barrier);
    }
    const bool done = ptx::wait_bounded(p.barrier, 0);
    first = done ? row[4 * lane] : 0xdead0000u;
    second = done ? row[4 * lane + 3] : 0xdead0000u;
    p.leave();
  } else if constexpr (kProbe == ClusterProbe::arrive_remote) {
    // Every thread of the cluster arrives at the barrier of every CTA.
    first = ptx::mbarrier_test_parity(p.barrier, 0);
    p.leave();
    for (std::uint32_t cta = 0; cta < p.size; ++cta) {
      ptx::mbarrier_arrive_remote(p.at(p.barrier, cta));
    }
    second = ptx::wait_bounded(p.barrier, 0);
    p.leave();
  } else if constexpr (kProbe == ClusterProbe::expect_remote) {
    // The one arrival comes from the CTA before, with the bytes that it will send.
    if (lane == 0) ptx::mbarrier_arrive_expect_tx_remote(p.at(p.barrier, p.next), 4 * kThreads);
    __syncwarp();
    ptx::store_async(p.at(p.words + 16 * lane, p.next), 5000 + 100 * p.rank + lane,
                     p.at(p.barrier, p.next));
    const bool done = ptx::wait_bounded(p.barrier, 0);
    first = done ? row[4 * lane] : 0xdead0000u;
    p.leave();
  } else if constexpr (kProbe == ClusterProbe::bulk_to_cluster) {
    // The first half of the row to the second half of the next CTA's.
    constexpr std::uint32_t kHalf = 8 * kThreads;
    if (lane == 0) ptx::mbarrier_arrive_expect_tx(p.barrier, kHalf);
    ptx::fence_proxy_async();
    p.leave();
    if (lane == 0) {
      ptx::bulk_copy_to_cluster(p.at(p.words + kHalf, p.next), p.words, kHalf,
                                p.at(p.barrier, p.next));
    }
    const bool done = ptx::wait_bounded(p.barrier, 0);
    first = done ? row[2 * kThreads + 2 * lane] : 0xdead0000u;
    second = done ? row[2 * kThreads + 2 * lane + 1] : 0xdead0000u;
    p.leave();
  }
  std::uint32_t* w = out + block_number() * kClusterWords;
  w[lane] = first;
  w[32 + lane] = second;
}

__global__ void limit_kernel(std::uint32_t* out) {
  ptx::cluster_sync();
  if (threadIdx.x == 0) out[block_number()] = ptx::cluster_size();
}

// Not in every runtime that can start this program, so looked up.
cudaError_t max_active_clusters(int* count, const void* kernel, const cudaLaunchConfig_t* config) {
  using Function = cudaError_t(int*, const void*, const cudaLaunchConfig_t*);
  auto* const function =
      reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, "cudaOccupancyMaxActiveClusters"));
  return function == nullptr ? cudaErrorNotSupported : function(count, kernel, config);
}

cudaError_t max_potential_cluster_size(int* size, const void* kernel,
                                       const cudaLaunchConfig_t* config) {
  using Function = cudaError_t(int*, const void*, const cudaLaunchConfig_t*);
  auto* const function =
      reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, "cudaOccupancyMaxPotentialClusterSize"));
  return function == nullptr ? cudaErrorNotSupported : function(size, kernel, config);
}

struct Launch {
  cudaLaunchAttribute attribute = {};
  cudaLaunchConfig_t config = {};

  Launch(const ClusterShape& shape, dim3 grid, int shared_bytes) {
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = shape.x;
    attribute.val.clusterDim.y = shape.y;
    attribute.val.clusterDim.z = shape.z;
    config.gridDim = grid;
    config.blockDim = dim3(kThreads);
    config.dynamicSmemBytes = static_cast<std::size_t>(shared_bytes);
    config.attrs = &attribute;
    config.numAttrs = 1;
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;
};

void (*kernel_of(ClusterProbe probe))(std::uint32_t*) {
  switch (probe) {
    case ClusterProbe::ids:
      return ids_kernel;
    case ClusterProbe::read_remote:
      return remote_kernel<ClusterProbe::read_remote>;
    case ClusterProbe::write_remote:
      return remote_kernel<ClusterProbe::write_remote>;
    case ClusterProbe::atomics:
      return remote_kernel<ClusterProbe::atomics>;
    case ClusterProbe::store_async:
      return remote_kernel<ClusterProbe::store_async>;
    case ClusterProbe::store_async_4:
      return remote_kernel<ClusterProbe::store_async_4>;
    case ClusterProbe::arrive_remote:
      return remote_kernel<ClusterProbe::arrive_remote>;
    case ClusterProbe::expect_remote:
      return remote_kernel<ClusterProbe::expect_remote>;
    case ClusterProbe::bulk_to_cluster:
      return remote_kernel<ClusterProbe::bulk_to_cluster>;
  }
  return nullptr;
}

cudaError_t allow(int shared_bytes, bool non_portable) {
  const void* const kernel = reinterpret_cast<const void*>(limit_kernel);
  const cudaError_t status =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  if (status != cudaSuccess) return status;
  return cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, non_portable);
}

}  // namespace

cudaError_t launch_cluster(ClusterProbe probe, const ClusterShape& shape, unsigned clusters,
                           std::uint32_t* out) {
  const Launch launch(shape, dim3(shape.x * clusters, shape.y, shape.z), 0);
  return cudaLaunchKernelEx(&launch.config, kernel_of(probe), out);
}

ClusterLimit cluster_limit(int blocks, int shared_bytes, bool non_portable, std::uint32_t* out) {
  const auto count = static_cast<unsigned>(blocks);
  const Launch launch({count, 1, 1}, dim3(count), shared_bytes);
  ClusterLimit limit = {};
  limit.occupancy_status = limit.launch_status = allow(shared_bytes, non_portable);
  if (limit.launch_status != cudaSuccess) return limit;
  limit.occupancy_status = max_active_clusters(
      &limit.active_clusters, reinterpret_cast<const void*>(limit_kernel), &launch.config);
  cudaGetLastError();
  limit.launch_status = cudaLaunchKernelEx(&launch.config, limit_kernel, out);
  cudaGetLastError();
  if (limit.launch_status == cudaSuccess) limit.launch_status = cudaDeviceSynchronize();
  return limit;
}

cudaError_t potential_cluster_size(int shared_bytes, bool non_portable, int* size) {
  const Launch launch({1, 1, 1}, dim3(16), shared_bytes);
  const cudaError_t status = allow(shared_bytes, non_portable);
  if (status != cudaSuccess) return status;
  return max_potential_cluster_size(size, reinterpret_cast<const void*>(limit_kernel),
                                    &launch.config);
}

}  // namespace foldconv::probes
