// SPDX-License-Identifier: MIT
// What it costs to start the next kernel: in a stream, in a graph, with programmatic dependences; and what a barrier of
// a whole grid costs instead.
#include "sm90/kernels.hpp"
#include "sm90/ptx.cuh"

namespace foldconv::probes {
namespace {

// Each launch adds one, in order.
__global__ void __launch_bounds__(128) tick_kernel(std::uint32_t* count) {
  ptx::launch_dependent_grids();
  ptx::wait_for_earlier_grids();
  if (blockIdx.x == 0 && threadIdx.x == 0) *count += 1;
}

__device__ std::uint32_t load_acquire(const std::uint32_t* address) {
  std::uint32_t value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
  return value;
}

// Bounded, as wait_bounded is.
__device__ bool wait_for_count(const std::uint32_t* count, std::uint32_t value) {
  const long long start = clock64();
  while (load_acquire(count) < value) {
    if (clock64() - start > 150'000'000) return false;
  }
  return true;
}

// out: 1 where all rounds were in time, the cycles of CTA 0 for all of them.
__global__ void __launch_bounds__(128)
    grid_barrier_kernel(std::uint32_t* count, std::uint32_t rounds, std::uint32_t* out) {
  bool in_time = true;
  const long long start = clock64();
  for (std::uint32_t round = 1; round <= rounds; ++round) {
    __syncthreads();
    if (threadIdx.x == 0) {
      __threadfence();
      atomicAdd(count, 1);
      in_time = in_time && wait_for_count(count, round * gridDim.x);
    }
    __syncthreads();
  }
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    out[0] = in_time;
    out[1] = static_cast<std::uint32_t>(clock64() - start);
  }
}

}  // namespace

cudaError_t launch_tick(cudaStream_t stream, int ctas, bool dependent, std::uint32_t* count) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(ctas));
  config.blockDim = dim3(128);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = dependent ? 1 : 0;
  return cudaLaunchKernelEx(&config, tick_kernel, count);
}

cudaError_t launch_grid_barrier(int ctas, std::uint32_t rounds, std::uint32_t* count,
                                std::uint32_t* out) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeCooperative;
  attribute.val.cooperative = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(ctas));
  config.blockDim = dim3(128);
  config.attrs = &attribute;
  config.numAttrs = 1;
  return cudaLaunchKernelEx(&config, grid_barrier_kernel, count, rounds, out);
}

}  // namespace foldconv::probes
