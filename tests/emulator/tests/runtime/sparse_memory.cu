// SPDX-License-Identifier: MIT
// Tensors larger than the host's memory, of which a launch touches little.
#include <fstream>

#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

constexpr size_t kGiB = size_t(1) << 30;

size_t resident_bytes() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * 4096;
}

// One element a thread; the wrong index keeps 32 bits of it.
__global__ void store_index(float* out, bool wrong) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  out[wrong ? static_cast<unsigned>(i * 4) / 4 : i] = static_cast<float>(i % 1000);
}

TEST(RuntimeSparseMemory, costs_only_what_is_written) {
  NEEDS_EMULATOR();
  const Switch sparse("sparse", 1);
  const size_t before = resident_bytes();
  size_t free_bytes = 0, total = 0;
  CUDA_OK(cudaMemGetInfo(&free_bytes, &total));
  char* memory = nullptr;
  const size_t size = free_bytes - kGiB / 4 + 3;  // all but a quarter GiB of the device's
  CUDA_OK(cudaMalloc(reinterpret_cast<void**>(&memory), size));
  void* more = nullptr;
  EXPECT_STATUS(cudaMalloc(&more, kGiB), cudaErrorMemoryAllocation);
  cudaGetLastError();
  // Poisoned like any other memory, at both ends and in between.
  for (const size_t at : {size_t(0), size / 2, size - 1}) {
    char byte = 0;
    CUDA_OK(cudaMemcpy(&byte, memory + at, 1, cudaMemcpyDeviceToHost));
    EXPECT_EQ(int(byte), -1);
  }
  CUDA_OK(cudaMemset(memory + size - 100, 5, 100));
  char last[101];
  CUDA_OK(cudaMemcpy(last, memory + size - 101, 101, cudaMemcpyDeviceToHost));
  EXPECT_EQ(int(last[0]), -1);
  EXPECT_EQ(int(last[1]), 5);
  EXPECT_EQ(int(last[100]), 5);
  EXPECT_TRUE(resident_bytes() < before + kGiB / 8,
              std::to_string((resident_bytes() - before) >> 20) + " MiB more");
  CUDA_OK(cudaFree(memory));
}

TEST(RuntimeSparseMemory, a_few_ctas_index_beyond_32_bits) {
  NEEDS_EMULATOR();
  const Switch sparse("sparse", 1);
  const long long kCount = (1ll << 31) + 1024;
  float* out = nullptr;
  CUDA_OK(cudaMalloc(reinterpret_cast<void**>(&out), kCount * sizeof(float)));
  cuemu_run_ctas(-1, 1);
  LAUNCH(store_index, static_cast<unsigned>(kCount / 256), 256, out, false);
  float last = 0;
  CUDA_OK(cudaMemcpy(&last, out + kCount - 1, sizeof last, cudaMemcpyDeviceToHost));
  EXPECT_EQ(last, static_cast<float>((kCount - 1) % 1000));
  // 2^31 elements of 4 bytes: an offset of 32 bits goes elsewhere.
  LAUNCH(store_index, static_cast<unsigned>(kCount / 256 - 4), 256, out, true);
  CUDA_OK(cudaMemcpy(&last, out + (1ll << 31) - 1, sizeof last, cudaMemcpyDeviceToHost));
  EXPECT_TRUE(last != last);  // poison
  cuemu_run_ctas(0, 0);
  CUDA_OK(cudaFree(out));
}

}  // namespace
