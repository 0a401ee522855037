// SPDX-License-Identifier: MIT
// Error codes of wrong calls and launches, none of which may outlive the next cudaGetLastError.
#include <cstring>

#include "../support/device.cuh"
#include "cuemu.h"

using namespace cuemu_tests;

namespace {

__global__ void set_flag(int* flag) {
  *flag = 1;
}
__global__ void __launch_bounds__(64) small_blocks_only(int* flag) {
  *flag = 2;
}

// The launch just made was refused with `status`, and said so once; nothing ran; the next launch
// works.
void expect_refused(const char* file, int line, cudaError_t status, const char* kernel) {
  const cudaError_t seen = cudaPeekAtLastError();
  expect_status(file, line, "error of the launch", seen, status);
  expect_status(file, line, "error at the second look", cudaGetLastError(), seen);
  expect_status(file, line, "error after it was taken", cudaGetLastError(), cudaSuccess);
  if (cuemu_present()) {
    char fault[512];
    cuemu_last_fault(fault, sizeof fault);
    expect_true(file, line, "fault is invalid-launch",
                std::strncmp(fault, "invalid-launch:", 15) == 0, fault);
    expect_true(file, line, "fault names the kernel", std::strstr(fault, kernel) != nullptr, fault);
  }
  cuemu_clear_fault();
  const auto flag = zeroed<int>(1);
  set_flag<<<1, 1>>>(flag.get());
  expect_status(file, line, "next launch", cudaDeviceSynchronize(), cudaSuccess);
  expect_equal(file, line, "flag", flag.download()[0], 1);
}
#define EXPECT_REFUSED(status, kernel) expect_refused(__FILE__, __LINE__, status, kernel)

TEST(RuntimeErrors, launch_configurations_out_of_range) {
  const auto flag = zeroed<int>(1);
  set_flag<<<0, 32>>>(flag.get());
  EXPECT_REFUSED(cudaErrorInvalidConfiguration, "set_flag");
  set_flag<<<dim3(1, 0), 32>>>(flag.get());
  EXPECT_REFUSED(cudaErrorInvalidConfiguration, "set_flag");
  set_flag<<<1, 0>>>(flag.get());
  EXPECT_REFUSED(cudaErrorInvalidConfiguration, "set_flag");
  set_flag<<<1, 1025>>>(flag.get());
  EXPECT_REFUSED(cudaErrorInvalidConfiguration, "set_flag");
  set_flag<<<1, dim3(32, 32, 2)>>>(flag.get());
  EXPECT_REFUSED(cudaErrorInvalidConfiguration, "set_flag");
  set_flag<<<1, dim3(1, 1, 65)>>>(flag.get());
  EXPECT_REFUSED(cudaErrorInvalidConfiguration, "set_flag");
  set_flag<<<dim3(1, 65536), 1>>>(flag.get());
  EXPECT_REFUSED(cudaErrorInvalidConfiguration, "set_flag");
  EXPECT_EQ(flag.download()[0], 0);
}

TEST(RuntimeErrors, more_shared_memory_than_allowed) {
  const auto flag = zeroed<int>(1);
  set_flag<<<1, 1, 48 * 1024 + 1>>>(flag.get());
  EXPECT_REFUSED(cudaErrorInvalidValue, "set_flag");
  EXPECT_EQ(flag.download()[0], 0);
}

TEST(RuntimeErrors, more_threads_than_the_launch_bounds) {
  const auto flag = zeroed<int>(1);
  small_blocks_only<<<1, 96>>>(flag.get());
  EXPECT_TRUE(cudaGetLastError() != cudaSuccess);
  EXPECT_STATUS(cudaGetLastError(), cudaSuccess);
  cuemu_clear_fault();
  EXPECT_EQ(flag.download()[0], 0);
  LAUNCH(small_blocks_only, 1, 64, flag.get());
  EXPECT_EQ(flag.download()[0], 2);
}

// A failing call returns the error, leaves it for cudaGetLastError once, and harms nothing.
#define EXPECT_FAILS(call, status)                  \
  do {                                              \
    EXPECT_STATUS(call, status);                    \
    EXPECT_STATUS(cudaGetLastError(), status);      \
    EXPECT_STATUS(cudaGetLastError(), cudaSuccess); \
    CUDA_OK(cudaDeviceSynchronize());               \
  } while (false)

TEST(RuntimeErrors, memory_calls) {
  void* pointer = nullptr;
  EXPECT_FAILS(cudaMalloc(&pointer, size_t(1) << 46), cudaErrorMemoryAllocation);
  EXPECT_FAILS(cudaMalloc(nullptr, 16), cudaErrorInvalidValue);
  int on_stack = 0;
  EXPECT_FAILS(cudaFree(&on_stack), cudaErrorInvalidValue);
  const DeviceBuffer<int> device(4);
  EXPECT_FAILS(cudaMemcpy(device.get(), &on_stack, 4, static_cast<cudaMemcpyKind>(77)),
               cudaErrorInvalidMemcpyDirection);
  EXPECT_FAILS(cudaMemset(nullptr, 0, 4), cudaErrorInvalidValue);
}

TEST(RuntimeErrors, device_and_function_calls) {
  EXPECT_FAILS(cudaSetDevice(99), cudaErrorInvalidDevice);
  cudaDeviceProp properties;
  EXPECT_FAILS(cudaGetDeviceProperties(&properties, 99), cudaErrorInvalidDevice);
  cudaFuncAttributes attributes;
  EXPECT_FAILS(cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(&std::strlen)),
               cudaErrorInvalidDeviceFunction);
}

TEST(RuntimeErrors, event_that_was_never_recorded) {
  cudaEvent_t first, second;
  CUDA_OK(cudaEventCreate(&first));
  CUDA_OK(cudaEventCreate(&second));
  CUDA_OK(cudaEventQuery(first));  // counts as complete
  float milliseconds = 0;
  EXPECT_FAILS(cudaEventElapsedTime(&milliseconds, first, second), cudaErrorInvalidResourceHandle);
  CUDA_OK(cudaEventDestroy(first));
  CUDA_OK(cudaEventDestroy(second));
}

TEST(RuntimeErrors, not_ready_is_no_error) {
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreate(&stream));
  const auto flag = zeroed<int>(1);
  for (int i = 0; i < 50; ++i) set_flag<<<64, 64, 0, stream>>>(flag.get());
  const cudaError_t query = cudaStreamQuery(stream);
  EXPECT_TRUE(query == cudaSuccess || query == cudaErrorNotReady);
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_STATUS(cudaStreamQuery(stream), cudaSuccess);
  cudaGetLastError();
  CUDA_OK(cudaStreamDestroy(stream));
}

// Calls that exist in order that PyTorch can be loaded.
TEST(RuntimeErrors, what_is_not_emulated_is_refused) {
  if (!cuemu_present()) SKIP_TEST("runs on the emulator only");
  const DeviceBuffer<int> device(4);
  cudaIpcMemHandle_t memory;
  EXPECT_FAILS(cudaIpcGetMemHandle(&memory, device.get()), cudaErrorNotSupported);
  EXPECT_FAILS(cudaMemcpyPeerAsync(device.get(), 0, device.get(), 0, 4, nullptr),
               cudaErrorNotSupported);
  cudaLibrary_t library;
  EXPECT_FAILS(
      cudaLibraryLoadFromFile(&library, "any.fatbin", nullptr, nullptr, 0, nullptr, nullptr, 0),
      cudaErrorNotSupported);
}

}  // namespace
