// SPDX-License-Identifier: MIT
// Device properties, function attributes, occupancy: what a program plans its launches by.
#include <dlfcn.h>

#include <cstring>

#include "../support/device.cuh"
#include "cuemu.h"

using namespace cuemu_tests;

namespace {

int attribute(cudaDeviceAttr which) {
  int value = -1;
  CUDA_OK(cudaDeviceGetAttribute(&value, which, 0));
  return value;
}

TEST(RuntimeDevice, properties_agree_with_attributes) {
  int count = 0;
  CUDA_OK(cudaGetDeviceCount(&count));
  ASSERT_TRUE(count >= 1);
  cudaDeviceProp p{};
  CUDA_OK(cudaGetDeviceProperties(&p, 0));
  EXPECT_TRUE(std::strlen(p.name) > 0);
  if (cuemu_present()) EXPECT_TRUE(std::strstr(p.name, "emulated") != nullptr, p.name);
  EXPECT_EQ(p.major, attribute(cudaDevAttrComputeCapabilityMajor));
  EXPECT_EQ(p.minor, attribute(cudaDevAttrComputeCapabilityMinor));
  EXPECT_EQ(p.multiProcessorCount, attribute(cudaDevAttrMultiProcessorCount));
  EXPECT_EQ(int(p.sharedMemPerBlock), attribute(cudaDevAttrMaxSharedMemoryPerBlock));
  EXPECT_EQ(int(p.sharedMemPerBlockOptin), attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin));
  EXPECT_EQ(int(p.sharedMemPerMultiprocessor),
            attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor));
  EXPECT_EQ(p.regsPerBlock, attribute(cudaDevAttrMaxRegistersPerBlock));
  EXPECT_EQ(p.l2CacheSize, attribute(cudaDevAttrL2CacheSize));
  EXPECT_EQ(p.maxThreadsPerMultiProcessor, attribute(cudaDevAttrMaxThreadsPerMultiProcessor));
}

TEST(RuntimeDevice, limits_common_to_all_architectures) {
  EXPECT_EQ(attribute(cudaDevAttrWarpSize), 32);
  EXPECT_EQ(attribute(cudaDevAttrMaxThreadsPerBlock), 1024);
  EXPECT_EQ(attribute(cudaDevAttrMaxBlockDimX), 1024);
  EXPECT_EQ(attribute(cudaDevAttrMaxBlockDimZ), 64);
  EXPECT_EQ(attribute(cudaDevAttrMaxGridDimX), 2147483647);
  EXPECT_EQ(attribute(cudaDevAttrMaxGridDimY), 65535);
  EXPECT_EQ(attribute(cudaDevAttrMaxSharedMemoryPerBlock), 48 * 1024);
  EXPECT_EQ(attribute(cudaDevAttrMaxRegistersPerBlock), 65536);
  EXPECT_TRUE(attribute(cudaDevAttrComputeCapabilityMajor) >= 8);
  EXPECT_TRUE(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) >= 99 * 1024);
}

TEST(RuntimeDevice, selection_and_versions) {
  int device = -1, runtime = 0, driver = 0;
  CUDA_OK(cudaSetDevice(0));
  CUDA_OK(cudaGetDevice(&device));
  EXPECT_EQ(device, 0);
  CUDA_OK(cudaRuntimeGetVersion(&runtime));
  CUDA_OK(cudaDriverGetVersion(&driver));
  EXPECT_TRUE(runtime >= 13000);
  EXPECT_TRUE(driver >= runtime);
  EXPECT_EQ(std::string(cudaGetErrorName(cudaErrorInvalidValue)),
            std::string("cudaErrorInvalidValue"));
  EXPECT_EQ(std::string(cudaGetErrorString(cudaErrorInvalidValue)),
            std::string("invalid argument"));
}

extern __shared__ float dynamic_shared[];

__global__ void uses_static_shared(float* out) {
  __shared__ float tile[300];
  tile[threadIdx.x] = out[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = tile[(threadIdx.x + 1) % blockDim.x];
}
// Instances for tests that set attributes of the kernel, which stay set.
template <int kInstance = 0>
__global__ void __launch_bounds__(128) uses_dynamic_shared(float* out, int count) {
  dynamic_shared[count - 1 - threadIdx.x] = static_cast<float>(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = dynamic_shared[count - 1 - threadIdx.x];
}
__global__ void uses_local_memory(int* out, const int* indices) {
  int table[40];
  for (int i = 0; i < 40; ++i) table[i] = out[i];
  for (int i = 0; i < 40; ++i) table[indices[i]] += i;
  for (int i = 0; i < 40; ++i) out[i] = table[i];
}

TEST(RuntimeDevice, function_attributes) {
  cudaFuncAttributes a{};
  CUDA_OK(cudaFuncGetAttributes(&a, uses_static_shared));
  EXPECT_EQ(a.sharedSizeBytes, 1200u);
  EXPECT_TRUE(a.numRegs > 0 && a.numRegs <= 255, std::to_string(a.numRegs));
  EXPECT_EQ(a.maxThreadsPerBlock, 1024);
  EXPECT_EQ(a.localSizeBytes, 0u);
  CUDA_OK(cudaFuncGetAttributes(&a, uses_dynamic_shared<>));
  EXPECT_EQ(a.sharedSizeBytes, 0u);
  EXPECT_EQ(a.maxThreadsPerBlock, 128);
  EXPECT_TRUE(a.binaryVersion >= 80 && a.ptxVersion >= 80);
  CUDA_OK(cudaFuncGetAttributes(&a, uses_local_memory));
  EXPECT_TRUE(a.localSizeBytes >= 160, std::to_string(a.localSizeBytes));
}

TEST(RuntimeDevice, more_dynamic_shared_memory_must_be_asked_for) {
  const int kBytes = 64 * 1024, kCount = kBytes / 4;
  const DeviceBuffer<float> out(128);
  uses_dynamic_shared<1><<<1, 128, kBytes>>>(out.get(), kCount);
  EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidValue);
  cuemu_clear_fault();
  CUDA_OK(cudaFuncSetAttribute(uses_dynamic_shared<1>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               kBytes));
  cudaFuncAttributes a{};
  CUDA_OK(cudaFuncGetAttributes(&a, uses_dynamic_shared<1>));
  EXPECT_EQ(a.maxDynamicSharedSizeBytes, kBytes);
  uses_dynamic_shared<1><<<1, 128, kBytes>>>(out.get(), kCount);
  CUDA_OK(cudaGetLastError());
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_EQ(out.download()[127], 127.0f);
  // What was asked for is the limit.
  uses_dynamic_shared<1><<<1, 128, kBytes + 16>>>(out.get(), kCount);
  EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidValue);
  cuemu_clear_fault();
}

TEST(RuntimeDevice, no_more_dynamic_shared_memory_than_there_is) {
  const int limit = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  CUDA_OK(cudaFuncSetAttribute(uses_dynamic_shared<2>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               limit));
  EXPECT_STATUS(cudaFuncSetAttribute(uses_dynamic_shared<2>,
                                     cudaFuncAttributeMaxDynamicSharedMemorySize, limit + 1),
                cudaErrorInvalidValue);
  // Static shared memory counts too.
  EXPECT_STATUS(cudaFuncSetAttribute(uses_static_shared,
                                     cudaFuncAttributeMaxDynamicSharedMemorySize, limit - 1024),
                cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST(RuntimeDevice, occupancy) {
  const int sm_threads = attribute(cudaDevAttrMaxThreadsPerMultiProcessor);
  const int sm_shared = attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor);
  int blocks = -1;
  CUDA_OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, uses_static_shared, 1024, 0));
  EXPECT_EQ(blocks, sm_threads / 1024);  // limited by threads
  CUDA_OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, uses_static_shared, 32, 0));
  EXPECT_TRUE(blocks >= 16 && blocks <= 32,
              std::to_string(blocks));  // limited by the number of blocks
  const int bytes = 40 * 1024;
  CUDA_OK(
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, uses_dynamic_shared<>, 128, bytes));
  EXPECT_TRUE(blocks >= 1 && blocks <= sm_shared / bytes,
              std::to_string(blocks));  // limited by shared memory
  EXPECT_TRUE(blocks >= sm_shared / (bytes + 2048), std::to_string(blocks));
  int grid = 0, block = 0;
  CUDA_OK(cudaOccupancyMaxPotentialBlockSize(&grid, &block, uses_static_shared));
  EXPECT_TRUE(block % 32 == 0 && block >= 32 && block <= 1024, std::to_string(block));
  EXPECT_TRUE(grid >= attribute(cudaDevAttrMultiProcessorCount), std::to_string(grid));
}

TEST(RuntimeDevice, driver_says_that_the_device_is_in_use) {
  if (!cuemu_present()) SKIP_TEST("runs on the emulator only");
  void* const driver = dlopen(CUEMU_DRIVER, RTLD_NOW);
  ASSERT_TRUE(driver != nullptr);
  using GetState = int(int, unsigned*, int*);
  auto* const get_state = reinterpret_cast<GetState*>(dlsym(driver, "cuDevicePrimaryCtxGetState"));
  ASSERT_TRUE(get_state != nullptr);
  unsigned flags = 77;
  int active = 77;
  EXPECT_EQ(get_state(0, &flags, &active), 0);
  EXPECT_EQ(flags, 0u);
  EXPECT_EQ(active, 1);
  EXPECT_TRUE(get_state(-1, &flags, &active) != 0);
  EXPECT_TRUE(get_state(0, nullptr, &active) != 0);
}

}  // namespace
