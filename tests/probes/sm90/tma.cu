// SPDX-License-Identifier: MIT
// Bulk and tensor copies, each in the smallest kernel that shows what it does. The host makes the
// tensor maps.
#include "sm90/kernels.hpp"
#include "sm90/ptx.cuh"

namespace foldconv::probes {
namespace {

constexpr int kTmaThreads = 128;
constexpr int kPayloadBytes = 64 * 1024;
constexpr int kSharedBytes = kPayloadBytes + 1024;

__device__ void poison(std::uint32_t* words) {
  for (int i = threadIdx.x; i < kPayloadBytes / 4; i += kTmaThreads) words[i] = kTmaPoison;
  ptx::fence_proxy_async();
}

// The barrier completed (1) or not (0), the cycles, then shared memory.
__device__ void dump(std::uint32_t* out, std::uint32_t done, long long cycles,
                     const std::uint32_t* words, std::uint32_t count) {
  if (threadIdx.x == 0) {
    out[0] = done;
    out[1] = static_cast<std::uint32_t>(cycles);
  }
  for (std::uint32_t i = threadIdx.x; i < count; i += kTmaThreads)
    out[kTmaHeaderWords + i] = words[i];
}

template <int kRank, bool kIm2col>
__global__ void __launch_bounds__(kTmaThreads)
    load_kernel(const __grid_constant__ CUtensorMap map, TmaLoadArguments p) {
  extern __shared__ unsigned char memory[];
  __shared__ alignas(8) std::uint64_t barrier_bits;
  auto* words = reinterpret_cast<std::uint32_t*>(ptx::align_1024(memory));
  const std::uint32_t barrier = ptx::shared_address(&barrier_bits);
  poison(words);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(barrier, 1);
    ptx::fence_mbarrier_init();
  }
  __syncthreads();
  const long long start = clock64();
  if (threadIdx.x == 0) {
    ptx::mbarrier_arrive_expect_tx(barrier, p.bytes);
    const std::uint32_t destination = ptx::shared_address(words) + p.destination;
    if constexpr (kIm2col) {
      ptx::tensor_load_im2col<kRank>(destination, &map, p.coordinates, p.offsets, barrier);
    } else {
      ptx::tensor_load<kRank>(destination, &map, p.coordinates, barrier);
    }
  }
  const bool done = ptx::wait_bounded(barrier, 0);
  const long long cycles = clock64() - start;
  __syncthreads();
  dump(p.out, done, cycles, words, p.dump_words);
}

__global__ void __launch_bounds__(kTmaThreads)
    store_kernel(const __grid_constant__ CUtensorMap map, TmaStoreArguments p) {
  extern __shared__ unsigned char memory[];
  auto* words = reinterpret_cast<std::uint32_t*>(ptx::align_1024(memory));
  for (unsigned i = threadIdx.x; i < p.image_words; i += kTmaThreads) words[i] = p.image[i];
  ptx::fence_proxy_async();
  __syncthreads();
  if (threadIdx.x != 0) return;
  const std::uint32_t source = ptx::shared_address(words);
  const long long start = clock64();
  switch (p.form) {
    case TmaStore::tiled_2d:
      ptx::tensor_store_2d(&map, p.coordinates[0], p.coordinates[1], source);
      break;
    case TmaStore::tiled_4d:
      ptx::tensor_store_4d(&map, p.coordinates, source);
      break;
    case TmaStore::im2col_4d:
      ptx::tensor_store_4d_im2col(&map, p.coordinates, source);
      break;
    case TmaStore::add_2d:
      ptx::tensor_add_2d(&map, p.coordinates[0], p.coordinates[1], source);
      break;
  }
  ptx::bulk_commit_and_wait();
  p.out[0] = 1;
  p.out[1] = static_cast<std::uint32_t>(clock64() - start);
}

// Every CTA of the cluster has its barrier ready before any copy is issued, and none leaves before
// all are done.
template <class Issue>
__device__ void multicast(std::uint32_t* out, std::uint16_t mask, std::uint32_t bytes,
                          std::uint32_t dump_words, Issue issue) {
  extern __shared__ unsigned char memory[];
  __shared__ alignas(8) std::uint64_t barrier_bits;
  auto* words = reinterpret_cast<std::uint32_t*>(ptx::align_1024(memory));
  const std::uint32_t barrier = ptx::shared_address(&barrier_bits);
  const std::uint32_t rank = ptx::cluster_rank();
  const bool receives = (mask >> rank & 1) != 0;
  poison(words);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(barrier, 1);
    ptx::fence_mbarrier_init();
    if (receives) ptx::mbarrier_arrive_expect_tx(barrier, bytes);
  }
  __syncthreads();
  ptx::cluster_sync();
  const long long start = clock64();
  if (rank == 0 && threadIdx.x == 0) issue(ptx::shared_address(words), barrier);
  const std::uint32_t done = receives ? ptx::wait_bounded(barrier, 0) : 2;
  const long long cycles = clock64() - start;
  __syncthreads();
  ptx::cluster_sync();
  dump(out + rank * (kTmaHeaderWords + dump_words), done, cycles, words, dump_words);
}

__global__ void __launch_bounds__(kTmaThreads)
    multicast_kernel(const __grid_constant__ CUtensorMap map, TmaMulticastArguments p) {
  const CUtensorMap* const address = &map;
  multicast(p.out, p.mask, p.bytes, p.dump_words,
            [&](std::uint32_t destination, std::uint32_t barrier) {
              ptx::tensor_load_2d_multicast(destination, address, p.coordinates[0],
                                            p.coordinates[1], barrier, p.mask);
            });
}

__global__ void __launch_bounds__(kTmaThreads)
    bulk_multicast_kernel(const std::uint32_t* source, std::uint32_t bytes, std::uint16_t mask,
                          std::uint32_t* out) {
  multicast(out, mask, bytes, bytes / 4, [&](std::uint32_t destination, std::uint32_t barrier) {
    ptx::bulk_load_multicast(destination, source, bytes, barrier, mask);
  });
}

// Into shared memory and out again, stored or added to what is there.
template <bool kAdd>
__global__ void __launch_bounds__(kTmaThreads)
    bulk_kernel(const std::uint32_t* source, std::uint32_t* destination, std::uint32_t bytes,
                std::uint32_t* out) {
  extern __shared__ unsigned char memory[];
  __shared__ alignas(8) std::uint64_t barrier_bits;
  auto* words = reinterpret_cast<std::uint32_t*>(ptx::align_1024(memory));
  const std::uint32_t barrier = ptx::shared_address(&barrier_bits);
  poison(words);
  if (threadIdx.x == 0) {
    ptx::mbarrier_init(barrier, 1);
    ptx::fence_mbarrier_init();
  }
  __syncthreads();
  if (threadIdx.x != 0) return;
  const long long start = clock64();
  ptx::mbarrier_arrive_expect_tx(barrier, bytes);
  ptx::bulk_load(ptx::shared_address(words), source, bytes, barrier);
  const bool done = ptx::wait_bounded(barrier, 0);
  if (done) {
    if constexpr (kAdd) {
      ptx::bulk_add_u32(destination, ptx::shared_address(words), bytes);
    } else {
      ptx::bulk_store(destination, ptx::shared_address(words), bytes);
    }
    ptx::bulk_commit_and_wait();
  }
  out[0] = done;
  out[1] = static_cast<std::uint32_t>(clock64() - start);
}

template <class... Parameters, class... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), int cluster, const Arguments&... arguments) {
  cudaError_t status =
      cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                           cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes);
  if (status != cudaSuccess) return status;
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = static_cast<unsigned>(cluster);
  attribute.val.clusterDim.y = 1;
  attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(cluster));
  config.blockDim = dim3(kTmaThreads);
  config.dynamicSmemBytes = kSharedBytes;
  config.attrs = &attribute;
  config.numAttrs = cluster > 1 ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

}  // namespace

cudaError_t launch_tma_load(const CUtensorMap& map, const TmaLoadArguments& p) {
  if (p.im2col) {
    if (p.rank == 3) return launch(load_kernel<3, true>, 1, map, p);
    if (p.rank == 4) return launch(load_kernel<4, true>, 1, map, p);
    if (p.rank == 5) return launch(load_kernel<5, true>, 1, map, p);
    return cudaErrorInvalidValue;
  }
  switch (p.rank) {
    case 1:
      return launch(load_kernel<1, false>, 1, map, p);
    case 2:
      return launch(load_kernel<2, false>, 1, map, p);
    case 3:
      return launch(load_kernel<3, false>, 1, map, p);
    case 4:
      return launch(load_kernel<4, false>, 1, map, p);
    case 5:
      return launch(load_kernel<5, false>, 1, map, p);
    default:
      return cudaErrorInvalidValue;
  }
}

cudaError_t launch_tma_store(const CUtensorMap& map, const TmaStoreArguments& p) {
  return launch(store_kernel, 1, map, p);
}

cudaError_t launch_tma_multicast(const CUtensorMap& map, const TmaMulticastArguments& p) {
  return launch(multicast_kernel, p.cluster, map, p);
}

cudaError_t launch_bulk_round_trip(const std::uint32_t* source, std::uint32_t* destination,
                                   std::uint32_t bytes, std::uint32_t* out) {
  return launch(bulk_kernel<false>, 1, source, destination, bytes, out);
}

cudaError_t launch_bulk_add(const std::uint32_t* source, std::uint32_t* destination,
                            std::uint32_t bytes, std::uint32_t* out) {
  return launch(bulk_kernel<true>, 1, source, destination, bytes, out);
}

cudaError_t launch_bulk_multicast(const std::uint32_t* source, std::uint32_t bytes, int cluster,
                                  std::uint16_t mask, std::uint32_t* out) {
  return launch(bulk_multicast_kernel, cluster, source, bytes, mask, out);
}

}  // namespace foldconv::probes
