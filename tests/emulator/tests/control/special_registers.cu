// SPDX-License-Identifier: MIT
// Special registers: indices, sizes, clocks.
#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

__global__ void report_indices(uint3* out) {
  const int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const int threads = blockDim.x * blockDim.y * blockDim.z;
  unsigned lane, warp;
  asm volatile("mov.u32 %0, %%laneid;" : "=r"(lane));
  asm volatile("mov.u32 %0, %%warpid;" : "=r"(warp));
  out[block * threads + thread] = make_uint3(block, thread, warpSize * warp + lane);
}

TEST(SpecialRegisters, indices_in_three_dimensions) {
  const dim3 grid(3, 2, 2), block(5, 4, 3);
  const DeviceBuffer<uint3> out(12 * 60);
  LAUNCH(report_indices, grid, block, out.get());
  const std::vector<uint3> values = out.download();
  for (unsigned i = 0; i < values.size(); ++i) {
    EXPECT_EQ(values[i].x, i / 60);
    EXPECT_EQ(values[i].y, i % 60);
    EXPECT_EQ(values[i].z, i % 60);
  }
}

extern __shared__ int dynamic_shared[];

__global__ void report_sizes(unsigned* out) {
  dynamic_shared[0] = 1;
  asm volatile("mov.u32 %0, %%dynamic_smem_size;" : "=r"(out[0]));
  asm volatile("mov.u32 %0, %%ntid.y;" : "=r"(out[1]));
  asm volatile("mov.u32 %0, %%nctaid.z;" : "=r"(out[2]));
  unsigned total;
  asm volatile("mov.u32 %0, %%total_smem_size;" : "=r"(total));
  out[3] = total >= out[0];
}

TEST(SpecialRegisters, sizes) {
  const auto out = zeroed<unsigned>(4);
  report_sizes<<<dim3(1, 1, 2), dim3(1, 3), 400>>>(out.get());
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_VALUES(out.download(), {400, 3, 2, 1});
}

__global__ void read_clocks(long long* out) {
  const long long start = clock64();
  const int short_start = clock();
  long long timer_start, timer_end;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(timer_start));
  for (volatile int i = 0; i < 200; i = i + 1) {
  }
  __nanosleep(10);
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(timer_end));
  out[0] = clock64() - start;
  out[1] = clock() - short_start;
  out[2] = timer_end - timer_start;
}

TEST(SpecialRegisters, clocks_do_not_run_backwards) {
  const DeviceBuffer<long long> out(3);
  LAUNCH(read_clocks, 1, 1, out.get());
  const std::vector<long long> values = out.download();
  EXPECT_TRUE(values[0] > 0);
  EXPECT_TRUE(values[1] > 0);
  EXPECT_TRUE(values[2] >= 0);
}

}  // namespace
