// SPDX-License-Identifier: MIT
// Reads of uninitialised shared memory, races between warps, and waits for too few asynchronous
// copies.
#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

constexpr int kUninitialisedLine = __LINE__ + 5;
__global__ void read_what_nobody_wrote(int* out, int written) {
  __shared__ int tile[64];
  if (static_cast<int>(threadIdx.x) < written) tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];
}

TEST(FaultsRaces, uninitialised_shared_memory) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(64);
  {
    const Switch off("uninit", 0);
    LAUNCH(read_what_nobody_wrote, 1, 64, out.get(), 63);
  }
  const Switch on("uninit", 1);
  LAUNCH(read_what_nobody_wrote, 1, 64, out.get(), 64);
  read_what_nobody_wrote<<<1, 64>>>(out.get(), 63);
  const std::string text =
      EXPECT_FAULT({"uninitialised-read"}, "read_what_nobody_wrote", {kUninitialisedLine});
  EXPECT_TRUE(text.find("thread (0,0,0)") != std::string::npos, text);
}

TEST(FaultsRaces, shared_memory_is_uninitialised_again_in_the_next_block) {
  NEEDS_EMULATOR();
  const Switch on("uninit", 1);
  const auto out = zeroed<int>(64);
  LAUNCH(read_what_nobody_wrote, 50, 64, out.get(), 64);
  read_what_nobody_wrote<<<1, 64>>>(out.get(), 0);
  EXPECT_FAULT({"uninitialised-read"}, "read_what_nobody_wrote", {kUninitialisedLine});
}

// Either of the two conflicting statements may be the one at which the race is seen.
constexpr int kRacingWrite = __LINE__ + 5, kRacingRead = kRacingWrite + 2;
__global__ void missing_barrier(int* out, bool with_barrier) {
  __shared__ int tile[64];
  tile[threadIdx.x] = 0;
  __syncthreads();
  if (threadIdx.x < 32) tile[threadIdx.x] = 5;
  if (with_barrier) __syncthreads();
  if (threadIdx.x >= 32) out[threadIdx.x] = tile[threadIdx.x - 32];
}

TEST(FaultsRaces, write_and_read_without_a_barrier) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(64);
  {
    const Switch off("race", 0);
    LAUNCH(missing_barrier, 1, 64, out.get(), false);
  }
  const Switch on("race", 1);
  LAUNCH(missing_barrier, 1, 64, out.get(), true);
  missing_barrier<<<1, 64>>>(out.get(), false);
  EXPECT_FAULT({"race"}, "missing_barrier", {kRacingWrite, kRacingRead});
}

constexpr int kBothWriteLine = __LINE__ + 3;
__global__ void two_warps_write(int* out) {
  __shared__ int tile[32];
  tile[threadIdx.x % 32] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x % 32];
}

// Where lanes fill lines together, the one that touches the byte is named.
// (The warp that completes a barrier goes on first.)
constexpr int kAllReadLine = __LINE__ + 6;
__global__ void one_lane_writes_all_read(int* out, int writer) {
  __shared__ int tile[32];
  if (threadIdx.x < 32) tile[threadIdx.x] = 0;
  __syncthreads();
  if (static_cast<int>(threadIdx.x) == writer) tile[writer % 32] = 5;
  if (threadIdx.x < 32) out[threadIdx.x] = tile[threadIdx.x];
}

TEST(FaultsRaces, the_lane_of_a_line_is_named) {
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  const auto out = zeroed<int>(64);
  LAUNCH(one_lane_writes_all_read, 1, 64, out.get(), -1);
  one_lane_writes_all_read<<<1, 64>>>(out.get(), 53);
  const std::string text = EXPECT_FAULT({"race"}, "one_lane_writes_all_read", {kAllReadLine});
  EXPECT_TRUE(text.find("thread (21,0,0)") != std::string::npos, text);
  EXPECT_TRUE(text.find("shared byte 84 ") != std::string::npos, text);
}

TEST(FaultsRaces, two_writes_without_a_barrier) {
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  const auto out = zeroed<int>(64);
  LAUNCH(two_warps_write, 1, 32, out.get());
  two_warps_write<<<1, 64>>>(out.get());
  EXPECT_FAULT({"race"}, "two_warps_write", {kBothWriteLine});
}

// The usual mistake in a loop over tiles: the next tile is stored while slow warps still read the
// last one.
constexpr int kLoopWrite = __LINE__ + 5, kLoopRead = kLoopWrite + 2;
__global__ void one_barrier_per_tile(int* out, const int* in, int tiles, bool second_barrier) {
  __shared__ int tile[64];
  int sum = 0;
  for (int t = 0; t < tiles; ++t) {
    tile[threadIdx.x] = in[t * 64 + threadIdx.x];
    __syncthreads();
    sum += tile[63 - threadIdx.x];
    if (second_barrier) __syncthreads();
  }
  out[threadIdx.x] = sum;
}

TEST(FaultsRaces, overwriting_a_tile_that_is_still_read) {
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  const auto in = zeroed<int>(3 * 64), out = zeroed<int>(64);
  LAUNCH(one_barrier_per_tile, 1, 64, out.get(), in.get(), 3, true);
  LAUNCH(one_barrier_per_tile, 1, 64, out.get(), in.get(), 1, false);
  one_barrier_per_tile<<<1, 64>>>(out.get(), in.get(), 3, false);
  EXPECT_FAULT({"race"}, "one_barrier_per_tile", {kLoopWrite, kLoopRead});
}

__global__ void harmless_sharing(int* out) {
  __shared__ int total, tile[64];
  if (threadIdx.x == 0) total = 0;
  tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  atomicAdd(&total, tile[7]);  // atomics do not race with one another, nor do reads
  __syncthreads();
  out[threadIdx.x] = total;
}

TEST(FaultsRaces, atomics_and_common_reads_do_not_race) {
  const Switch races("race", 1), uninitialised("uninit", 1);
  const auto out = zeroed<int>(64);
  LAUNCH(harmless_sharing, 2, 64, out.get());
  EXPECT_EQ(out.download()[63], 7 * 64);
}

constexpr int kAsyncCopyLine = __LINE__ + 3;
__device__ void copy_async(int* to, const int* from) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(address), "l"(from) : "memory");
}

// Waiting makes a thread's own copies visible to it; for those of other warps a barrier is needed
// as well.
constexpr int kUnorderedRead = __LINE__ + 8;
__global__ void copy_without_barrier(int* out, const int* in, bool with_barrier) {
  __shared__ int tile[64];
  tile[threadIdx.x] = 0;
  __syncthreads();
  if (threadIdx.x < 32) copy_async(&tile[threadIdx.x], in + threadIdx.x);
  asm volatile("cp.async.wait_all;" ::: "memory");
  if (with_barrier) __syncthreads();
  if (threadIdx.x >= 32) out[threadIdx.x] = tile[threadIdx.x - 32];
}

TEST(FaultsRaces, asynchronous_copy_without_a_barrier) {
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  const auto in = zeroed<int>(32), out = zeroed<int>(64);
  LAUNCH(copy_without_barrier, 1, 64, out.get(), in.get(), true);
  copy_without_barrier<<<1, 64>>>(out.get(), in.get(), false);
  EXPECT_FAULT({"race"}, "copy_without_barrier", {kAsyncCopyLine, kUnorderedRead});
}

// The barrier must come after the wait: before it, the copies of other warps may still be on their
// way.
constexpr int kReadAfterBarrier = __LINE__ + 7;
__global__ void barrier_before_wait(int* out, const int* in, bool barrier_after_wait) {
  __shared__ int tile[64];
  copy_async(&tile[threadIdx.x], in + threadIdx.x);
  if (!barrier_after_wait) __syncthreads();
  asm volatile("cp.async.wait_all;" ::: "memory");
  if (barrier_after_wait) __syncthreads();
  out[threadIdx.x] = tile[63 - threadIdx.x];
}

TEST(FaultsRaces, barrier_on_the_wrong_side_of_the_wait) {
  NEEDS_EMULATOR();
  const Switch late("late", 1), races("race", 1), uninitialised("uninit", 1);
  const auto in = zeroed<int>(64), out = zeroed<int>(64);
  LAUNCH(barrier_before_wait, 1, 64, out.get(), in.get(), true);
  barrier_before_wait<<<1, 64>>>(out.get(), in.get(), false);
  EXPECT_FAULT({"race", "uninitialised-read"}, "barrier_before_wait",
               {kReadAfterBarrier, kAsyncCopyLine});
}

// A copy into a buffer that other warps still read: the pipeline has one stage too few, or lacks a
// barrier.
constexpr int kOldRead = __LINE__ + 5;
__global__ void refill_without_barrier(int* out, const int* in, bool with_barrier) {
  __shared__ int tile[64];
  tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  const int old = tile[63 - threadIdx.x];
  if (with_barrier) __syncthreads();
  copy_async(&tile[threadIdx.x], in + threadIdx.x);
  asm volatile("cp.async.wait_all;" ::: "memory");
  __syncthreads();
  out[threadIdx.x] = old + tile[63 - threadIdx.x];
}

TEST(FaultsRaces, refilling_a_buffer_that_is_still_read) {
  NEEDS_EMULATOR();
  const auto in = zeroed<int>(64), out = zeroed<int>(64);
  for (int late = 0; late < 2; ++late) {
    const Switch mode("late", late), races("race", 1);
    LAUNCH(refill_without_barrier, 1, 64, out.get(), in.get(), true);
    refill_without_barrier<<<1, 64>>>(out.get(), in.get(), false);
    EXPECT_FAULT({"race"}, "refill_without_barrier", {kAsyncCopyLine, kOldRead});
  }
}

constexpr int kMatrixRead = __LINE__ + 7;
__global__ void load_matrix_of_other_warp(unsigned* out, int words, bool with_barrier) {
  __shared__ alignas(16) unsigned tile[64];
  if (static_cast<int>(threadIdx.x) < words) tile[threadIdx.x] = threadIdx.x;
  if (with_barrier) __syncthreads();
  const unsigned* from = tile + 32 * (1 - threadIdx.x / 32) + threadIdx.x % 8 * 4;
  unsigned value, row = static_cast<unsigned>(__cvta_generic_to_shared(from));
  asm("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(value) : "r"(row) : "memory");
  out[threadIdx.x] = value;
}

TEST(FaultsRaces, matrix_loads_are_checked_too) {
  NEEDS_EMULATOR();
  const auto out = zeroed<unsigned>(64);
  const Switch races("race", 1), uninitialised("uninit", 1);
  LAUNCH(load_matrix_of_other_warp, 1, 64, out.get(), 64, true);
  load_matrix_of_other_warp<<<1, 64>>>(out.get(), 63, true);
  EXPECT_FAULT({"uninitialised-read"}, "load_matrix_of_other_warp", {kMatrixRead});
  const Switch no_uninitialised("uninit", 0);
  load_matrix_of_other_warp<<<1, 64>>>(out.get(), 64, false);
  EXPECT_FAULT({"race"}, "load_matrix_of_other_warp", {kMatrixRead, kMatrixRead - 4});
}

// Three groups in flight; the kernel must leave one pending to have two tiles, and leaves
// `kPending`.
constexpr int kEarlyRead = __LINE__ + 9;
template <int kPending>
__global__ void read_second_of_three(int* out, const int* in) {
  __shared__ int tiles[3][32];
  for (int t = 0; t < 3; ++t) {
    copy_async(&tiles[t][threadIdx.x], in + 32 * t + threadIdx.x);
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
  out[threadIdx.x] = tiles[1][threadIdx.x];
  asm volatile("cp.async.wait_all;" ::: "memory");
}

TEST(FaultsRaces, waiting_for_one_group_too_few) {
  NEEDS_EMULATOR();
  std::vector<int> values;
  for (int i = 0; i < 96; ++i) values.push_back(1000 + i);
  const std::vector<int> second(values.begin() + 32, values.begin() + 64);
  const DeviceBuffer<int> in(values);
  const auto out = zeroed<int>(32);
  const Switch late("late", 1);
  LAUNCH(read_second_of_three<1>, 1, 32, out.get(), in.get());
  EXPECT_VALUES(out.download(), second);
  {
    // Unchecked, the copy that is still under way shows as wrong values, in every lane.
    const Switch no_races("race", 0), no_uninitialised("uninit", 0);
    LAUNCH(read_second_of_three<2>, 1, 32, out.get(), in.get());
    const std::vector<int> seen = out.download();
    for (int i = 0; i < 32; ++i) EXPECT_TRUE(seen[i] != second[i], "lane " + std::to_string(i));
    // Eager landing hides the mistake: that is why late is the default.
    const Switch eager("late", 0);
    LAUNCH(read_second_of_three<2>, 1, 32, out.get(), in.get());
    EXPECT_VALUES(out.download(), second);
  }
  // Checked, the read itself is the fault.
  const Switch races("race", 1), uninitialised("uninit", 1);
  read_second_of_three<2><<<1, 32>>>(out.get(), in.get());
  EXPECT_FAULT({"uninitialised-read", "race"}, "read_second_of_three", {kEarlyRead});
}

}  // namespace
