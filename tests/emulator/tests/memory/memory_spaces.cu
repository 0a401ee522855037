// SPDX-License-Identifier: MIT
// State spaces: parameters, constants, module variables, shared, local, and generic pointers into
// them.
#include <cstdint>
#include <cstring>

#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

struct Nested {
  char tag;
  short small[3];
  double wide;
};
struct Parameters {
  int count;
  float factors[7];
  Nested nested[2];
  const int* table;
  unsigned char tail;
};

__global__ void read_parameters(Parameters p, char first, double* out, Parameters second) {
  const int i = threadIdx.x;
  if (i >= p.count) return;
  // The index is not known at compile time.
  out[i] = p.factors[i] + p.nested[i & 1].wide + p.nested[i & 1].small[i % 3] + p.table[i] + first +
           second.tail;
}

TEST(MemorySpaces, structs_by_value) {
  const DeviceBuffer<int> table(std::vector<int>{10, 20, 30, 40, 50, 60, 70});
  Parameters p{7,
               {1, 2, 3, 4, 5, 6, 7},
               {{'a', {1, 2, 3}, 0.5}, {'b', {-1, -2, -3}, -0.25}},
               table.get(),
               9};
  Parameters second{};
  second.tail = 200;
  const DeviceBuffer<double> out(7);
  LAUNCH(read_parameters, 1, 32, p, -3, out.get(), second);
  std::vector<double> expected;
  for (int i = 0; i < 7; ++i) {
    expected.push_back(p.factors[i] + p.nested[i & 1].wide + p.nested[i & 1].small[i % 3] +
                       10 * (i + 1) - 3 + 200);
  }
  EXPECT_VALUES(out.download(), expected);
}

__constant__ int constant_table[8] = {3, 1, 4, 1, 5, 9, 2, 6};
__constant__ Nested constant_struct = {'x', {100, -200, 300}, 2.5};
__device__ short initialised[5] = {-1, 2, -3, 4, -5};
__device__ short* into_initialised = &initialised[3];
__device__ float zero_initialised[4];
__device__ const char text[] = "wavefront";

__global__ void read_module_variables(float* out) {
  const int i = threadIdx.x;
  out[i] = constant_table[(i * 3) & 7] + constant_struct.small[i % 3] +
           float(constant_struct.wide) + initialised[i % 5] + into_initialised[-(i % 4)] +
           zero_initialised[i % 4] + text[i % 9];
}

TEST(MemorySpaces, module_variables) {
  const DeviceBuffer<float> out(32);
  LAUNCH(read_module_variables, 1, 32, out.get());
  const int table[8] = {3, 1, 4, 1, 5, 9, 2, 6};
  const short shorts[5] = {-1, 2, -3, 4, -5}, small[3] = {100, -200, 300};
  std::vector<float> expected;
  for (int i = 0; i < 32; ++i) {
    expected.push_back(table[(i * 3) & 7] + small[i % 3] + 2.5f + shorts[i % 5] +
                       shorts[3 - i % 4] + "wavefront"[i % 9]);
  }
  EXPECT_VALUES(out.download(), expected);
}

__device__ int launches_seen;

__global__ void count_launch() {
  launches_seen += 1;
}
__global__ void report_launches(int* out) {
  *out = launches_seen;
}

TEST(MemorySpaces, module_variables_live_across_launches) {
  const DeviceBuffer<int> out(1);
  LAUNCH(report_launches, 1, 1, out.get());
  const int before = out.download()[0];
  for (int i = 0; i < 3; ++i) LAUNCH(count_launch, 1, 1);
  LAUNCH(report_launches, 1, 1, out.get());
  EXPECT_EQ(out.download()[0], before + 3);
}

extern __shared__ unsigned char dynamic_shared[];

__global__ void split_dynamic_shared(int* out) {
  __shared__ int fixed[64];
  __shared__ short other[64];
  auto* doubles = reinterpret_cast<double*>(dynamic_shared);
  auto* bytes = dynamic_shared + 64 * sizeof(double);
  const int i = threadIdx.x;
  fixed[i] = 1000 * i;
  other[i] = short(-i);
  doubles[i] = i + 0.5;
  bytes[i] = static_cast<unsigned char>(200 + i % 56);
  __syncthreads();
  const int j = 63 - i;
  out[blockIdx.x * 64 + i] = fixed[j] + other[j] + int(2 * doubles[j]) + bytes[j];
}

TEST(MemorySpaces, static_and_dynamic_shared_do_not_overlap) {
  const DeviceBuffer<int> out(3 * 64);
  split_dynamic_shared<<<3, 64, 64 * 9>>>(out.get());
  CUDA_OK(cudaDeviceSynchronize());
  std::vector<int> expected;
  for (int i = 0; i < 3 * 64; ++i) {
    const int j = 63 - i % 64;
    expected.push_back(1000 * j - j + 2 * j + 1 + 200 + j % 56);
  }
  EXPECT_VALUES(out.download(), expected);
}

__global__ void histogram_in_local_array(const unsigned char* in, int* out, int count) {
  int bins[16];
  for (int i = 0; i < 16; ++i) bins[i] = 0;
  for (int i = 0; i < count; ++i) bins[in[threadIdx.x * count + i] & 15] += i;
  for (int i = 0; i < 16; ++i) out[threadIdx.x * 16 + i] = bins[i];
}

TEST(MemorySpaces, local_arrays_are_private_to_a_thread) {
  const int kThreads = 70, kCount = 20;
  std::vector<unsigned char> in;
  for (int i = 0; i < kThreads * kCount; ++i)
    in.push_back(static_cast<unsigned char>(i * 37 + i / 11));
  std::vector<int> expected(kThreads * 16);
  for (int i = 0; i < kThreads * kCount; ++i)
    expected[i / kCount * 16 + (in[i] & 15)] += i % kCount;
  const DeviceBuffer<unsigned char> device_in(in);
  const DeviceBuffer<int> out(kThreads * 16);
  LAUNCH(histogram_in_local_array, 1, kThreads, device_in.get(), out.get(), kCount);
  EXPECT_VALUES(out.download(), expected);
}

__device__ __noinline__ int sum_of(const int* values, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += values[i];
  return sum;
}

// Lanes of one warp follow generic pointers into three different spaces at once.
__global__ void follow_generic_pointers(const int* global, int* out) {
  __shared__ int shared[4];
  int local[4];
  const int i = threadIdx.x;
  if (i < 4) shared[i] = 10 * global[i];
  for (int k = 0; k < 4; ++k) local[k] = 100 * global[k] + i;
  __syncthreads();
  const int* pointer = i % 3 == 0 ? global : i % 3 == 1 ? shared : local;
  out[i] = sum_of(pointer + i % 2, 3);
  out[32 + i] = __isGlobal(pointer) + 2 * __isShared(pointer) + 4 * __isLocal(pointer);
}

TEST(MemorySpaces, generic_pointers) {
  const std::vector<int> global = {1, 2, 3, 4};
  const DeviceBuffer<int> in(global), out(64);
  LAUNCH(follow_generic_pointers, 1, 32, in.get(), out.get());
  const std::vector<int> values = out.download();
  for (int i = 0; i < 32; ++i) {
    const int base = i % 2 == 0 ? 6 : 9;
    EXPECT_EQ(values[i], i % 3 == 0 ? base : i % 3 == 1 ? 10 * base : 100 * base + 3 * i);
    EXPECT_EQ(values[32 + i], 1 << i % 3);
  }
}

__global__ void cross_spaces(int* out) {
  __shared__ int shared[2];
  shared[threadIdx.x] = 7 + threadIdx.x;
  __syncthreads();
  // Shared address -> 32-bit window offset -> asm, and back to a generic pointer.
  const auto offset = static_cast<unsigned>(__cvta_generic_to_shared(&shared[threadIdx.x]));
  int loaded;
  asm volatile("ld.shared.s32 %0, [%1];" : "=r"(loaded) : "r"(offset));
  int* back = static_cast<int*>(__cvta_shared_to_generic(offset));
  out[threadIdx.x] = loaded * 100 + *back;
}

TEST(MemorySpaces, address_conversions) {
  const DeviceBuffer<int> out(2);
  LAUNCH(cross_spaces, 1, 2, out.get());
  EXPECT_VALUES(out.download(), {707, 808});
}

__global__ void accumulate_volatile(volatile int* cell, int* out) {
  volatile int private_cell = 5;
  for (int i = 0; i < 4; ++i) {
    *cell = *cell + i;
    private_cell = private_cell * 2;
  }
  *out = private_cell;
}

TEST(MemorySpaces, volatile_accesses) {
  const DeviceBuffer<int> cell(std::vector<int>{10}), out(1);
  LAUNCH(accumulate_volatile, 1, 1, cell.get(), out.get());
  EXPECT_EQ(cell.download()[0], 16);
  EXPECT_EQ(out.download()[0], 80);
}

__global__ void read_odd_addresses(const unsigned char* bytes, unsigned* out) {
  // memcpy from an address of unknown alignment must be done byte by byte.
  unsigned word;
  memcpy(&word, bytes + 1 + 3 * threadIdx.x, 4);
  out[threadIdx.x] = word;
}

TEST(MemorySpaces, bytewise_copies_at_odd_addresses) {
  std::vector<unsigned char> bytes;
  for (int i = 0; i < 40; ++i) bytes.push_back(static_cast<unsigned char>(i * 19));
  const DeviceBuffer<unsigned char> in(bytes);
  const DeviceBuffer<unsigned> out(8);
  LAUNCH(read_odd_addresses, 1, 8, in.get(), out.get());
  std::vector<unsigned> expected(8);
  for (int i = 0; i < 8; ++i) std::memcpy(&expected[i], &bytes[1 + 3 * i], 4);
  EXPECT_VALUES(out.download(), expected);
}

}  // namespace
