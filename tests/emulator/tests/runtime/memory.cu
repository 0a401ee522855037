// SPDX-License-Identifier: MIT
// Memory of the runtime API: copies, fills, two-dimensional forms, symbols, pinned and managed
// memory, attributes.
#include <cstring>
#include <numeric>

#include "../support/device.cuh"

using namespace cuemu_tests;

namespace {

std::vector<int> counting(int count) {
  std::vector<int> values(count);
  std::iota(values.begin(), values.end(), 1);
  return values;
}

__global__ void scale(int* values, int factor, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) values[i] *= factor;
}

TEST(RuntimeMemory, copies_in_every_direction) {
  const std::vector<int> values = counting(1000);
  const DeviceBuffer<int> first(values.size()), second(values.size());
  CUDA_OK(cudaMemcpy(first.get(), values.data(), first.bytes(), cudaMemcpyHostToDevice));
  CUDA_OK(cudaMemcpy(second.get(), first.get(), first.bytes(), cudaMemcpyDeviceToDevice));
  std::vector<int> back(values.size()), again(values.size());
  CUDA_OK(cudaMemcpy(back.data(), second.get(), first.bytes(), cudaMemcpyDeviceToHost));
  EXPECT_VALUES(back, values);
  CUDA_OK(cudaMemcpy(again.data(), back.data(), first.bytes(), cudaMemcpyHostToHost));
  EXPECT_VALUES(again, values);
  // Default: the direction follows from the addresses.
  CUDA_OK(cudaMemset(second.get(), 0, second.bytes()));
  CUDA_OK(cudaMemcpy(second.get(), again.data(), first.bytes(), cudaMemcpyDefault));
  std::vector<int> last(values.size());
  CUDA_OK(cudaMemcpy(last.data(), second.get(), first.bytes(), cudaMemcpyDefault));
  EXPECT_VALUES(last, values);
}

TEST(RuntimeMemory, copies_of_parts) {
  const DeviceBuffer<int> device(counting(10));
  int two[2] = {};
  CUDA_OK(cudaMemcpy(two, device.get() + 4, sizeof two, cudaMemcpyDeviceToHost));
  EXPECT_EQ(two[0], 5);
  EXPECT_EQ(two[1], 6);
  const int replacement = -1;
  CUDA_OK(cudaMemcpy(device.get() + 9, &replacement, sizeof replacement, cudaMemcpyHostToDevice));
  EXPECT_VALUES(device.download(), {1, 2, 3, 4, 5, 6, 7, 8, 9, -1});
}

TEST(RuntimeMemory, fills) {
  const DeviceBuffer<unsigned char> bytes(std::vector<unsigned char>(8, 1));
  CUDA_OK(cudaMemset(bytes.get() + 2, 0xab, 3));
  CUDA_OK(cudaMemsetAsync(bytes.get() + 6, 0x7f, 1, nullptr));
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_VALUES(bytes.download(), {1, 1, 0xab, 0xab, 0xab, 1, 0x7f, 1});
}

TEST(RuntimeMemory, two_dimensional_copies_and_fills) {
  const size_t kPitch = 7, kWidth = 5, kHeight = 4;
  std::vector<unsigned char> host(kWidth * kHeight);
  std::iota(host.begin(), host.end(), static_cast<unsigned char>(1));
  const DeviceBuffer<unsigned char> device(std::vector<unsigned char>(kPitch * kHeight, 0xee));
  CUDA_OK(cudaMemcpy2D(device.get(), kPitch, host.data(), kWidth, kWidth, kHeight,
                       cudaMemcpyHostToDevice));
  std::vector<unsigned char> expected(kPitch * kHeight, 0xee);
  for (size_t row = 0; row < kHeight; ++row) {
    std::memcpy(&expected[row * kPitch], &host[row * kWidth], kWidth);
  }
  EXPECT_VALUES(device.download(), expected);
  CUDA_OK(cudaMemset2D(device.get() + 1, kPitch, 0x11, 2, 3));
  for (size_t row = 0; row < 3; ++row) std::memset(&expected[row * kPitch + 1], 0x11, 2);
  EXPECT_VALUES(device.download(), expected);
  std::vector<unsigned char> back(2 * kHeight);
  CUDA_OK(cudaMemcpy2DAsync(back.data(), 2, device.get() + 3, kPitch, 2, kHeight,
                            cudaMemcpyDeviceToHost, nullptr));
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_VALUES(back, {4, 5, 9, 10, 14, 15, 19, 20});
}

TEST(RuntimeMemory, pitched_allocations) {
  void* memory = nullptr;
  size_t pitch = 0;
  CUDA_OK(cudaMallocPitch(&memory, &pitch, 100, 3));
  EXPECT_TRUE(pitch >= 100);
  EXPECT_EQ(pitch % 32, 0u);
  CUDA_OK(cudaMemset2D(memory, pitch, 1, 100, 3));
  CUDA_OK(cudaFree(memory));
}

TEST(RuntimeMemory, allocations_are_aligned_and_free_of_overlap) {
  std::vector<void*> pointers(20);
  for (size_t i = 0; i < pointers.size(); ++i) {
    CUDA_OK(cudaMalloc(&pointers[i], 1 + 37 * i));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pointers[i]) % 256, 0u);
    CUDA_OK(cudaMemset(pointers[i], int(i), 1 + 37 * i));
  }
  for (size_t i = 0; i < pointers.size(); ++i) {
    unsigned char last = 0;
    CUDA_OK(cudaMemcpy(&last, static_cast<char*>(pointers[i]) + 37 * i, 1, cudaMemcpyDeviceToHost));
    EXPECT_EQ(int(last), int(i));
    CUDA_OK(cudaFree(pointers[i]));
  }
  CUDA_OK(cudaFree(nullptr));
  void* empty = &pointers;
  CUDA_OK(cudaMalloc(&empty, 0));
  EXPECT_TRUE(empty == nullptr);
}

__constant__ int coefficients[4] = {1, 1, 1, 1};
__device__ int results[4];

__global__ void apply_coefficients(int x) {
  results[threadIdx.x] = coefficients[threadIdx.x] * x;
}

TEST(RuntimeMemory, symbols) {
  const int values[3] = {7, 8, 9};
  CUDA_OK(cudaMemcpyToSymbol(coefficients, values, sizeof values, sizeof(int)));
  LAUNCH(apply_coefficients, 1, 4, 10);
  std::vector<int> back(4);
  CUDA_OK(cudaMemcpyFromSymbol(back.data(), results, sizeof results));
  EXPECT_VALUES(back, {10, 70, 80, 90});
  void* address = nullptr;
  size_t size = 0;
  CUDA_OK(cudaGetSymbolAddress(&address, results));
  CUDA_OK(cudaGetSymbolSize(&size, results));
  EXPECT_EQ(size, sizeof results);
  int last = 0;
  CUDA_OK(cudaMemcpy(&last, static_cast<int*>(address) + 3, sizeof last, cudaMemcpyDeviceToHost));
  EXPECT_EQ(last, 90);
}

TEST(RuntimeMemory, kernels_reach_pinned_host_memory) {
  int* pinned = nullptr;
  CUDA_OK(cudaHostAlloc(reinterpret_cast<void**>(&pinned), 100 * sizeof(int), cudaHostAllocMapped));
  for (int i = 0; i < 100; ++i) pinned[i] = i;
  int* on_device = nullptr;
  CUDA_OK(cudaHostGetDevicePointer(reinterpret_cast<void**>(&on_device), pinned, 0));
  LAUNCH(scale, 1, 128, on_device, 3, 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pinned[i], 3 * i);
  CUDA_OK(cudaFreeHost(pinned));
  CUDA_OK(cudaMallocHost(reinterpret_cast<void**>(&pinned), 16));
  CUDA_OK(cudaFreeHost(pinned));
}

TEST(RuntimeMemory, managed_memory_is_shared_with_the_host) {
  int* managed = nullptr;
  CUDA_OK(cudaMallocManaged(reinterpret_cast<void**>(&managed), 50 * sizeof(int)));
  for (int i = 0; i < 50; ++i) managed[i] = i;
  LAUNCH(scale, 1, 64, managed, -2, 50);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(managed[i], -2 * i);
  CUDA_OK(cudaFree(managed));
}

TEST(RuntimeMemory, stream_ordered_allocation) {
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreate(&stream));
  int* memory = nullptr;
  CUDA_OK(cudaMallocAsync(reinterpret_cast<void**>(&memory), 64 * sizeof(int), stream));
  CUDA_OK(cudaMemsetAsync(memory, 1, 64 * sizeof(int), stream));
  scale<<<1, 64, 0, stream>>>(memory, 3, 64);
  int last = 0;
  CUDA_OK(cudaMemcpyAsync(&last, memory + 63, sizeof last, cudaMemcpyDeviceToHost, stream));
  CUDA_OK(cudaFreeAsync(memory, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(last, 0x03030303);
  CUDA_OK(cudaStreamDestroy(stream));
}

TEST(RuntimeMemory, pointer_attributes) {
  const DeviceBuffer<int> device(8);
  void* pinned = nullptr;
  CUDA_OK(cudaMallocHost(&pinned, 32));
  int on_stack = 0;
  cudaPointerAttributes attributes{};
  CUDA_OK(cudaPointerGetAttributes(&attributes, device.get() + 3));
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_EQ(attributes.device, 0);
  EXPECT_TRUE(attributes.devicePointer == device.get() + 3);
  CUDA_OK(cudaPointerGetAttributes(&attributes, pinned));
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  EXPECT_TRUE(attributes.hostPointer == pinned);
  CUDA_OK(cudaPointerGetAttributes(&attributes, &on_stack));
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  CUDA_OK(cudaFreeHost(pinned));
}

TEST(RuntimeMemory, amount_of_memory) {
  size_t free_bytes = 0, total = 0;
  CUDA_OK(cudaMemGetInfo(&free_bytes, &total));
  EXPECT_TRUE(free_bytes > 0);
  EXPECT_TRUE(free_bytes <= total);
}

}  // namespace
