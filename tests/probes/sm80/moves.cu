// SPDX-License-Identifier: MIT
// ldmatrix and cp.async.
#include "sm80/kernels.hpp"

namespace foldconv::probes {
namespace {

__device__ __forceinline__ std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

template <int kMatrices, bool kTransposed>
__device__ __forceinline__ void load_matrices(std::uint32_t (&r)[4], std::uint32_t address) {
#define LOAD(form, operands)                                                        \
  asm volatile("ldmatrix.sync.aligned.m8n8." form ".shared.b16 " operands ", [%4];" \
               : "+r"(r[0]), "+r"(r[1]), "+r"(r[2]), "+r"(r[3])                     \
               : "r"(address)                                                       \
               : "memory")
  if constexpr (kMatrices == 1 && !kTransposed) LOAD("x1", "{%0}");
  if constexpr (kMatrices == 1 && kTransposed) LOAD("x1.trans", "{%0}");
  if constexpr (kMatrices == 2 && !kTransposed) LOAD("x2", "{%0, %1}");
  if constexpr (kMatrices == 2 && kTransposed) LOAD("x2.trans", "{%0, %1}");
  if constexpr (kMatrices == 4 && !kTransposed) LOAD("x4", "{%0, %1, %2, %3}");
  if constexpr (kMatrices == 4 && kTransposed) LOAD("x4.trans", "{%0, %1, %2, %3}");
#undef LOAD
}

template <int kMatrices, bool kTransposed>
__global__ void ldmatrix_kernel(const std::uint32_t* rows, std::uint32_t* out) {
  __shared__ alignas(16) std::uint32_t tile[32][4];
  for (int i = 0; i < 4; ++i) tile[threadIdx.x][i] = rows[4 * threadIdx.x + i];
  __syncwarp();
  std::uint32_t r[4] = {};
  load_matrices<kMatrices, kTransposed>(r, shared_address(tile[threadIdx.x]));
  for (int i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = r[i];
}

template <int kSize>
__device__ __forceinline__ void copy_async(std::uint32_t destination, const void* source,
                                           std::uint32_t source_bytes) {
  if constexpr (kSize == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(destination), "l"(source),
                 "r"(source_bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(destination), "l"(source),
                 "n"(kSize), "r"(source_bytes)
                 : "memory");
  }
}

template <int kPending>
__device__ __forceinline__ void wait_group() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

__device__ __forceinline__ void commit_group() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

// Thread t copies t bytes and has zeros for the rest.
template <int kSize>
__global__ void copy_sizes_kernel(const std::uint32_t* source, std::uint32_t* out) {
  __shared__ alignas(16) std::uint32_t landing[kSize + 1][4];
  const std::uint32_t thread = threadIdx.x;
  for (int i = 0; i < 4; ++i) landing[thread][i] = kCopyPoison;
  copy_async<kSize>(shared_address(landing[thread]), source + 4 * thread, thread);
  commit_group();
  wait_group<0>();
  for (int i = 0; i < 4; ++i) out[4 * thread + i] = landing[thread][i];
}

__global__ void copy_groups_kernel(const std::uint32_t* source, std::uint32_t* out) {
  __shared__ alignas(16) std::uint32_t landing[4][32];
  const std::uint32_t lane = threadIdx.x;
  for (int group = 0; group < 4; ++group) landing[group][lane] = kCopyPoison;
  for (int group = 0; group < 4; ++group) {
    copy_async<4>(shared_address(&landing[group][lane]), source + 32 * group + lane, 4);
    commit_group();
  }
  // Only what the wait promises is read: the rest may or may not be there.
  const auto store = [&](int landed) {
    for (int group = 0; group < 4; ++group) {
      out[(4 * (landed - 1) + group) * 32 + lane] = group < landed ? landing[group][lane] : 0;
    }
  };
  wait_group<3>();
  store(1);
  wait_group<2>();
  store(2);
  wait_group<1>();
  store(3);
  wait_group<0>();
  store(4);
}

// 16-byte unit u of row r lies at unit u ^ (r % 8).
__global__ void swizzled_copy_kernel(const std::uint32_t* source, std::uint32_t* out) {
  __shared__ alignas(1024) std::uint32_t tile[64][32];
  for (std::uint32_t i = threadIdx.x; i < 512; i += 32) {
    const std::uint32_t row = i / 8, unit = i % 8;
    copy_async<16>(shared_address(&tile[row][4 * (unit ^ (row % 8))]), source + 4 * i, 16);
  }
  commit_group();
  wait_group<0>();
  __syncwarp();
  for (std::uint32_t i = threadIdx.x; i < 2048; i += 32) out[i] = tile[i / 32][i % 32];
  std::uint32_t r[4];
  const std::uint32_t row = 16 + threadIdx.x % 16, unit = 2 + threadIdx.x / 16;
  load_matrices<4, false>(r, shared_address(&tile[row][4 * (unit ^ (row % 8))]));
  for (int i = 0; i < 4; ++i) out[2048 + 4 * threadIdx.x + i] = r[i];
}

}  // namespace

cudaError_t launch_ldmatrix(int matrices, bool transposed, const std::uint32_t* rows,
                            std::uint32_t* out) {
  switch (2 * matrices + (transposed ? 1 : 0)) {
    case 2:
      ldmatrix_kernel<1, false><<<1, 32>>>(rows, out);
      break;
    case 3:
      ldmatrix_kernel<1, true><<<1, 32>>>(rows, out);
      break;
    case 4:
      ldmatrix_kernel<2, false><<<1, 32>>>(rows, out);
      break;
    case 5:
      ldmatrix_kernel<2, true><<<1, 32>>>(rows, out);
      break;
    case 8:
      ldmatrix_kernel<4, false><<<1, 32>>>(rows, out);
      break;
    case 9:
      ldmatrix_kernel<4, true><<<1, 32>>>(rows, out);
      break;
    default:
      return cudaErrorInvalidValue;
  }
  return cudaGetLastError();
}

cudaError_t launch_copy_sizes(int size, const std::uint32_t* source, std::uint32_t* out) {
  if (size == 4) {
    copy_sizes_kernel<4><<<1, 5>>>(source, out);
  } else if (size == 8) {
    copy_sizes_kernel<8><<<1, 9>>>(source, out);
  } else {
    copy_sizes_kernel<16><<<1, 17>>>(source, out);
  }
  return cudaGetLastError();
}

cudaError_t launch_copy_groups(const std::uint32_t* source, std::uint32_t* out) {
  copy_groups_kernel<<<1, 32>>>(source, out);
  return cudaGetLastError();
}

cudaError_t launch_swizzled_copy(const std::uint32_t* source, std::uint32_t* out) {
  swizzled_copy_kernel<<<1, 32>>>(source, out);
  return cudaGetLastError();
}

}  // namespace foldconv::probes
