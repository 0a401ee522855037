// SPDX-License-Identifier: MIT
// stmatrix, elect, setmaxnreg, programmatic dependent launch, and what reading the clock costs.
#include "sm90/kernels.hpp"
#include "sm90/ptx.cuh"

namespace foldconv::probes {
namespace {

template <int kMatrices, bool kTransposed>
__device__ void store_matrices(std::uint32_t address, const std::uint32_t (&r)[4]) {
#define STORE(form, operands)                                                   \
  asm volatile("stmatrix.sync.aligned.m8n8." form ".shared.b16 [%0], " operands \
               ";" ::"r"(address),                                              \
               "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3])                       \
               : "memory")
  if constexpr (kMatrices == 1 && !kTransposed) STORE("x1", "{%1}");
  if constexpr (kMatrices == 1 && kTransposed) STORE("x1.trans", "{%1}");
  if constexpr (kMatrices == 2 && !kTransposed) STORE("x2", "{%1, %2}");
  if constexpr (kMatrices == 2 && kTransposed) STORE("x2.trans", "{%1, %2}");
  if constexpr (kMatrices == 4 && !kTransposed) STORE("x4", "{%1, %2, %3, %4}");
  if constexpr (kMatrices == 4 && kTransposed) STORE("x4.trans", "{%1, %2, %3, %4}");
#undef STORE
}

// Register i of lane l holds the 16-bit numbers 8 * l + 2 * i and the next; lane l gives the
// address of row l.
template <int kMatrices, bool kTransposed>
__global__ void stmatrix_kernel(std::uint32_t* out) {
  __shared__ alignas(16) std::uint32_t rows[32][4];
  const std::uint32_t lane = threadIdx.x;
  for (int i = 0; i < 4; ++i) rows[lane][i] = kTmaPoison;
  __syncwarp();
  std::uint32_t registers[4];
  for (std::uint32_t i = 0; i < 4; ++i) {
    registers[i] = (8 * lane + 2 * i) | (8 * lane + 2 * i + 1) << 16;
  }
  store_matrices<kMatrices, kTransposed>(ptx::shared_address(rows[lane % (8 * kMatrices)]),
                                         registers);
  __syncwarp();
  for (int i = 0; i < 4; ++i) out[4 * lane + i] = rows[lane][i];
}

__global__ void elect_kernel(std::uint32_t* out) {
  std::uint32_t leader, elected;
  asm volatile("{\n.reg .pred p;\nelect.sync %0|p, 0xffffffff;\nselp.u32 %1, 1, 0, p;\n}"
               : "=r"(leader), "=r"(elected));
  out[threadIdx.x] = leader;
  out[32 + threadIdx.x] = elected;
}

// A sum that needs many registers at once: all values are there before the warpgroup's barrier, and
// are needed after it.
template <int kValues>
__device__ std::uint32_t sum_of_many(const std::uint32_t* in) {
  std::uint32_t values[kValues];
#pragma unroll
  for (int i = 0; i < kValues; ++i) values[i] = static_cast<const volatile std::uint32_t*>(in)[i];
  asm volatile("bar.sync %0, 128;" ::"r"(1 + threadIdx.x / 128) : "memory");
  std::uint32_t sum = 0;
#pragma unroll
  for (int i = kValues - 1; i >= 0; --i) sum = (sum ^ values[i]) * kSetmaxnregFactor;
  return sum;
}

// 384 threads, so at most 168 registers each at the start: 40 + 2 * 232 = 3 * 168.
__global__ void __launch_bounds__(384, 1)
    setmaxnreg_kernel(const std::uint32_t* in, std::uint32_t* out) {
  const unsigned group = threadIdx.x / 128;
  const long long start = clock64();
  if (group == 0) {
    ptx::give_registers<40>();
    if (threadIdx.x % 128 == 0) out[384] = static_cast<std::uint32_t>(clock64() - start);
    out[threadIdx.x] = sum_of_many<8>(in + threadIdx.x % 32);
  } else {
    ptx::take_registers<232>();
    if (threadIdx.x % 128 == 0) out[384 + group] = static_cast<std::uint32_t>(clock64() - start);
    out[threadIdx.x] = sum_of_many<180>(in + threadIdx.x % 32);
  }
}

// scratch[0]: the first kernel's result; scratch[1]: set by the second once it runs.
__global__ void first_kernel(bool early, std::uint32_t* scratch, std::uint32_t* out) {
  if (threadIdx.x != 0) return;
  if (early) ptx::launch_dependent_grids();
  // Bounded: without an early launch the second kernel never starts while this one runs.
  std::uint32_t seen = 0;
  const long long start = clock64();
  while (seen == 0 && clock64() - start < 50'000'000) {
    seen = *static_cast<volatile std::uint32_t*>(scratch + 1);
  }
  out[1] = seen;
  scratch[0] = 4711;
}

__global__ void second_kernel(std::uint32_t* scratch, std::uint32_t* out) {
  if (threadIdx.x != 0) return;
  out[2] = *static_cast<volatile std::uint32_t*>(scratch);
  *static_cast<volatile std::uint32_t*>(scratch + 1) = 1;
  __threadfence();
  ptx::wait_for_earlier_grids();
  out[0] = *static_cast<volatile std::uint32_t*>(scratch);
}

__global__ void timer_kernel(std::uint32_t* out) {
  const long long a = clock64();
  const long long b = clock64();
  for (int i = 0; i < 1000; ++i) asm volatile("");
  const long long c = clock64();
  out[0] = static_cast<std::uint32_t>(b - a);
  out[1] = static_cast<std::uint32_t>(c - b);
}

}  // namespace

cudaError_t launch_stmatrix(int matrices, bool transposed, std::uint32_t* out) {
  switch (matrices * 2 + (transposed ? 1 : 0)) {
    case 2:
      stmatrix_kernel<1, false><<<1, 32>>>(out);
      break;
    case 3:
      stmatrix_kernel<1, true><<<1, 32>>>(out);
      break;
    case 4:
      stmatrix_kernel<2, false><<<1, 32>>>(out);
      break;
    case 5:
      stmatrix_kernel<2, true><<<1, 32>>>(out);
      break;
    case 8:
      stmatrix_kernel<4, false><<<1, 32>>>(out);
      break;
    case 9:
      stmatrix_kernel<4, true><<<1, 32>>>(out);
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaGetLastError();
}

cudaError_t launch_elect(std::uint32_t* out) {
  elect_kernel<<<1, 32>>>(out);
  return cudaGetLastError();
}

cudaError_t launch_setmaxnreg(const std::uint32_t* in, std::uint32_t* out) {
  setmaxnreg_kernel<<<1, 384>>>(in, out);
  return cudaGetLastError();
}

cudaError_t launch_dependent_pair(bool early, std::uint32_t* scratch, std::uint32_t* out) {
  // Loads both kernels: loading one later may wait for the kernels that run.
  cudaFuncAttributes loaded;
  cudaError_t status = cudaFuncGetAttributes(&loaded, reinterpret_cast<const void*>(first_kernel));
  if (status != cudaSuccess) return status;
  status = cudaFuncGetAttributes(&loaded, reinterpret_cast<const void*>(second_kernel));
  if (status != cudaSuccess) return status;
  cudaStream_t stream;
  status = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  if (status != cudaSuccess) return status;
  first_kernel<<<1, 32, 0, stream>>>(early, scratch, out);
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(1);
  config.blockDim = dim3(32);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  status = cudaLaunchKernelEx(&config, second_kernel, scratch, out);
  if (status == cudaSuccess) status = cudaStreamSynchronize(stream);
  cudaStreamDestroy(stream);
  return status;
}

cudaError_t launch_timer(std::uint32_t* out) {
  timer_kernel<<<1, 1>>>(out);
  return cudaGetLastError();
}

}  // namespace foldconv::probes
