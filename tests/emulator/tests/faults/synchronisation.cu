// SPDX-License-Identifier: MIT
// Barriers that not all threads reach, and waits that never end.
#include "../support/counting.cuh"
#include "../support/faults.hpp"

using namespace cuemu_tests;

namespace {

constexpr int kHalfWarpLine = __LINE__ + 3;
__global__ void barrier_in_half_a_warp(int* out) {
  if (threadIdx.x % 32 < 16) {
    __syncthreads();
    out[threadIdx.x] = 1;
  }
  __syncthreads();
  out[threadIdx.x] += 1;
}

TEST(FaultsSynchronisation, half_of_a_warp_at_a_barrier) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(64);
  barrier_in_half_a_warp<<<1, 64>>>(out.get());
  EXPECT_FAULT({"divergent-barrier"}, "barrier_in_half_a_warp", {kHalfWarpLine, kHalfWarpLine + 3});
}

constexpr int kUpperLine = __LINE__ + 4, kLowerLine = kUpperLine + 3;
__global__ void different_barriers_in_a_warp(int* out) {
  out[threadIdx.x] = 1;
  if (threadIdx.x < 7) {
    asm volatile("bar.sync 1, 32;" ::: "memory");
    out[threadIdx.x] = 2;
  } else {
    asm volatile("bar.sync 2, 32;" ::: "memory");
    out[threadIdx.x] = 3;
  }
}

TEST(FaultsSynchronisation, lanes_of_a_warp_at_different_barriers) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(32);
  different_barriers_in_a_warp<<<1, 32>>>(out.get());
  EXPECT_FAULT({"divergent-barrier"}, "different_barriers_in_a_warp", {kUpperLine, kLowerLine});
}

constexpr int kNamedLine = __LINE__ + 4, kAllLine = __LINE__ + 6;
__global__ void barrier_with_a_missing_warp(int* out) {
  if (threadIdx.x < 32) {
    // The count says two warps; the other one waits elsewhere.
    asm volatile("bar.sync 1, 64;" ::: "memory");
  }
  __syncthreads();
  out[threadIdx.x] = 1;
}

TEST(FaultsSynchronisation, barrier_that_a_warp_never_reaches) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(64);
  barrier_with_a_missing_warp<<<1, 64>>>(out.get());
  EXPECT_FAULT({"deadlock"}, "barrier_with_a_missing_warp", {kNamedLine, kAllLine});
}

constexpr int kShortBarrierLine = __LINE__ + 3;
__global__ void barrier_with_too_large_a_count(int* out) {
  out[threadIdx.x] = 1;
  asm volatile("bar.sync 3, 128;" ::: "memory");
  out[threadIdx.x] = 2;
}

TEST(FaultsSynchronisation, barrier_for_more_threads_than_there_are) {
  NEEDS_EMULATOR();
  const auto out = zeroed<int>(64);
  barrier_with_too_large_a_count<<<1, 64>>>(out.get());
  EXPECT_FAULT({"deadlock"}, "barrier_with_too_large_a_count", {kShortBarrierLine});
}

constexpr int kSpinLine = __LINE__ + 2;
__global__ void wait_for_flag(volatile int* flag, int* out) {
  while (*flag == 0) {
  }
  out[0] = 1;
}

TEST(FaultsSynchronisation, flag_that_nobody_sets) {
  NEEDS_EMULATOR();
  const auto flag = zeroed<int>(1), out = zeroed<int>(1);
  wait_for_flag<<<2, 32>>>(flag.get(), out.get());
  EXPECT_FAULT({"deadlock"}, "wait_for_flag", {kSpinLine});
  EXPECT_EQ(out.download()[0], 0);
}

constexpr int kBusyLine = __LINE__ + 2;
__global__ void wait_while_writing(volatile int* flag, volatile int* out) {
  while (*flag == 0) *out = 1;
}

TEST(FaultsSynchronisation, writing_the_same_again_is_waiting_too) {
  NEEDS_EMULATOR();
  const auto flag = zeroed<int>(1), out = zeroed<int>(1);
  wait_while_writing<<<1, 32>>>(flag.get(), out.get());
  EXPECT_FAULT({"deadlock"}, "wait_while_writing", {kBusyLine});
}

TEST(FaultsSynchronisation, flag_that_is_set_lets_the_kernel_end) {
  const DeviceBuffer<int> flag(std::vector<int>{1});
  const auto out = zeroed<int>(1);
  LAUNCH(wait_for_flag, 2, 32, flag.get(), out.get());
  EXPECT_EQ(out.download()[0], 1);
}

// A warp waits for a flag in shared memory that the other warp sets only after a barrier which the
// first never reaches.
constexpr int kWaitLine = __LINE__ + 7, kBarrierLine = __LINE__ + 10;
__global__ void wait_across_a_barrier(int* out) {
  __shared__ int flag;
  if (threadIdx.x == 0) flag = 0;
  __syncthreads();
  volatile int* seen = &flag;
  if (threadIdx.x < 32) {
    while (*seen == 0) {
    }
  }
  __syncthreads();
  if (threadIdx.x == 32) *seen = 1;
  out[0] = 1;
}

TEST(FaultsSynchronisation, circular_wait_in_a_block) {
  NEEDS_EMULATOR();
  const Switch no_races("race", 0);
  const auto out = zeroed<int>(1);
  wait_across_a_barrier<<<1, 64>>>(out.get());
  EXPECT_FAULT({"deadlock"}, "wait_across_a_barrier", {kWaitLine, kBarrierLine});
}

// Counting on is not waiting: a long loop must not be taken for a deadlock, even beside warps that
// wait at a barrier.
__global__ void long_loop(unsigned* out, int steps) {
  unsigned value = threadIdx.x;
  if (threadIdx.x < 32) {
    for (int i = 0; i < steps; ++i) value = value * 1664525u + 1013904223u;
  }
  __syncthreads();
  out[threadIdx.x] = value;
}

TEST(FaultsSynchronisation, long_loops_are_no_deadlock) {
  const DeviceBuffer<unsigned> out(96);
  LAUNCH(long_loop, 1, 96, out.get(), 300000);
  unsigned value = 5;
  for (int i = 0; i < 300000; ++i) value = value * 1664525u + 1013904223u;
  EXPECT_EQ(out.download()[5], value);
  EXPECT_EQ(out.download()[95], 95u);
}

// Lanes of one warp, and warps of one block, that hand a token on.
__global__ void pass_token(volatile int* token, int* order) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  while (*token != i) {
  }
  order[i] = *token * 2;
  __threadfence();
  *token = i + 1;
}

TEST(FaultsSynchronisation, waiting_threads_let_others_run) {
  const auto token = zeroed<int>(1), order = zeroed<int>(96);
  LAUNCH(pass_token, 1, 96, token.get(), order.get());
  for (int i = 0; i < 96; ++i) EXPECT_EQ(order.download()[i], 2 * i);
}

}  // namespace
