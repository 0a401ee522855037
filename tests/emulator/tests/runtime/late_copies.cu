// SPDX-License-Identifier: MIT
// Copies from host to device memory that arrive as late as CUDA allows.
#include <cstring>

#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/streams.cuh"

using namespace cuemu_tests;

namespace {

__constant__ int late_constant;

__global__ void look_at(int* seen, const int* value) {
  *seen = *value;
}
__global__ void look_at_constant(int* seen) {
  *seen = late_constant;
}

class Pinned {
 public:
  Pinned() { CUDA_OK(cudaMallocHost(reinterpret_cast<void**>(&value_), sizeof(int))); }
  ~Pinned() { cudaFreeHost(value_); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  int* get() const { return value_; }

 private:
  int* value_ = nullptr;
};

// What a kernel in the stream finds. (Giving memory back waits for the device, so that is kept.)
int seen_in(cudaStream_t stream, const DeviceBuffer<int>& value) {
  static const Pinned& seen = *new Pinned;
  look_at<<<1, 1, 0, stream>>>(seen.get(), value.get());
  CUDA_OK(cudaStreamSynchronize(stream));
  return *seen.get();
}

constexpr int kPoison = -1;

void copy(const DeviceBuffer<int>& to, int value) {
  CUDA_OK(cudaMemcpy(to.get(), &value, sizeof value, cudaMemcpyHostToDevice));
}
void copy_in(cudaStream_t stream, const DeviceBuffer<int>& to, int value) {
  CUDA_OK(cudaMemcpyAsync(to.get(), &value, sizeof value, cudaMemcpyHostToDevice, stream));
}

TEST(RuntimeLateCopies, a_non_blocking_stream_does_not_wait_for_them) {
  NEEDS_EMULATOR();
  const Switch late("late", 1);
  const Stream other(cudaStreamNonBlocking);
  const auto value = zeroed<int>(1);
  copy(value, 5);
  EXPECT_EQ(seen_in(other, value), kPoison);
  EXPECT_EQ(seen_in(nullptr, value), 5);
  EXPECT_EQ(seen_in(other, value), 5);
}

TEST(RuntimeLateCopies, waiting_for_the_stream_or_the_device_is_enough) {
  NEEDS_EMULATOR();
  const Switch late("late", 1);
  const Stream other(cudaStreamNonBlocking);
  const auto value = zeroed<int>(1);
  copy(value, 6);
  CUDA_OK(cudaStreamSynchronize(nullptr));
  EXPECT_EQ(seen_in(other, value), 6);
  copy(value, 7);
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_EQ(seen_in(other, value), 7);
  copy(value, 8);
  CUDA_OK(cudaStreamQuery(nullptr));
  EXPECT_EQ(seen_in(other, value), 8);
  copy(value, 9);
  EXPECT_EQ(value.download()[0], 9);
}

TEST(RuntimeLateCopies, streams_keep_their_order) {
  NEEDS_EMULATOR();
  const Switch late("late", 1);
  const Stream first(cudaStreamNonBlocking), second(cudaStreamNonBlocking);
  const Stream blocking(cudaStreamDefault);
  const auto value = zeroed<int>(1);
  copy(value, 1);
  EXPECT_EQ(seen_in(blocking, value), 1);
  copy_in(blocking, value, 2);
  EXPECT_EQ(seen_in(first, value), kPoison);
  EXPECT_EQ(seen_in(nullptr, value), 2);
  copy_in(first, value, 3);
  EXPECT_EQ(seen_in(second, value), kPoison);
  EXPECT_EQ(seen_in(nullptr, value), kPoison);
  EXPECT_EQ(seen_in(blocking, value), kPoison);
  EXPECT_EQ(seen_in(first, value), 3);
  copy_in(first, value, 4);
  copy_in(first, value, 5);
  EXPECT_EQ(seen_in(second, value), kPoison);
  EXPECT_EQ(seen_in(first, value), 5);
}

TEST(RuntimeLateCopies, events_order_them) {
  NEEDS_EMULATOR();
  const Switch late("late", 1);
  const Stream first(cudaStreamNonBlocking), second(cudaStreamNonBlocking);
  const auto value = zeroed<int>(1);
  const Event before, after;
  CUDA_OK(cudaEventRecord(before, first));
  copy_in(first, value, 3);
  CUDA_OK(cudaEventRecord(after, first));
  CUDA_OK(cudaStreamWaitEvent(second, before, 0));
  CUDA_OK(cudaEventSynchronize(before));
  EXPECT_EQ(seen_in(second, value), kPoison);
  CUDA_OK(cudaStreamWaitEvent(second, after, 0));
  EXPECT_EQ(seen_in(second, value), 3);
  copy_in(first, value, 4);
  CUDA_OK(cudaEventRecord(after, first));
  CUDA_OK(cudaEventSynchronize(after));
  EXPECT_EQ(seen_in(second, value), 4);
}

TEST(RuntimeLateCopies, pinned_memory_is_read_before_a_synchronous_copy_returns) {
  NEEDS_EMULATOR();
  const Switch late("late", 1);
  const Stream first(cudaStreamNonBlocking), second(cudaStreamNonBlocking);
  const auto value = zeroed<int>(1);
  const Pinned source;
  *source.get() = 1;
  CUDA_OK(cudaMemcpy(value.get(), source.get(), sizeof(int), cudaMemcpyHostToDevice));
  EXPECT_EQ(seen_in(second, value), 1);
  CUDA_OK(cudaMemcpyAsync(value.get(), source.get(), sizeof(int), cudaMemcpyHostToDevice, first));
  EXPECT_EQ(seen_in(second, value), kPoison);
  *source.get() = 2;  // too early
  EXPECT_EQ(seen_in(first, value), 2);
}

TEST(RuntimeLateCopies, rows_and_symbols) {
  NEEDS_EMULATOR();
  const Switch late("late", 1);
  const Stream other(cudaStreamNonBlocking);
  const DeviceBuffer<unsigned char> bytes(std::vector<unsigned char>(8, 9));
  const unsigned char source[6] = {1, 2, 3, 4, 5, 6};
  CUDA_OK(cudaMemcpy2D(bytes.get(), 4, source, 3, 2, 2, cudaMemcpyHostToDevice));
  EXPECT_VALUES(bytes.download(), {1, 2, 9, 9, 4, 5, 9, 9});
  const Pinned seen;
  const int value = 12;
  CUDA_OK(cudaMemcpyToSymbol(late_constant, &value, sizeof value));
  look_at_constant<<<1, 1, 0, other>>>(seen.get());
  CUDA_OK(cudaStreamSynchronize(other));
  EXPECT_EQ(*seen.get(), kPoison);
  CUDA_OK(cudaDeviceSynchronize());
  look_at_constant<<<1, 1, 0, other>>>(seen.get());
  CUDA_OK(cudaStreamSynchronize(other));
  EXPECT_EQ(*seen.get(), value);
}

TEST(RuntimeLateCopies, memory_may_be_given_back_meanwhile) {
  NEEDS_EMULATOR();
  const Switch late("late", 1);
  const Stream stream(cudaStreamNonBlocking);
  {
    const DeviceBuffer<int> value(1);
    copy_in(stream, value, 3);
    copy(value, 4);
  }
  CUDA_OK(cudaDeviceSynchronize());
}

TEST(RuntimeLateCopies, arrive_at_once_in_eager_mode) {
  NEEDS_EMULATOR();
  const Switch late("late", 0);
  const Stream other(cudaStreamNonBlocking);
  const auto value = zeroed<int>(1);
  copy(value, 5);
  EXPECT_EQ(seen_in(other, value), 5);
}

}  // namespace
