// SPDX-License-Identifier: MIT
// Streams, events, host functions, and launches from several host threads.
#include <atomic>
#include <thread>

#include "../support/device.cuh"
#include "../support/streams.cuh"

using namespace cuemu_tests;

namespace {

// Long enough that work of another stream would overtake it if nothing held it back.
__global__ void append_digit(long long* value, int digit, int delay) {
  for (volatile int i = 0; i < delay; i = i + 1) {
  }
  *value = *value * 10 + digit;
}

TEST(RuntimeStreams, work_of_a_stream_keeps_its_order) {
  const Stream stream;
  const auto value = zeroed<long long>(1);
  for (int digit = 1; digit <= 9; ++digit)
    append_digit<<<1, 1, 0, stream>>>(value.get(), digit, 100);
  long long result = 0;
  CUDA_OK(cudaMemcpyAsync(&result, value.get(), sizeof result, cudaMemcpyDeviceToHost, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(result, 123456789ll);
  EXPECT_STATUS(cudaStreamQuery(stream), cudaSuccess);
}

TEST(RuntimeStreams, events_order_two_streams) {
  const Stream first(cudaStreamNonBlocking), second(cudaStreamNonBlocking);
  const Event half(cudaEventDisableTiming), done(cudaEventDisableTiming);
  const auto value = zeroed<long long>(1);
  append_digit<<<1, 1, 0, first>>>(value.get(), 1, 3000);
  CUDA_OK(cudaEventRecord(half, first));
  CUDA_OK(cudaStreamWaitEvent(second, half, 0));
  append_digit<<<1, 1, 0, second>>>(value.get(), 2, 1000);
  CUDA_OK(cudaEventRecord(done, second));
  CUDA_OK(cudaStreamWaitEvent(first, done, 0));
  append_digit<<<1, 1, 0, first>>>(value.get(), 3, 0);
  CUDA_OK(cudaStreamSynchronize(first));
  EXPECT_EQ(value.download()[0], 123ll);
}

TEST(RuntimeStreams, the_default_stream_waits_for_blocking_streams) {
  const Stream stream;
  const auto value = zeroed<long long>(1);
  append_digit<<<1, 1, 0, stream>>>(value.get(), 4, 3000);
  append_digit<<<1, 1>>>(value.get(), 5, 0);
  append_digit<<<1, 1, 0, stream>>>(value.get(), 6, 0);
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_EQ(value.download()[0], 456ll);
}

TEST(RuntimeStreams, event_times) {
  const Stream stream;
  const Event start, stop;
  const auto value = zeroed<long long>(1);
  CUDA_OK(cudaEventRecord(start, stream));
  append_digit<<<1, 1, 0, stream>>>(value.get(), 1, 5000);
  CUDA_OK(cudaEventRecord(stop, stream));
  CUDA_OK(cudaEventSynchronize(stop));
  EXPECT_STATUS(cudaEventQuery(stop), cudaSuccess);
  float milliseconds = -1;
  CUDA_OK(cudaEventElapsedTime(&milliseconds, start, stop));
  EXPECT_TRUE(milliseconds >= 0);
}

TEST(RuntimeStreams, host_functions_run_in_order) {
  const Stream stream;
  static std::atomic<int> calls;
  calls = 0;
  int* pinned = nullptr;
  CUDA_OK(cudaMallocHost(reinterpret_cast<void**>(&pinned), sizeof(int)));
  const DeviceBuffer<int> device(1);
  CUDA_OK(cudaMemsetAsync(device.get(), 0, sizeof(int), stream));
  CUDA_OK(cudaMemcpyAsync(pinned, device.get(), sizeof(int), cudaMemcpyDeviceToHost, stream));
  CUDA_OK(cudaLaunchHostFunc(
      stream,
      [](void* data) {
        ++calls;
        *static_cast<int*>(data) += 41;
      },
      pinned));
  CUDA_OK(cudaMemcpyAsync(device.get(), pinned, sizeof(int), cudaMemcpyHostToDevice, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(calls.load(), 1);
  EXPECT_EQ(device.download()[0], 41);
  CUDA_OK(cudaFreeHost(pinned));
}

TEST(RuntimeStreams, priorities_and_flags) {
  int least = -9, greatest = 9;
  CUDA_OK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  EXPECT_TRUE(greatest <= least);
  cudaStream_t stream;
  CUDA_OK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, greatest));
  unsigned flags = 0;
  CUDA_OK(cudaStreamGetFlags(stream, &flags));
  EXPECT_EQ(flags, unsigned(cudaStreamNonBlocking));
  CUDA_OK(cudaStreamDestroy(stream));
}

__global__ void add_repeatedly(int* counter, int times) {
  for (int i = 0; i < times; ++i) atomicAdd(counter, 1);
}

TEST(RuntimeStreams, several_host_threads_launch_at_once) {
  const int kThreads = 4, kLaunches = 10;
  const auto counters = zeroed<int>(kThreads + 1);
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      cudaStream_t stream;
      if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess) ++failures;
      for (int i = 0; i < kLaunches; ++i) {
        add_repeatedly<<<2, 64, 0, stream>>>(counters.get() + t, 3);
        add_repeatedly<<<1, 32, 0, stream>>>(counters.get() + kThreads, 1);
        if (cudaGetLastError() != cudaSuccess) ++failures;
      }
      if (cudaStreamSynchronize(stream) != cudaSuccess) ++failures;
      cudaStreamDestroy(stream);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures.load(), 0);
  const int each = kLaunches * 2 * 64 * 3;
  EXPECT_VALUES(counters.download(), {each, each, each, each, kThreads * kLaunches * 32});
}

}  // namespace
