// SPDX-License-Identifier: MIT
// Global-memory sectors of 32 bytes, per warp instruction and distinct per launch.
#include "../support/counting.cuh"

using namespace cuemu_tests;

namespace {

template <class T>
__global__ void load_strided(T* out, const T* in, int stride) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = in[i * stride];
}
template <class T>
__global__ void store_strided(T* out, int stride) {
  out[(blockIdx.x * blockDim.x + threadIdx.x) * stride] = T{};
}

struct Traffic {
  uint64_t instructions, bytes, sectors, ideal_sectors, unique_bytes;
};
void expect_traffic(const char* file, int line, const cuemu_global_traffic& actual,
                    const Traffic& expected) {
  expect_equal(file, line, "instructions", actual.instructions, expected.instructions);
  expect_equal(file, line, "bytes", actual.bytes, expected.bytes);
  expect_equal(file, line, "sectors", actual.sectors, expected.sectors);
  expect_equal(file, line, "ideal_sectors", actual.ideal_sectors, expected.ideal_sectors);
  expect_equal(file, line, "unique_bytes", actual.unique_bytes, expected.unique_bytes);
}
#define EXPECT_TRAFFIC(actual, ...) expect_traffic(__FILE__, __LINE__, actual, Traffic{__VA_ARGS__})

template <class T>
cuemu_global_traffic loads(const T* from, int stride, int blocks, int threads) {
  const DeviceBuffer<T> out(blocks * threads);
  return count([&] { load_strided<T><<<blocks, threads>>>(out.get(), from, stride); }).global_load;
}
template <class T>
cuemu_global_traffic stores(T* to, int stride, int blocks, int threads) {
  const auto counters = count([&] { store_strided<T><<<blocks, threads>>>(to, stride); });
  EXPECT_EQ(counters.global_load.instructions, 0u);
  return counters.global_store;
}

TEST(CountersGlobal, loads_of_floats) {
  NEEDS_EMULATOR();
  const auto in = zeroed<float>(4096);
  const float* p = in.get();
  EXPECT_TRAFFIC(loads(p, 1, 1, 32), 1, 128, 4, 4, 128);      // coalesced
  EXPECT_TRAFFIC(loads(p + 1, 1, 1, 32), 1, 128, 5, 4, 160);  // misaligned by 4 bytes
  EXPECT_TRAFFIC(loads(p + 8, 1, 1, 32), 1, 128, 4, 4, 128);  // by a whole sector
  EXPECT_TRAFFIC(loads(p, 2, 1, 32), 1, 128, 8, 4, 256);      // every other float
  EXPECT_TRAFFIC(loads(p, 8, 1, 32), 1, 128, 32, 4, 1024);    // a sector for each lane
  EXPECT_TRAFFIC(loads(p, 16, 1, 32), 1, 128, 32, 4, 1024);   // and one between each two
  EXPECT_TRAFFIC(loads(p, 100, 1, 32), 1, 128, 32, 4, 1024);
  EXPECT_TRAFFIC(loads(p, 0, 1, 32), 1, 128, 1, 1, 32);  // broadcast: 4 distinct bytes
  EXPECT_TRAFFIC(loads(p, 1, 1, 8), 1, 32, 1, 1, 32);    // 8 active lanes
  EXPECT_TRAFFIC(loads(p, 1, 1, 9), 1, 36, 2, 2, 64);
  EXPECT_TRAFFIC(loads(p, 1, 2, 64), 4, 512, 16, 16, 512);  // four warps
  EXPECT_TRAFFIC(loads(p, 0, 2, 64), 4, 512, 4, 4, 32);     // four warps, one sector
}

TEST(CountersGlobal, loads_of_other_widths) {
  NEEDS_EMULATOR();
  const auto bytes = zeroed<unsigned char>(1024);
  const auto vectors = zeroed<float4>(256);
  const auto doubles = zeroed<double>(256);
  EXPECT_TRAFFIC(loads(bytes.get(), 1, 1, 32), 1, 32, 1, 1, 32);
  EXPECT_TRAFFIC(loads(bytes.get() + 5, 1, 1, 32), 1, 32, 2, 1, 64);
  EXPECT_TRAFFIC(loads(bytes.get(), 32, 1, 32), 1, 32, 32, 1, 1024);
  EXPECT_TRAFFIC(loads(doubles.get(), 1, 1, 32), 1, 256, 8, 8, 256);
  EXPECT_TRAFFIC(loads(vectors.get(), 1, 1, 32), 1, 512, 16, 16, 512);
  EXPECT_TRAFFIC(loads(vectors.get() + 1, 1, 1, 32), 1, 512, 17, 16, 544);
  EXPECT_TRAFFIC(loads(vectors.get(), 2, 1, 32), 1, 512, 32, 16, 1024);
}

TEST(CountersGlobal, stores) {
  NEEDS_EMULATOR();
  const auto out = zeroed<float>(4096);
  EXPECT_TRAFFIC(stores(out.get(), 1, 1, 32), 1, 128, 4, 4, 128);
  EXPECT_TRAFFIC(stores(out.get() + 7, 1, 1, 32), 1, 128, 5, 4, 160);
  EXPECT_TRAFFIC(stores(out.get(), 3, 1, 32), 1, 128, 12, 4, 384);
  EXPECT_TRAFFIC(stores(out.get(), 1, 3, 96), 9, 1152, 36, 36, 1152);
  const auto vectors = zeroed<float2>(64);
  EXPECT_TRAFFIC(stores(vectors.get(), 1, 1, 64), 2, 512, 16, 16, 512);
}

TEST(CountersGlobal, unique_bytes_are_distinct_per_launch) {
  NEEDS_EMULATOR();
  const auto in = zeroed<float>(256), out = zeroed<float>(128);
  const auto counters = count([&] {
    for (int i = 0; i < 3; ++i) load_strided<float><<<2, 64>>>(out.get(), in.get(), 0);
    load_strided<float><<<2, 64>>>(out.get(), in.get(), 1);
  });
  EXPECT_EQ(counters.global_load.unique_bytes, 3u * 32 + 512);
  EXPECT_EQ(counters.launches, 4u);
}

__global__ void load_twice(float* out, const float* in) {
  const volatile float* again = in;
  const float sum = again[threadIdx.x] + again[threadIdx.x] + again[64 + threadIdx.x];
  if (sum < 0) *out = sum;
}

TEST(CountersGlobal, a_sector_read_twice_counts_twice_but_is_unique_once) {
  NEEDS_EMULATOR();
  const auto in = zeroed<float>(96);
  const auto counters = count([&] { load_twice<<<1, 32>>>(nullptr, in.get()); });
  EXPECT_TRAFFIC(counters.global_load, 3, 384, 12, 12, 256);
}

__global__ void copy_through_shared(float4* out, const float4* in) {
  __shared__ float4 tile[64];
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(&tile[threadIdx.x]));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(in + threadIdx.x)
               : "memory");
  asm volatile("cp.async.wait_all;" ::: "memory");
  out[threadIdx.x] = tile[threadIdx.x];
}

TEST(CountersGlobal, asynchronous_copies_are_loads) {
  NEEDS_EMULATOR();
  const auto in = zeroed<float4>(65), out = zeroed<float4>(64);
  const auto counters = count([&] { copy_through_shared<<<1, 64>>>(out.get(), in.get() + 1); });
  EXPECT_TRAFFIC(counters.global_load, 2, 1024, 34, 32, 33 * 32);
  EXPECT_TRAFFIC(counters.global_store, 2, 1024, 32, 32, 1024);
}

__constant__ float coefficients[32];

__global__ void read_other_spaces(float factor) {
  __shared__ float tile[32];
  tile[threadIdx.x] = factor * coefficients[threadIdx.x];
  __syncwarp();
  asm volatile("" ::"f"(tile[31 - threadIdx.x]));
}

TEST(CountersGlobal, parameters_and_constants_are_no_global_traffic) {
  NEEDS_EMULATOR();
  const auto counters = count([&] { read_other_spaces<<<1, 32>>>(2.0f); });
  EXPECT_EQ(counters.global_load.instructions, 0u);
  EXPECT_EQ(counters.global_store.instructions, 0u);
}

}  // namespace
