// SPDX-License-Identifier: MIT
// Divergence and reconvergence: nested branches, loops whose length depends on the lane, switches,
// calls, returns.
#include <vector>

#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

// The same function runs on both sides; the host is the reference.
__host__ __device__ int nested_branches(int i) {
  int value = i * 3;
  if (i % 2 == 0) {
    if (i % 4 == 0) {
      value += i % 8 == 0 ? 1000 : 2000;
    } else {
      value -= 7;
      if (i > 20) value *= 2;
    }
    value ^= 5;
  } else if (i % 3 == 0) {
    value = -value;
  }
  return value + 1;
}

__host__ __device__ int lane_dependent_loops(int i) {
  int sum = 0;
  for (int outer = 0; outer < i % 5; ++outer) {
    for (int inner = outer; inner < i; inner += 3) {
      if ((inner + i) % 7 == 0) continue;
      if (inner > 25) break;
      sum += inner * outer + 1;
    }
  }
  int n = i + 1;
  while (n != 1) {  // Collatz: trip counts from 0 to over 100
    n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    ++sum;
  }
  return sum;
}

__host__ __device__ int switch_table(int i) {
  switch (i % 11) {
    case 0:
      return 17;
    case 1:
      i += 5;
      [[fallthrough]];
    case 2:
      return i * 2;
    case 3:
      return i - 100;
    case 4:
      return i * i;
    case 5:
      return ~i;
    case 7:
      i ^= 0x55;
      break;
    case 8:
      return i << 3;
    case 9:
      return i / 3;
    default:
      return -1;
  }
  return i + 1;
}

__host__ __device__ int early_returns(int i) {
  if (i < 3) return 1;
  for (int k = 0; k < 10; ++k) {
    if (k * k > i) return 100 + k;
    if (i % (k + 2) == 5) return 200 + k;
  }
  return 300;
}

__device__ __host__ int short_circuit(int i) {
  int evaluated = 0;
  const auto touch = [&](bool value, int bit) {
    evaluated |= bit;
    return value;
  };
  const bool result =
      (touch(i % 2 == 0, 1) && touch(i % 3 == 0, 2)) || (touch(i % 5 == 0, 4) && !touch(i > 16, 8));
  return evaluated * 2 + result;
}

template <int (*kFunction)(int)>
__global__ void evaluate(int* out) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = kFunction(i);
}

template <int (*kFunction)(int)>
void expect_as_on_host(const char* file, int line) {
  const int kBlocks = 3, kThreads = 80;  // a warp that is not full in each block
  const DeviceBuffer<int> out(kBlocks * kThreads);
  evaluate<kFunction><<<kBlocks, kThreads>>>(out.get());
  expect_success(file, line, "evaluate", cudaDeviceSynchronize());
  std::vector<int> expected;
  for (int i = 0; i < kBlocks * kThreads; ++i) expected.push_back(kFunction(i));
  expect_values(file, line, out.download(), expected);
}
#define EXPECT_AS_ON_HOST(function) expect_as_on_host<function>(__FILE__, __LINE__)

TEST(ControlFlow, nested_branches) {
  EXPECT_AS_ON_HOST(nested_branches);
}
TEST(ControlFlow, loops_with_lane_dependent_trip_counts) {
  EXPECT_AS_ON_HOST(lane_dependent_loops);
}
TEST(ControlFlow, switch_with_gaps_and_fall_through) {
  EXPECT_AS_ON_HOST(switch_table);
}
TEST(ControlFlow, early_returns) {
  EXPECT_AS_ON_HOST(early_returns);
}
TEST(ControlFlow, short_circuit_evaluation) {
  EXPECT_AS_ON_HOST(short_circuit);
}

// Real calls: arguments by value and by pointer, struct results, calls from calls and in divergent
// code.
struct Pair {
  int first;
  float second[3];
};

__device__ __host__ __noinline__ Pair make_pair(int a, float b, char c) {
  return Pair{a + c, {b, b * 2, b * 4}};
}
__device__ __host__ __noinline__ void add_to(int* total, const Pair& pair) {
  *total += pair.first + static_cast<int>(pair.second[2]);
}
__device__ __host__ __noinline__ double scaled(double value, unsigned char shift, long long bias) {
  return value * (1 << shift) + static_cast<double>(bias);
}
__device__ __host__ __noinline__ int call_chain(int i) {
  int total = i;
  add_to(&total, make_pair(i, 0.5f * i, 'c'));
  if (i % 3 == 0) {
    add_to(&total, make_pair(-i, 1.0f, 1));
  } else if (i % 3 == 1) {
    total += static_cast<int>(scaled(i, 3, -(1ll << 20)));
  }
  return total;
}
__device__ __host__ int call_in_loop(int i) {
  int total = 0;
  for (int k = 0; k < i % 6; ++k) total += call_chain(k + i);
  return total;
}

TEST(ControlFlow, functions_that_are_not_inlined) {
  EXPECT_AS_ON_HOST(call_chain);
  EXPECT_AS_ON_HOST(call_in_loop);
}

__global__ void leave_in_groups(int* out) {
  __shared__ int last_seen;
  const int i = threadIdx.x;
  if (i == 0) last_seen = 0;
  __syncthreads();
  if (i >= 96) return;  // a whole warp leaves: barriers wait for the others only
  if (i % 32 >= 20) {
    out[i] = -1;
  } else {
    out[i] = i;
  }
  __syncthreads();
  if (i == 95) last_seen = 7;
  __syncthreads();
  out[i] += last_seen;
}

TEST(ControlFlow, barriers_wait_only_for_threads_that_have_not_exited) {
  const auto out = zeroed<int>(128);
  LAUNCH(leave_in_groups, 1, 128, out.get());
  std::vector<int> expected;
  for (int i = 0; i < 128; ++i) expected.push_back(i >= 96 ? 0 : i % 32 >= 20 ? 6 : i + 7);
  EXPECT_VALUES(out.download(), expected);
}

// Lanes that have left a loop meet the others again before the shuffle.
__global__ void reconverge(int* out) {
  const int lane = threadIdx.x;
  int steps = 0;
  for (int n = lane; n > 0; n /= 2) ++steps;
  if (lane & 1) steps += 100;
  __syncwarp();
  out[lane] = __shfl_xor_sync(0xffffffff, steps, 1);
}

TEST(ControlFlow, warp_is_whole_again_after_divergence) {
  const DeviceBuffer<int> out(32);
  LAUNCH(reconverge, 1, 32, out.get());
  const std::vector<int> values = out.download();
  for (int lane = 0; lane < 32; ++lane) {
    const int partner = lane ^ 1;
    int steps = 0;
    for (int n = partner; n > 0; n /= 2) ++steps;
    EXPECT_EQ(values[lane], steps + (partner & 1 ? 100 : 0), "lane " + std::to_string(lane));
  }
}

// Labels, guards and indexed branches written by hand.
__global__ void hand_written_branches(unsigned* out) {
  unsigned i = threadIdx.x, result;
  asm volatile(
      "{.reg .pred p;\n .reg .u32 n;\n mov.u32 %0, 0;\n mov.u32 n, %1;\n"
      "loop: setp.eq.u32 p, n, 0;\n @p bra done;\n add.u32 %0, %0, n;\n sub.u32 n, n, 1;\n bra.uni "
      "loop;\n"
      "done: \n}"
      : "=&r"(result)
      : "r"(i));
  unsigned selected;
  asm volatile(
      "{.reg .u32 k;\n and.b32 k, %1, 3;\n"
      "table: .branchtargets zero, one, two, three;\n brx.idx k, table;\n"
      "zero: mov.u32 %0, 10;\n bra.uni end;\n one: mov.u32 %0, 11;\n bra.uni end;\n"
      "two: mov.u32 %0, 12;\n bra.uni end;\n three: mov.u32 %0, 13;\n end: \n}"
      : "=r"(selected)
      : "r"(i));
  if (i == 31) asm volatile("exit;");
  out[i] = result * 100 + selected;
}

TEST(ControlFlow, hand_written_loops_and_branch_tables) {
  const auto out = zeroed<unsigned>(32);
  LAUNCH(hand_written_branches, 1, 32, out.get());
  std::vector<unsigned> expected;
  for (unsigned i = 0; i < 32; ++i)
    expected.push_back(i == 31 ? 0 : i * (i + 1) / 2 * 100 + 10 + i % 4);
  EXPECT_VALUES(out.download(), expected);
}

}  // namespace
