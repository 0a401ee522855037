// SPDX-License-Identifier: MIT
// Several devices (CUEMU_DEVICES=2): what belongs to one of them is not another's.
#include <cstring>
#include <thread>

#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

#define NEEDS_TWO_DEVICES()                         \
  NEEDS_EMULATOR();                                 \
  do {                                              \
    int count = 0;                                  \
    CUDA_OK(cudaGetDeviceCount(&count));            \
    if (count < 2) SKIP_TEST("one device is here"); \
  } while (false)

class OnDevice {
 public:
  explicit OnDevice(int device) {
    CUDA_OK(cudaGetDevice(&old_));
    CUDA_OK(cudaSetDevice(device));
  }
  ~OnDevice() { CUDA_OK(cudaSetDevice(old_)); }

 private:
  int old_ = 0;
};

extern __shared__ int devices_shared[];
__device__ int device_counter;

__global__ void store_sum(int* out, const int* in) {
  *out = *in + 1;
}
__global__ void count_up() {
  ++device_counter;
}
__global__ void use_dynamic_shared(int* out) {
  devices_shared[threadIdx.x] = 1;
  *out = devices_shared[0];
}

int current() {
  int device = -1;
  CUDA_OK(cudaGetDevice(&device));
  return device;
}

TEST(RuntimeDevices, each_thread_chooses_its_own) {
  NEEDS_TWO_DEVICES();
  const OnDevice second(1);
  EXPECT_EQ(current(), 1);
  int in_thread = -1;
  std::thread([&] { in_thread = current(); }).join();
  EXPECT_EQ(in_thread, 0);
  EXPECT_EQ(current(), 1);
  int count = 0;
  CUDA_OK(cudaGetDeviceCount(&count));
  EXPECT_STATUS(cudaSetDevice(count), cudaErrorInvalidDevice);
  EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(current(), 1);
}

TEST(RuntimeDevices, are_alike_but_for_their_place) {
  NEEDS_TWO_DEVICES();
  cudaDeviceProp first{}, second{};
  CUDA_OK(cudaGetDeviceProperties(&first, 0));
  CUDA_OK(cudaGetDeviceProperties(&second, 1));
  EXPECT_EQ(std::string(first.name), std::string(second.name));
  EXPECT_EQ(first.multiProcessorCount, second.multiProcessorCount);
  EXPECT_TRUE(std::memcmp(&first.uuid, &second.uuid, sizeof first.uuid) != 0);
  char place[32];
  int found = -1, peer = -1;
  CUDA_OK(cudaDeviceGetPCIBusId(place, sizeof place, 1));
  CUDA_OK(cudaDeviceGetByPCIBusId(&found, place));
  EXPECT_EQ(found, 1);
  CUDA_OK(cudaDeviceCanAccessPeer(&peer, 0, 1));
  EXPECT_EQ(peer, 0);
  EXPECT_STATUS(cudaDeviceEnablePeerAccess(1, 0), cudaErrorPeerAccessUnsupported);
  cudaGetLastError();
}

TEST(RuntimeDevices, memory_belongs_to_the_device_it_was_allocated_on) {
  NEEDS_TWO_DEVICES();
  size_t free_before[2], free_after[2], total = 0;
  const auto read_free = [&](size_t(&free_bytes)[2]) {
    for (int device = 0; device < 2; ++device) {
      const OnDevice here(device);
      CUDA_OK(cudaMemGetInfo(&free_bytes[device], &total));
    }
  };
  const Switch sparse("sparse", 1);  // else the host's memory sets the limit
  read_free(free_before);
  const DeviceBuffer<int> first(1);
  {
    const OnDevice here(1);
    const DeviceBuffer<int> second(1000);
    read_free(free_after);
    EXPECT_EQ(free_before[0] - free_after[0], sizeof(int));
    EXPECT_EQ(free_before[1] - free_after[1], 1000 * sizeof(int));
    cudaPointerAttributes attributes{};
    CUDA_OK(cudaPointerGetAttributes(&attributes, second.get()));
    EXPECT_EQ(attributes.device, 1);
    CUDA_OK(cudaPointerGetAttributes(&attributes, first.get()));
    EXPECT_EQ(attributes.device, 0);
  }
}

TEST(RuntimeDevices, kernels_do_not_reach_another_devices_memory) {
  NEEDS_TWO_DEVICES();
  const DeviceBuffer<int> first(std::vector<int>{5});
  const OnDevice here(1);
  const DeviceBuffer<int> second(std::vector<int>{7});
  const auto out = zeroed<int>(1);
  LAUNCH(store_sum, 1, 1, out.get(), second.get());
  EXPECT_EQ(out.download()[0], 8);
  store_sum<<<1, 1>>>(out.get(), first.get());
  const std::string text = EXPECT_FAULT({"out-of-bounds"}, "store_sum", {});
  EXPECT_TRUE(text.find("memory of device 0") != std::string::npos, text);
  store_sum<<<1, 1>>>(first.get(), out.get());
  EXPECT_FAULT({"out-of-bounds"}, "store_sum", {});
  EXPECT_STATUS(cudaMemset(first.get(), 0, sizeof(int)), cudaErrorInvalidValue);
  cudaGetLastError();
  // Copies go by way of the host; pinned memory is everybody's.
  CUDA_OK(cudaMemcpy(out.get(), first.get(), sizeof(int), cudaMemcpyDeviceToDevice));
  EXPECT_EQ(out.download()[0], 5);
  int* pinned = nullptr;
  CUDA_OK(cudaMallocHost(reinterpret_cast<void**>(&pinned), sizeof(int)));
  *pinned = 11;
  const OnDevice back(0);
  LAUNCH(store_sum, 1, 1, first.get(), pinned);
  EXPECT_EQ(first.download()[0], 12);
  CUDA_OK(cudaFreeHost(pinned));
}

TEST(RuntimeDevices, streams_and_events_belong_to_one) {
  NEEDS_TWO_DEVICES();
  cudaStream_t stream;
  cudaEvent_t event;
  CUDA_OK(cudaStreamCreate(&stream));
  const auto out = zeroed<int>(1);
  {
    const OnDevice here(1);
    int device = -1;
    CUDA_OK(cudaStreamGetDevice(stream, &device));
    EXPECT_EQ(device, 0);
    CUDA_OK(cudaStreamGetDevice(nullptr, &device));
    EXPECT_EQ(device, 1);
    CUDA_OK(cudaEventCreate(&event));
    store_sum<<<1, 1, 0, stream>>>(out.get(), out.get());
    EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidResourceHandle);
    EXPECT_STATUS(cudaEventRecord(event, stream), cudaErrorInvalidResourceHandle);
    cudaGetLastError();
    CUDA_OK(cudaEventRecord(event, nullptr));
    CUDA_OK(cudaStreamWaitEvent(stream, event, 0));
    CUDA_OK(cudaMemsetAsync(out.get(), 0, sizeof(int), stream));
    CUDA_OK(cudaStreamSynchronize(stream));
  }
  EXPECT_EQ(out.download()[0], 0);
  CUDA_OK(cudaEventDestroy(event));
  CUDA_OK(cudaStreamDestroy(stream));
}

TEST(RuntimeDevices, each_has_its_own_variables) {
  NEEDS_TWO_DEVICES();
  void* places[2];
  for (int device = 0; device < 2; ++device) {
    const OnDevice here(device);
    const int start = 10 * device;
    CUDA_OK(cudaMemcpyToSymbol(device_counter, &start, sizeof start));
    CUDA_OK(cudaGetSymbolAddress(&places[device], device_counter));
    count_up<<<1, 1>>>();
    CUDA_OK(cudaDeviceSynchronize());
  }
  EXPECT_TRUE(places[0] != places[1]);
  for (int device = 0; device < 2; ++device) {
    const OnDevice here(device);
    int value = -1;
    CUDA_OK(cudaMemcpyFromSymbol(&value, device_counter, sizeof value));
    EXPECT_EQ(value, 10 * device + 1);
  }
}

TEST(RuntimeDevices, function_attributes_are_set_on_one) {
  NEEDS_TWO_DEVICES();
  const int kBytes = 64 * 1024;
  CUDA_OK(cudaFuncSetAttribute(use_dynamic_shared, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               kBytes));
  const auto first = zeroed<int>(1);
  use_dynamic_shared<<<1, 1, kBytes>>>(first.get());
  CUDA_OK(cudaGetLastError());
  EXPECT_EQ(first.download()[0], 1);
  const OnDevice here(1);
  cudaFuncAttributes attributes{};
  CUDA_OK(cudaFuncGetAttributes(&attributes, use_dynamic_shared));
  EXPECT_EQ(attributes.maxDynamicSharedSizeBytes, 48 * 1024);
  const auto second = zeroed<int>(1);
  use_dynamic_shared<<<1, 1, kBytes>>>(second.get());
  EXPECT_STATUS(cudaGetLastError(), cudaErrorInvalidValue);
  cuemu_clear_fault();
}

TEST(RuntimeDevices, launches_tell_their_device) {
  NEEDS_TWO_DEVICES();
  const OnDevice here(1);
  const auto out = zeroed<int>(1);
  cuemu_reset_counters();
  LAUNCH(store_sum, 1, 1, out.get(), out.get());
  cuemu_launch launch{};
  EXPECT_EQ(cuemu_read_launches(&launch, 1), size_t(1));
  EXPECT_EQ(launch.device, 1);
}

}  // namespace
