// SPDX-License-Identifier: MIT
// Races with asynchronous agents: stages released too early, or read before they have arrived. Each kernel has its right
// form beside the wrong ones.
#include <cuda_fp16.h>

#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace async_race_tests {

using namespace hopper;

// --- A ring of stages, filled by bulk copies and read by wgmma.

constexpr int kStages = 3, kRounds = 20;
constexpr uint32_t kABytes = 64 * 16 * 2, kBBytes = 8 * 16 * 2, kStageBytes = kABytes + kBBytes;

enum class Ring {
  right,
  arrives_for_the_stage_in_flight,
  waits_for_one_group_too_few,
  does_not_wait_for_empty,
  takes_the_wrong_parity,
  does_not_wait_for_full,
  arrives_twice,
};

// One line each, to be named.
// clang-format off
constexpr int kFillLine = __LINE__ + 2;
__device__ void fill(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(from), "r"(bytes), "r"(barrier) : "memory");
}

constexpr int kMultiplyLine = __LINE__ + 2;
__device__ void multiply(float (&d)[4], uint64_t a, uint64_t b) {
  asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%0, %1, %2, %3}, %4, %5, 1, 1, 1, 0, 0;" : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "l"(a), "l"(b));
}

constexpr int kExpectLine = __LINE__ + 2;
__device__ void expect(uint32_t barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

constexpr int kSignalLine = __LINE__ + 2;
__device__ void signal(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

constexpr int kReadLine = __LINE__ + 1;
__device__ uint32_t read(const uint32_t& word) { return *const_cast<const volatile uint32_t*>(&word); }

constexpr int kWriteLine = __LINE__ + 1;
__device__ void write(uint32_t& word, uint32_t value) { *const_cast<volatile uint32_t*>(&word) = value; }
// clang-format on

// Without swizzle: blocks of 8 lines and 8 steps of k, `leading` bytes apart along k.
__device__ uint64_t descriptor(uint32_t address, uint32_t leading) {
  return uint64_t{128 >> 4} << 32 | uint64_t{leading >> 4} << 16 | address >> 4;
}

template <Ring kRing>
__global__ void ring(const __half* from, float* out) {
  __shared__ alignas(128) unsigned char stages[kStages][kStageBytes];
  __shared__ alignas(8) uint64_t full[kStages], empty[kStages];
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; ++s) {
      init(address_of(&full[s]), 1);
      init(address_of(&empty[s]), 4);
    }
    fence_init();
  }
  __syncthreads();
  if (threadIdx.x >= 128) {
    if (threadIdx.x != 128) return;
    for (int i = 0; i < kRounds; ++i) {
      const int s = i % kStages;
      if (kRing != Ring::does_not_wait_for_empty)
        wait(address_of(&empty[s]), (i / kStages & 1) ^ 1);
      expect(address_of(&full[s]), kStageBytes);
      fill(address_of(stages[s]), from + i * kStageBytes / 2, kStageBytes, address_of(&full[s]));
    }
    return;
  }
  float d[4] = {};
  const auto release = [&](int i) {
    if (i < 0 || threadIdx.x % 32 != 0) return;
    signal(address_of(&empty[i % kStages]));
    if (kRing == Ring::arrives_twice && threadIdx.x == 32) signal(address_of(&empty[i % kStages]));
  };
  for (int i = 0; i < kRounds; ++i) {
    const int s = i % kStages;
    const uint32_t parity = i / kStages & 1;
    if (kRing != Ring::does_not_wait_for_full)
      wait(address_of(&full[s]), kRing == Ring::takes_the_wrong_parity ? parity ^ 1 : parity);
    const uint32_t stage = address_of(stages[s]);
    asm volatile("wgmma.fence.sync.aligned;"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])::"memory");
    multiply(d, descriptor(stage, 1024), descriptor(stage + kABytes, 128));
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    if (kRing == Ring::waits_for_one_group_too_few)
      asm volatile("wgmma.wait_group.sync.aligned 2;" ::: "memory");
    else
      asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
    release(kRing == Ring::arrives_for_the_stage_in_flight ? i : i - 1);
  }
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
  for (int i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = d[i];
}

struct RingData {
  RingData() : from(kRounds * kStageBytes / 2), out(512) {
    std::vector<__half> values(from.size());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = __float2half(static_cast<float>(1 + i / (kStageBytes / 2)));
    from.upload(values);
  }
  DeviceBuffer<__half> from;
  DeviceBuffer<float> out;
};

TEST(HopperAsyncRaces, a_ring_of_stages) {
  NEEDS_HOPPER();
  RingData data;
  LAUNCH(ring<Ring::right>, 1, 160, data.from.get(), data.out.get());
  float sum = 0;
  for (int i = 1; i <= kRounds; ++i) sum += 16.0f * static_cast<float>(i * i);
  EXPECT_VALUES(data.out.download(), std::vector<float>(512, sum));
}

TEST(HopperAsyncRaces, a_stage_released_while_wgmma_reads_it) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  RingData data;
  ring<Ring::arrives_for_the_stage_in_flight><<<1, 160>>>(data.from.get(), data.out.get());
  EXPECT_FAULT({"race"}, "ring", {kFillLine});
  ring<Ring::waits_for_one_group_too_few><<<1, 160>>>(data.from.get(), data.out.get());
  EXPECT_FAULT({"race"}, "ring", {kFillLine});
}

TEST(HopperAsyncRaces, a_stage_filled_again_without_waiting) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  RingData data;
  ring<Ring::does_not_wait_for_empty><<<1, 160>>>(data.from.get(), data.out.get());
  EXPECT_FAULT({"race", "barrier-overrun"}, "ring", {kFillLine, kExpectLine});
}

TEST(HopperAsyncRaces, a_stage_read_before_it_has_come) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  RingData data;
  // Where the copy has landed at once, the phase that is asked for has yet to begin.
  ring<Ring::takes_the_wrong_parity><<<1, 160>>>(data.from.get(), data.out.get());
  EXPECT_FAULT({"race", "deadlock"}, "ring", {});
  ring<Ring::does_not_wait_for_full><<<1, 160>>>(data.from.get(), data.out.get());
  EXPECT_FAULT({"race"}, "ring", {kMultiplyLine, kFillLine});
}

TEST(HopperAsyncRaces, an_arrival_too_many) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  RingData data;
  ring<Ring::arrives_twice><<<1, 160>>>(data.from.get(), data.out.get());
  // Which of these depends on who comes first.
  EXPECT_FAULT({"race", "barrier-overrun", "barrier-lapped", "deadlock"}, "ring", {});
}

// --- Ordinary accesses to bytes of a bulk copy.

enum class Bytes {
  waited,
  waited_by_one_warp,
  not_waited,
  written_in_flight,
  copied_twice,
  released_too_early,
  released_relaxed
};

template <Bytes kBytes>
__global__ void use_bytes(const uint32_t* from, uint32_t* out) {
  __shared__ alignas(128) uint32_t data[64];
  __shared__ alignas(8) uint64_t bits[2];
  const uint32_t full = address_of(&bits[0]), empty = address_of(&bits[1]);
  if (threadIdx.x == 0) {
    init(full, 1);
    init(empty, 64);
    fence_init();
    arrive_expect(full, 256 * (kBytes == Bytes::copied_twice ? 2 : 1));
    fill(address_of(data), from, 256, full);
    if (kBytes == Bytes::copied_twice) fill(address_of(data), from, 256, full);
  }
  __syncthreads();
  uint32_t sum = 0;
  if (kBytes == Bytes::written_in_flight && threadIdx.x == 40) {
    write(data[40], 1);
  } else if (kBytes == Bytes::waited_by_one_warp) {
    if (threadIdx.x < 32) wait(full, 0);
  } else if (kBytes != Bytes::not_waited) {
    wait(full, 0);
  }
  for (int round = 1; round <= 2; ++round) {
    if (kBytes == Bytes::released_too_early) arrive(empty);
    // Of the other warp's bytes.
    sum += round * read(data[63 - threadIdx.x]);
    if (kBytes == Bytes::released_relaxed)
      asm volatile("mbarrier.arrive.relaxed.cta.shared::cta.b64 _, [%0];" ::"r"(empty) : "memory");
    else if (kBytes != Bytes::released_too_early)
      arrive(empty);
    if (round == 2) break;
    if (threadIdx.x == 0) {
      wait(empty, 0);
      arrive_expect(full, 256);
      fill(address_of(data), from + 64, 256, full);
    }
    wait(full, 1);
  }
  out[threadIdx.x] = sum;
}

TEST(HopperAsyncRaces, ordinary_accesses) {
  NEEDS_HOPPER();
  std::vector<uint32_t> values(128), expected(64);
  for (uint32_t i = 0; i < 128; ++i) values[i] = i * i;
  for (uint32_t i = 0; i < 64; ++i) expected[i] = values[63 - i] + 2 * values[127 - i];
  const DeviceBuffer<uint32_t> from(values);
  const auto out = zeroed<uint32_t>(64);
  LAUNCH(use_bytes<Bytes::waited>, 1, 64, from.get(), out.get());
  EXPECT_VALUES(out.download(), expected);
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  use_bytes<Bytes::not_waited><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"race"}, "use_bytes", {kReadLine});
  use_bytes<Bytes::waited_by_one_warp><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"race"}, "use_bytes", {kReadLine});
  use_bytes<Bytes::written_in_flight><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"race"}, "use_bytes", {kWriteLine});
  use_bytes<Bytes::copied_twice><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"race"}, "use_bytes", {kFillLine});
  use_bytes<Bytes::released_relaxed><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"race"}, "use_bytes", {kFillLine});
  use_bytes<Bytes::released_too_early><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"race"}, "use_bytes", {kFillLine, kReadLine});
}

}  // namespace async_race_tests
