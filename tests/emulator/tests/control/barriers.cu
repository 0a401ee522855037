// SPDX-License-Identifier: MIT
// CTA barriers: reductions, named barriers with thread counts, producers and consumers, barriers in
// loops.
#include <string>

#include "support/device.cuh"

using namespace cuemu_tests;

namespace {

__global__ void reduce_over_block(int* out, int limit) {
  const int i = threadIdx.x;
  const int count = __syncthreads_count(i < limit);
  const int all = __syncthreads_and(i < limit);
  const int any = __syncthreads_or(i < limit);
  out[i] = count * 4 + (all != 0) * 2 + (any != 0);
}

TEST(Barriers, count_and_or) {
  const int kThreads = 100;
  const DeviceBuffer<int> out(kThreads);
  for (int limit : {0, 1, 33, 99, 100}) {
    LAUNCH(reduce_over_block, 1, kThreads, out.get(), limit);
    EXPECT_VALUES(out.download(),
                  std::vector<int>(kThreads, limit * 4 + (limit == kThreads) * 2 + (limit > 0)));
  }
}

// Two groups of two warps, each with a barrier of its own, at different rates.
__global__ void independent_groups(int* out) {
  __shared__ int cells[2][64];
  const int group = threadIdx.x / 64, i = threadIdx.x % 64;
  int value = i;
  for (int round = 0; round < (group == 0 ? 5 : 9); ++round) {
    cells[group][i] = value;
    asm volatile("bar.sync %0, 64;" ::"r"(group + 1) : "memory");
    value = cells[group][(i + 17) % 64] + 1;
    asm volatile("bar.sync %0, 64;" ::"r"(group + 1) : "memory");
  }
  out[threadIdx.x] = value;
}

TEST(Barriers, named_barriers_of_independent_groups) {
  const DeviceBuffer<int> out(128);
  LAUNCH(independent_groups, 1, 128, out.get());
  std::vector<int> expected;
  for (int i = 0; i < 128; ++i) {
    const int rounds = i < 64 ? 5 : 9;
    expected.push_back((i % 64 + 17 * rounds) % 64 + rounds);
  }
  EXPECT_VALUES(out.download(), expected);
}

// Warp 0 produces into two buffers, warps 1 to 3 consume. "full" and "empty" are separate barriers
// for each buffer; the side that need not wait only arrives.
__global__ void produce_and_consume(int* sums, const int* in, int rounds) {
  __shared__ int buffers[2][96];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (warp == 0) {
    for (int round = 0; round < rounds; ++round) {
      const int b = round % 2;
      if (round >= 2) asm volatile("bar.sync %0, 128;" ::"r"(3 + b) : "memory");  // empty
      for (int k = 0; k < 3; ++k) buffers[b][32 * k + lane] = in[round * 96 + 32 * k + lane];
      asm volatile("bar.arrive %0, 128;" ::"r"(1 + b) : "memory");  // full
    }
  } else {
    int sum = 0;
    for (int round = 0; round < rounds; ++round) {
      const int b = round % 2;
      asm volatile("bar.sync %0, 128;" ::"r"(1 + b) : "memory");
      sum = sum * 3 + buffers[b][95 - (threadIdx.x - 32)];
      if (round + 2 < rounds) asm volatile("bar.arrive %0, 128;" ::"r"(3 + b) : "memory");
    }
    sums[threadIdx.x - 32] = sum;
  }
}

TEST(Barriers, producer_and_consumers) {
  const int kRounds = 11;
  std::vector<int> values, expected(96);
  for (int i = 0; i < kRounds * 96; ++i) values.push_back(i * i % 1009);
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 96; ++i) expected[i] = expected[i] * 3 + values[round * 96 + 95 - i];
  }
  const DeviceBuffer<int> in(values), sums(96);
  LAUNCH(produce_and_consume, 1, 128, sums.get(), in.get(), kRounds);
  EXPECT_VALUES(sums.download(), expected);
}

__global__ void reduce_over_named_barrier(unsigned* out) {
  const unsigned i = threadIdx.x;
  unsigned count = 0, any = 0;
  if (i < 64) {
    asm volatile("{.reg .pred p;\n setp.lt.u32 p, %1, 40;\n bar.red.popc.u32 %0, 5, 64, p;\n}"
                 : "=r"(count)
                 : "r"(i)
                 : "memory");
    asm volatile(
        "{.reg .pred p, q;\n setp.eq.u32 p, %1, 63;\n barrier.cta.red.or.pred.aligned q, 6, 64, "
        "p;\n"
        " selp.u32 %0, 1, 0, q;\n}"
        : "=r"(any)
        : "r"(i)
        : "memory");
  }
  out[i] = count * 2 + any;
}

TEST(Barriers, reductions_over_part_of_a_block) {
  const DeviceBuffer<unsigned> out(96);
  LAUNCH(reduce_over_named_barrier, 1, 96, out.get());
  std::vector<unsigned> expected(96, 81);
  for (int i = 64; i < 96; ++i) expected[i] = 0;
  EXPECT_VALUES(out.download(), expected);
}

// Neighbours exchange through shared memory a hundred times; one missed barrier would show.
__global__ void diffuse(int* out, int steps) {
  __shared__ int line[2][160];
  const int i = threadIdx.x, n = blockDim.x;
  line[0][i] = i * i + blockIdx.x;
  __syncthreads();
  for (int step = 0; step < steps; ++step) {
    const int* from = line[step % 2];
    line[1 - step % 2][i] = (from[(i + 1) % n] + 2 * from[i] + from[(i + n - 1) % n]) & 0xffff;
    __syncthreads();
  }
  out[blockIdx.x * n + i] = line[steps % 2][i];
}

TEST(Barriers, many_rounds_in_many_blocks) {
  const int kBlocks = 5, kThreads = 160, kSteps = 100;
  const DeviceBuffer<int> out(kBlocks * kThreads);
  LAUNCH(diffuse, kBlocks, kThreads, out.get(), kSteps);
  std::vector<int> expected;
  for (int block = 0; block < kBlocks; ++block) {
    std::vector<int> line, next(kThreads);
    for (int i = 0; i < kThreads; ++i) line.push_back(i * i + block);
    for (int step = 0; step < kSteps; ++step) {
      for (int i = 0; i < kThreads; ++i) {
        next[i] =
            (line[(i + 1) % kThreads] + 2 * line[i] + line[(i + kThreads - 1) % kThreads]) & 0xffff;
      }
      line.swap(next);
    }
    expected.insert(expected.end(), line.begin(), line.end());
  }
  EXPECT_VALUES(out.download(), expected);
}

// A barrier waits for "all non-exited threads" of a warp, so a warp that lost half its lanes may go
// on.
__global__ void half_of_each_warp_leaves(int* out) {
  __shared__ int cells[64];
  const int i = threadIdx.x;
  if (i % 32 >= 16) return;
  cells[i] = i;
  __syncthreads();
  out[i] = cells[(i + 32) % 64];
}

TEST(Barriers, lanes_that_exited_are_not_waited_for) {
  const auto out = zeroed<int>(64);
  LAUNCH(half_of_each_warp_leaves, 1, 64, out.get());
  std::vector<int> expected(64);
  for (int i = 0; i < 16; ++i) expected[i] = i + 32, expected[i + 32] = i;
  EXPECT_VALUES(out.download(), expected);
}

// Without .aligned the lanes of a warp may come to the barrier from different instructions.
__global__ void unaligned_barrier(int* out) {
  __shared__ int cells[64];
  const int i = threadIdx.x;
  if (i % 2 == 0) {
    cells[i] = i * 10;
    asm volatile("barrier.sync 1, 64;" ::: "memory");
    out[i] = cells[i + 1];
  } else {
    cells[i] = -i;
    asm volatile("barrier.sync 1, 64;" ::: "memory");
    out[i] = cells[63 - i];
  }
}

TEST(Barriers, unaligned_barrier_in_both_branches) {
  const DeviceBuffer<int> out(64);
  LAUNCH(unaligned_barrier, 1, 64, out.get());
  std::vector<int> expected;
  for (int i = 0; i < 64; ++i) expected.push_back(i % 2 == 0 ? -(i + 1) : (63 - i) * 10);
  EXPECT_VALUES(out.download(), expected);
}

// Warps pass data through shared memory with __syncwarp alone.
__global__ void rotate_within_warps(int* out) {
  __shared__ int cells[96];
  const int i = threadIdx.x, lane = i % 32, base = i - lane;
  int value = i;
  for (int round = 0; round < 4; ++round) {
    cells[i] = value;
    __syncwarp();
    value = cells[base + (lane + 1) % 32];
    __syncwarp();
  }
  out[i] = value;
}

TEST(Barriers, warp_barriers_order_shared_memory) {
  const DeviceBuffer<int> out(96);
  LAUNCH(rotate_within_warps, 1, 96, out.get());
  std::vector<int> expected;
  for (int i = 0; i < 96; ++i) expected.push_back(i / 32 * 32 + (i + 4) % 32);
  EXPECT_VALUES(out.download(), expected);
}

}  // namespace
