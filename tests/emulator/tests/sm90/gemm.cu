// SPDX-License-Identifier: MIT
// A matrix product as Hopper kernels are built: a warp that fills a ring of stages by TMA, two warpgroups that multiply by
// wgmma, barriers between them, TMA stores.
#include <cuda.h>
#include <cuda_fp16.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace gemm_tests {

using namespace hopper;

constexpr int kRows = 128, kColumns = 128, kDepth = 64,
              kStages = 3;  // of a tile; rows, columns and depth of a stage
constexpr int kStageBytes = (kRows + kColumns) * kDepth * 2;
constexpr int kSharedBytes = kStages * kStageBytes + kRows * kColumns * 2 + 1024;
constexpr int kThreads = 32 + 256;

__device__ inline void load_box(uint32_t to, const CUtensorMap* map, int x, int y,
                                uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, "
      "{%3, %4}], [%2];" ::"r"(to),
      "l"(map), "r"(barrier), "r"(x), "r"(y)
      : "memory");
}

// K-major, 128-byte swizzle, rows 128 bytes apart.
__device__ inline uint64_t descriptor(uint32_t address) {
  return (uint64_t{1} << 62) | (uint64_t{1024 >> 4} << 32) | (uint64_t{1} << 16) |
         (address >> 4 & 0x3FFF);
}

#define D8(b)                                                                                 \
  "+f"(d[b]), "+f"(d[b + 1]), "+f"(d[b + 2]), "+f"(d[b + 3]), "+f"(d[b + 4]), "+f"(d[b + 5]), \
      "+f"(d[b + 6]), "+f"(d[b + 7])
// d += A * B, 64 x 128 x 16.
__device__ inline void multiply(float (&d)[64], uint64_t a, uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 "
      "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, "
      "%20, %21, %22, %23, "
      "%24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, "
      "%42, %43, %44, %45, "
      "%46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, 1, 1, 1, 0, 0;"
      : D8(0), D8(8), D8(16), D8(24), D8(32), D8(40), D8(48), D8(56)
      : "l"(a), "l"(b));
}

// y[m][n] = sum over k of a[m][k] b[n][k]; all of them multiples of the tile.
__global__ void __launch_bounds__(kThreads)
    gemm(const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b,
         const __grid_constant__ CUtensorMap y, int depth_blocks) {
  extern __shared__ unsigned char unaligned[];
  __shared__ alignas(8) uint64_t full[kStages], empty[kStages];
  const uint32_t ring = (address_of(unaligned) + 1023) / 1024 * 1024;
  const int row = kRows * static_cast<int>(blockIdx.x),
            column = kColumns * static_cast<int>(blockIdx.y);
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; ++s) {
      init(address_of(&full[s]), 1);
      init(address_of(&empty[s]), 8);
    }
    fence_init();
  }
  __syncthreads();
  if (threadIdx.x >= 256) {
    if (threadIdx.x != 256) return;
    for (int i = 0; i < depth_blocks; ++i) {
      const int s = i % kStages;
      const uint32_t stage = ring + s * kStageBytes, barrier = address_of(&full[s]);
      wait(address_of(&empty[s]), (i / kStages & 1) ^ 1);
      arrive_expect(barrier, kStageBytes);
      load_box(stage, &a, kDepth * i, row, barrier);
      load_box(stage + kRows * kDepth * 2, &b, kDepth * i, column, barrier);
    }
    return;
  }
  const int group = static_cast<int>(threadIdx.x) / 128;
  float d[64] = {};
  for (int i = 0; i < depth_blocks; ++i) {
    const int s = i % kStages;
    const uint32_t stage = ring + s * kStageBytes;
    wait(address_of(&full[s]), i / kStages & 1);
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
    for (int k = 0; k < kDepth / 16; ++k)
      multiply(d, descriptor(stage + group * 64 * kDepth * 2 + 32 * k),
               descriptor(stage + kRows * kDepth * 2 + 32 * k));
    asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;" ::: "memory");
    if (threadIdx.x % 32 == 0) arrive(address_of(&empty[s]));
  }
  // Two panels of 64 columns, their rows 128 bytes and not swizzled.
  const uint32_t out = ring + kStages * kStageBytes;
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  for (int i = 0; i < 64; i += 2) {
    const unsigned r = 64 * group + 16 * warp + lane / 4 + 8 * (i / 2 % 2),
                   c = 8 * (i / 4) + 2 * (lane % 4);
    const __half2 pair = __floats2half2_rn(d[i], d[i + 1]);
    const uint32_t at = out + (c / 64) * kRows * 128 + r * 128 + c % 64 * 2;
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(at), "r"(*reinterpret_cast<const uint32_t*>(&pair))
                 : "memory");
  }
  fence_async();
  asm volatile("bar.sync 1, 256;" ::: "memory");
  if (threadIdx.x == 0) {
    for (int panel = 0; panel < 2; ++panel)
      asm volatile(
          "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(
              &y),
          "r"(out + panel * kRows * 128), "r"(column + 64 * panel), "r"(row)
          : "memory");
    asm volatile("cp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;" ::: "memory");
  }
}

CUtensorMap map_of(const __half* data, int rows, int columns, int box_rows,
                   CUtensorMapSwizzle swizzle) {
  void* encode = nullptr;
  cudaDriverEntryPointQueryResult found{};
  CUDA_OK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &encode, 12000,
                                           cudaEnableDefault, &found));
  CUtensorMap map{};
  if (encode == nullptr) return map;
  const cuuint64_t sizes[] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t strides[] = {static_cast<cuuint64_t>(columns) * 2};
  const cuuint32_t box[] = {64, static_cast<cuuint32_t>(box_rows)}, steps[] = {1, 1};
  const CUresult result = reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(encode)(
      &map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, const_cast<__half*>(data), sizes, strides, box,
      steps, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, CU_TENSOR_MAP_L2_PROMOTION_NONE,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  EXPECT_EQ(static_cast<int>(result), 0);
  return map;
}

std::vector<__half> small_integers(int count, int modulus) {
  std::vector<__half> values(count);
  for (int i = 0; i < count; ++i)
    values[i] = __float2half(static_cast<float>(i * 7 % modulus - modulus / 2));
  return values;
}

struct Product {
  int m, n, k;
  std::vector<__half> a, b;
  DeviceBuffer<__half> da, db, dy;

  Product(int rows, int columns, int depth)
      : m(rows),
        n(columns),
        k(depth),
        a(small_integers(m * k, 5)),
        b(small_integers(n * k, 7)),
        da(a),
        db(b),
        dy(m * n) {}

  void launch() {
    CUDA_OK(cudaFuncSetAttribute(gemm, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes));
    gemm<<<dim3(m / kRows, n / kColumns), kThreads, kSharedBytes>>>(
        map_of(da.get(), m, k, kRows, CU_TENSOR_MAP_SWIZZLE_128B),
        map_of(db.get(), n, k, kColumns, CU_TENSOR_MAP_SWIZZLE_128B),
        map_of(dy.get(), m, n, kRows, CU_TENSOR_MAP_SWIZZLE_NONE), k / kDepth);
    CUDA_OK(cudaGetLastError());
  }
  // Sums of small integers are exact.
  void check() {
    const std::vector<__half> y = dy.download();
    int wrong = 0;
    for (int i = 0; i < m * n && wrong<4; i += m * n> 100000 ? 97 : 1) {
      float sum = 0;
      for (int j = 0; j < k; ++j)
        sum += __half2float(a[i / n * k + j]) * __half2float(b[i % n * k + j]);
      wrong += !EXPECT_EQ(__half2float(y[i]), sum,
                          "at row " + std::to_string(i / n) + ", column " + std::to_string(i % n));
    }
  }
};

TEST(HopperGemm, a_ring_filled_by_tma_and_multiplied_by_wgmma) {
  NEEDS_HOPPER();
  Product p(256, 128, 512);
  const cuemu_counters c = count([&] { p.launch(); });
  p.check();
  if (!cuemu_present()) return;
  EXPECT_EQ(c.tma_loads, uint64_t{2 * 8 * 2});
  EXPECT_EQ(c.tma_load_bytes, uint64_t{2 * 8 * kStageBytes});
  EXPECT_EQ(c.tma_filled_bytes, uint64_t{0});
  EXPECT_EQ(c.tma_stores, uint64_t{4});
  EXPECT_EQ(c.tma_store_bytes, uint64_t{256 * 128 * 2});
  EXPECT_EQ(c.global_load.unique_bytes, uint64_t{(256 + 128) * 512 * 2});
  EXPECT_EQ(c.global_store.unique_bytes, uint64_t{256 * 128 * 2});
  EXPECT_EQ(c.wgmma_instructions, uint64_t{2 * 8 * 4 * 2});
  EXPECT_EQ(c.mma_flops, uint64_t{2} * 256 * 128 * 512);
}

}  // namespace gemm_tests
