// SPDX-License-Identifier: MIT
// cp.async: sizes, zero fill, groups and waits. Data is read only after a sufficient wait, so that
// late and eager landing must give the same values.
#include <cuda_pipeline_primitives.h>

#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

__device__ unsigned shared_address(const void* pointer) {
  return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}
__device__ void commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int kPending>
__device__ void wait_group() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}
__device__ void wait_all() {
  asm volatile("cp.async.wait_all;" ::: "memory");
}

enum class Copy { kCached4, kCached8, kCached16, kGlobal16, kPrefetching16 };

template <Copy kCopy>
__device__ void copy_async(unsigned to, const void* from) {
  if constexpr (kCopy == Copy::kCached4) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(to), "l"(from) : "memory");
  } else if constexpr (kCopy == Copy::kCached8) {
    asm volatile("cp.async.ca.shared::cta.global [%0], [%1], 8;" ::"r"(to), "l"(from) : "memory");
  } else if constexpr (kCopy == Copy::kCached16) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
  } else if constexpr (kCopy == Copy::kGlobal16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
  } else {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(to), "l"(from)
                 : "memory");
  }
}
template <Copy kCopy>
constexpr int kBytesOf = kCopy == Copy::kCached4   ? 4
                         : kCopy == Copy::kCached8 ? 8
                                                   : 16;

template <Copy kCopy>
__global__ void copy_and_reverse(unsigned char* out, const unsigned char* in) {
  constexpr int kBytes = kBytesOf<kCopy>;
  __shared__ alignas(16) unsigned char buffer[64 * kBytes];
  copy_async<kCopy>(shared_address(buffer + kBytes * threadIdx.x), in + kBytes * threadIdx.x);
  wait_all();
  __syncthreads();
  for (int k = 0; k < kBytes; ++k)
    out[threadIdx.x * kBytes + k] = buffer[64 * kBytes - 1 - threadIdx.x * kBytes - k];
}

template <Copy kCopy>
void expect_reversed(const char* file, int line) {
  std::vector<unsigned char> values;
  for (int i = 0; i < 64 * kBytesOf<kCopy>; ++i)
    values.push_back(static_cast<unsigned char>(i * 7 + i / 256));
  const DeviceBuffer<unsigned char> in(values), out(values.size());
  copy_and_reverse<kCopy><<<1, 64>>>(out.get(), in.get());
  expect_success(file, line, "copy_and_reverse", cudaDeviceSynchronize());
  expect_values(file, line, out.download(),
                std::vector<unsigned char>(values.rbegin(), values.rend()));
}

TEST(AsyncCopy, every_size_and_cache_operator) {
  expect_reversed<Copy::kCached4>(__FILE__, __LINE__);
  expect_reversed<Copy::kCached8>(__FILE__, __LINE__);
  expect_reversed<Copy::kCached16>(__FILE__, __LINE__);
  expect_reversed<Copy::kGlobal16>(__FILE__, __LINE__);
  expect_reversed<Copy::kPrefetching16>(__FILE__, __LINE__);
}

// Lane i copies i % 17 bytes of 16; the source of the last lanes is not even a valid address, as
// they copy nothing.
__global__ void copy_part(unsigned char* out, const unsigned char* in) {
  __shared__ alignas(16) unsigned char buffer[32 * 16];
  const unsigned size = threadIdx.x % 17;
  const unsigned char* from = size == 0 ? nullptr : in + 16 * threadIdx.x;
  for (int k = 0; k < 16; ++k) buffer[16 * threadIdx.x + k] = 0xcc;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                   shared_address(buffer + 16 * threadIdx.x)),
               "l"(from), "r"(size)
               : "memory");
  wait_all();
  for (int k = 0; k < 16; ++k) out[16 * threadIdx.x + k] = buffer[16 * threadIdx.x + k];
}

TEST(AsyncCopy, source_size_fills_the_rest_with_zeros) {
  std::vector<unsigned char> values, expected;
  for (int i = 0; i < 32 * 16; ++i) {
    values.push_back(static_cast<unsigned char>(1 + i % 255));
    expected.push_back(i % 16 < i / 16 % 17 ? values[i] : 0);
  }
  const DeviceBuffer<unsigned char> in(values), out(values.size());
  LAUNCH(copy_part, 1, 32, out.get(), in.get());
  EXPECT_VALUES(out.download(), expected);
}

__global__ void copy_if(unsigned* out, const unsigned* in) {
  __shared__ unsigned buffer[64];
  const unsigned i = threadIdx.x;
  asm volatile(
      "{.reg .pred p;\n setp.lt.u32 p, %2, 10;\n cp.async.ca.shared.global [%0], [%1], 4, p;\n}" ::
          "r"(shared_address(buffer + i)),
      "l"(in + i), "r"(i)
      : "memory");
  buffer[32 + i] = 7;
  asm volatile(
      "{.reg .pred p;\n setp.lt.u32 p, %2, 20;\n @p cp.async.ca.shared.global [%0], [%1], 4, "
      "4;\n}" ::"r"(shared_address(buffer + 32 + i)),
      "l"(in + i), "r"(i)
      : "memory");
  wait_all();
  out[i] = buffer[i] * 1000 + buffer[32 + i];
}

TEST(AsyncCopy, ignored_source_and_guard) {
  std::vector<unsigned> values, expected;
  for (unsigned i = 0; i < 32; ++i) {
    values.push_back(100 + i);
    expected.push_back((i < 10 ? 0 : values[i]) * 1000 + (i < 20 ? values[i] : 7));
  }
  const DeviceBuffer<unsigned> in(values), out(32);
  LAUNCH(copy_if, 1, 32, out.get(), in.get());
  EXPECT_VALUES(out.download(), expected);
}

// The pipeline of a tiled kernel: kStages - 1 tiles in flight, a group for each tile, empty groups
// at the end.
template <int kStages>
__global__ void sum_tiles(unsigned* out, const unsigned* in, int tiles) {
  __shared__ unsigned buffers[kStages][64];
  const int i = threadIdx.x;
  const auto fetch = [&](int tile) {
    if (tile < tiles)
      copy_async<Copy::kCached4>(shared_address(&buffers[tile % kStages][i]), in + tile * 64 + i);
    commit();
  };
  for (int tile = 0; tile < kStages - 1; ++tile) fetch(tile);
  unsigned sum = 0;
  for (int tile = 0; tile < tiles; ++tile) {
    wait_group<kStages - 2>();
    __syncthreads();
    sum = sum * 5 + buffers[tile % kStages][63 - i];
    fetch(tile + kStages - 1);
  }
  out[i] = sum;
}

template <int kStages>
void expect_tile_sums(const char* file, int line) {
  for (int tiles : {1, 2, 7, 20}) {
    std::vector<unsigned> values, expected(64);
    for (int i = 0; i < tiles * 64; ++i) values.push_back(i * 31 % 257);
    for (int tile = 0; tile < tiles; ++tile) {
      for (int i = 0; i < 64; ++i) {
        expected[i] = expected[i] * 5 + values[tile * 64 + 63 - i];
      }
    }
    const DeviceBuffer<unsigned> in(values), out(64);
    sum_tiles<kStages><<<1, 64>>>(out.get(), in.get(), tiles);
    expect_success(file, line, "sum_tiles", cudaDeviceSynchronize());
    expect_values(file, line, out.download(), expected);
  }
}

TEST(AsyncCopy, pipelines_of_two_to_five_stages) {
  expect_tile_sums<2>(__FILE__, __LINE__);
  expect_tile_sums<3>(__FILE__, __LINE__);
  expect_tile_sums<4>(__FILE__, __LINE__);
  expect_tile_sums<5>(__FILE__, __LINE__);
}

// wait_group N leaves the N youngest groups pending: each wait makes one older group visible.
__global__ void wait_in_steps(int* out, const int* in) {
  __shared__ int buffer[4];
  for (int k = 0; k < 4; ++k) {
    copy_async<Copy::kCached4>(shared_address(&buffer[k]), in + k);
    commit();
  }
  wait_group<3>();
  out[0] = buffer[0];
  wait_group<2>();
  out[1] = buffer[1];
  wait_group<0>();
  out[2] = buffer[2];
  out[3] = buffer[3];
}

TEST(AsyncCopy, waits_in_depth) {
  const DeviceBuffer<int> in(std::vector<int>{11, 22, 33, 44}), out(4);
  LAUNCH(wait_in_steps, 1, 1, out.get(), in.get());
  EXPECT_VALUES(out.download(), {11, 22, 33, 44});
}

// Copies that were not committed belong to no group; wait_all takes them too.
__global__ void wait_without_commit(int* out, const int* in) {
  __shared__ int buffer[2];
  copy_async<Copy::kCached4>(shared_address(&buffer[0]), in);
  commit();
  copy_async<Copy::kCached4>(shared_address(&buffer[1]), in + 1);
  wait_group<0>();
  out[0] = buffer[0];
  wait_all();
  out[1] = buffer[1];
}

TEST(AsyncCopy, wait_all_needs_no_commit) {
  const DeviceBuffer<int> in(std::vector<int>{5, 6}), out(2);
  LAUNCH(wait_without_commit, 1, 1, out.get(), in.get());
  EXPECT_VALUES(out.download(), {5, 6});
}

// Groups belong to a thread: lanes of one warp may have different numbers of them.
__global__ void groups_per_thread(int* out, const int* in) {
  __shared__ int buffer[32][4];
  const int lane = threadIdx.x, copies = 1 + lane % 4;
  for (int k = 0; k < copies; ++k) {
    copy_async<Copy::kCached4>(shared_address(&buffer[lane][k]), in + lane + k);
    commit();
  }
  wait_group<0>();
  int sum = 0;
  for (int k = 0; k < copies; ++k) sum += buffer[lane][k];
  out[lane] = sum;
}

TEST(AsyncCopy, lanes_with_different_numbers_of_groups) {
  std::vector<int> values, expected;
  for (int i = 0; i < 36; ++i) values.push_back(1 << i % 20);
  for (int lane = 0; lane < 32; ++lane) {
    expected.push_back(0);
    for (int k = 0; k <= lane % 4; ++k) expected[lane] += values[lane + k];
  }
  const DeviceBuffer<int> in(values), out(32);
  LAUNCH(groups_per_thread, 1, 32, out.get(), in.get());
  EXPECT_VALUES(out.download(), expected);
}

__global__ void copy_with_primitives(float4* out, const float4* in, int count) {
  __shared__ float4 buffer[2][32];
  const int i = threadIdx.x;
  for (int stage = 0; stage < 2; ++stage) {
    const bool inside = stage * 32 + i < count;
    __pipeline_memcpy_async(&buffer[stage][i], inside ? &in[stage * 32 + i] : in, 16,
                            inside ? 0 : 16);
    __pipeline_commit();
  }
  __pipeline_wait_prior(1);
  __syncthreads();
  out[i] = buffer[0][31 - i];
  __pipeline_wait_prior(0);
  __syncthreads();
  out[32 + i] = buffer[1][31 - i];
}

TEST(AsyncCopy, pipeline_primitives) {
  const int kCount = 45;
  std::vector<float> values, expected(64 * 4);
  for (int i = 0; i < kCount * 4; ++i) values.push_back(i + 0.5f);
  for (int i = 0; i < 64; ++i) {
    const int from = i / 32 * 32 + 31 - i % 32;
    for (int k = 0; k < 4 && from < kCount; ++k) expected[i * 4 + k] = values[from * 4 + k];
  }
  const DeviceBuffer<float> in(values), out(expected.size());
  LAUNCH(copy_with_primitives, 1, 32, reinterpret_cast<float4*>(out.get()),
         reinterpret_cast<const float4*>(in.get()), kCount);
  EXPECT_VALUES(out.download(), expected);
}

}  // namespace
