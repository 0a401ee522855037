// SPDX-License-Identifier: MIT
// mbarriers within a CTA: phases, counts, transactions, waits, and what is wrong with them.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace mbarrier_tests {

using namespace hopper;

// --- A ring of two stages between one warp that fills and two that sum.

constexpr int kStages = 2, kRounds = 7;

__global__ void ring(uint32_t* sums) {
  __shared__ uint32_t stage[kStages][32];
  __shared__ alignas(8) uint64_t full[kStages], empty[kStages];
  if (threadIdx.x == 0) {
    for (int s = 0; s < kStages; ++s) {
      init(address_of(&full[s]), 32);
      init(address_of(&empty[s]), 2);
    }
    fence_init();
  }
  __syncthreads();
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  uint32_t sum = 0;
  for (int i = 0; i < kRounds; ++i) {
    const int s = i % kStages;
    const uint32_t parity = i / kStages % 2;
    if (warp == 0) {
      wait(address_of(&empty[s]), parity ^ 1);
      stage[s][lane] = 100 * i + lane;
      arrive(address_of(&full[s]));
    } else {
      wait(address_of(&full[s]), parity);
      sum += stage[s][(lane + warp) % 32];
      __syncwarp();
      if (lane == 0) arrive(address_of(&empty[s]));
    }
  }
  sums[threadIdx.x] = sum;
}

TEST(HopperMbarriers, a_ring_of_stages) {
  NEEDS_HOPPER();
  const auto sums = zeroed<uint32_t>(96);
  const cuemu_counters c = count([&] { ring<<<1, 96>>>(sums.get()); });
  std::vector<uint32_t> expected(96);
  for (unsigned t = 32; t < 96; ++t)
    for (int i = 0; i < kRounds; ++i) expected[t] += 100 * i + (t % 32 + t / 32) % 32;
  EXPECT_VALUES(sums.download(), expected);
  if (cuemu_present()) EXPECT_EQ(c.barrier_phases, uint64_t{2 * kRounds});
}

// --- Counts and transactions, one operation after the other.

__global__ void script(uint32_t* out) {
  __shared__ alignas(8) uint64_t bits;
  const uint32_t b = address_of(&bits);
  uint64_t state = 0;
  uint32_t pending = 0;
  int i = 0;
  const auto record = [&] { out[i++] = test_wait(b, 0) << 16 | pending; };
#define STATE(text, ...)                                                           \
  asm volatile(text : "=l"(state) : "r"(b), ##__VA_ARGS__ : "memory");             \
  asm volatile("mbarrier.pending_count.b64 %0, %1;" : "=r"(pending) : "l"(state)); \
  record()
  init(b, 5);
  record();
  STATE("mbarrier.arrive.shared::cta.b64 %0, [%1];");
  STATE("mbarrier.arrive.noComplete.shared::cta.b64 %0, [%1], %2;", "r"(2));
  // Of the two that are left one leaves for good: 4 from now on.
  STATE("mbarrier.arrive_drop.shared::cta.b64 %0, [%1];");
  STATE("mbarrier.arrive.expect_tx.shared::cta.b64 %0, [%1], %2;", "r"(48));
  asm volatile("mbarrier.complete_tx.shared::cta.b64 [%0], 16;" ::"r"(b) : "memory");
  record();
  asm volatile("mbarrier.complete_tx.shared::cta.b64 [%0], 32;" ::"r"(b) : "memory");
  record();
  STATE("mbarrier.arrive.shared::cta.b64 %0, [%1], %2;", "r"(4));
  uint32_t done;
  asm volatile(
      "{\n.reg .pred p;\nmbarrier.test_wait.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"(b), "l"(state)
      : "memory");
  out[i++] = done;
  // Bytes may arrive before they are expected.
  asm volatile("mbarrier.arrive.noComplete.shared::cta.b64 %0, [%1], 3;"
               : "=l"(state)
               : "r"(b)
               : "memory");
  asm volatile("mbarrier.complete_tx.shared::cta.b64 [%0], 64;" ::"r"(b) : "memory");
  asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], 64;" ::"r"(b) : "memory");
  record();
  STATE("mbarrier.arrive.shared::cta.b64 %0, [%1];");
  asm volatile("mbarrier.inval.shared::cta.b64 [%0];" ::"r"(b) : "memory");
  bits = 3;
  out[i++] = static_cast<uint32_t>(bits);
#undef STATE
}

TEST(HopperMbarriers, counts_and_transactions) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(12);
  LAUNCH(script, 1, 1, out.get());
  constexpr uint32_t kDone = 1 << 16;
  // After two phases parity 0 has not completed again, after three it has.
  EXPECT_VALUES(out.download(),
                std::vector<uint32_t>{0, 5, 4, 2, 1, 1, kDone | 1, 4, 1, 4, kDone | 1, 3});
}

// --- Waits

__global__ void wait_for_nobody(uint32_t* out) {
  __shared__ alignas(8) uint64_t bits;
  const uint32_t b = address_of(&bits);
  init(b, 2);
  arrive(b);
  const long long start = clock64();
  bool done = false;
  do done = out[1] == 0 ? test_wait(b, 0) : try_wait(b, 0);
  while (!done && clock64() - start < 100'000'000);
  out[0] = done ? 1 : 2;
}

TEST(HopperMbarriers, waits_that_give_up) {
  NEEDS_HOPPER();
  for (uint32_t suspends : {0u, 1u}) {
    const DeviceBuffer<uint32_t> out(std::vector<uint32_t>{0, suspends});
    LAUNCH(wait_for_nobody, 1, 1, out.get());
    EXPECT_EQ(out.download()[0], 2u);
  }
}

__global__ void wait_lane_by_lane(uint32_t* out) {
  __shared__ alignas(8) uint64_t bits[4];
  if (threadIdx.x < 4) init(address_of(&bits[threadIdx.x]), 1);
  __syncthreads();
  if (threadIdx.x >= 32) {
    // In another order than that of the lanes.
    if (threadIdx.x < 36) arrive(address_of(&bits[35 - threadIdx.x]));
    return;
  }
  wait(address_of(&bits[threadIdx.x % 4]), 0);
  out[threadIdx.x] = threadIdx.x;
}

TEST(HopperMbarriers, lanes_wait_for_barriers_of_their_own) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(32);
  LAUNCH(wait_lane_by_lane, 1, 64, out.get());
  std::vector<uint32_t> expected(32);
  for (unsigned i = 0; i < 32; ++i) expected[i] = i;
  EXPECT_VALUES(out.download(), expected);
}

// --- cp.async

template <bool kIncrements>
__global__ void copies_arrive(const uint4* from, uint32_t* out) {
  __shared__ uint4 to[64];
  __shared__ alignas(8) uint64_t bits;
  const uint32_t b = address_of(&bits);
  if (threadIdx.x == 0) init(b, kIncrements ? 32 : 64);
  __syncthreads();
  if (threadIdx.x < 32) {
    for (unsigned i = threadIdx.x; i < 64; i += 32)
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address_of(&to[i])),
                   "l"(from + i)
                   : "memory");
    if (kIncrements)
      asm volatile("cp.async.mbarrier.arrive.shared::cta.b64 [%0];" ::"r"(b) : "memory");
    else
      asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(b) : "memory");
    arrive(b);
  } else {
    wait(b, 0);
    out[2 * (threadIdx.x - 32)] = to[threadIdx.x - 32].x;
    out[2 * (threadIdx.x - 32) + 1] = to[threadIdx.x].w;
  }
}

TEST(HopperMbarriers, arrivals_after_copies) {
  NEEDS_HOPPER();
  std::vector<uint4> from(64);
  std::vector<uint32_t> expected(64);
  for (unsigned i = 0; i < 64; ++i) from[i] = {i, 0, 0, 1000 + i};
  for (unsigned i = 0; i < 32; ++i) expected[2 * i] = i, expected[2 * i + 1] = 1032 + i;
  const DeviceBuffer<uint4> source(from);
  for (bool increments : {false, true}) {
    const auto out = zeroed<uint32_t>(64);
    if (increments)
      LAUNCH((copies_arrive<true>), 1, 64, source.get(), out.get());
    else
      LAUNCH((copies_arrive<false>), 1, 64, source.get(), out.get());
    EXPECT_VALUES(out.download(), expected);
  }
}

// --- Faults: what is wrong is in one line each, by number.

enum Wrong {
  kOverrun,
  kReinit,
  kNoInit,
  kParity,
  kMisaligned,
  kStore,
  kNoComplete,
  kCount,
  kInvalid,
  kBytes,
  kForgotten,
  kCopy,
  kNothing
};

constexpr int kFirstLine = __LINE__ + 8;
__global__ void wrong(Wrong what, int misalign, const uint64_t* memory) {
  __shared__ alignas(16) uint64_t bits[2];
  const uint32_t b = address_of(&bits[0]), other = address_of(&bits[1]);
  init(b, 1);
  [[maybe_unused]] uint64_t state;
  // clang-format off
  switch (what) {
    case kOverrun: asm volatile("mbarrier.arrive.shared::cta.b64 %0, [%1], 2;" : "=l"(state) : "r"(b) : "memory"); break;
    case kReinit: asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(b) : "memory"); break;
    case kNoInit: asm volatile("mbarrier.arrive.shared::cta.b64 %0, [%1];" : "=l"(state) : "r"(other) : "memory"); break;
    case kParity: asm volatile("{.reg .pred p; mbarrier.test_wait.parity.shared::cta.b64 p, [%0], %1;}" ::"r"(b), "r"(misalign) : "memory"); break;
    case kMisaligned: asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(other - misalign) : "memory"); break;
    case kStore: asm volatile("st.shared.u32 [%0+4], 0;" ::"r"(b) : "memory"); break;
    case kNoComplete: asm volatile("mbarrier.arrive.noComplete.shared::cta.b64 %0, [%1], 1;" : "=l"(state) : "r"(b) : "memory"); break;
    case kCount: asm volatile("mbarrier.init.shared::cta.b64 [%0], 1048576;" ::"r"(other) : "memory"); break;
    case kInvalid: asm volatile("mbarrier.inval.shared::cta.b64 [%0];" ::"r"(other) : "memory"); break;
    case kBytes: asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], 1048576;" ::"r"(b) : "memory"); break;
    case kForgotten: asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], 16; mbarrier.inval.shared::cta.b64 [%0];" ::"r"(b) : "memory"); break;
    case kCopy: asm volatile("cp.async.ca.shared.global [%0], [%1], 8;" ::"r"(b), "l"(memory) : "memory"); break;
    case kNothing: asm volatile("mbarrier.arrive.shared::cta.b64 %0, [%1], 1;" : "=l"(state) : "r"(b) : "memory"); break;
  }
  // clang-format on
}

TEST(HopperMbarriers, wrong_operations) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const char* const kinds[] = {"barrier-overrun", "barrier-reinit",    "barrier-misuse",
                               "barrier-misuse",  "misaligned-access", "barrier-misuse",
                               "barrier-misuse",  "barrier-misuse",    "barrier-misuse",
                               "barrier-misuse",  "unfinished-copy",   "barrier-misuse"};
  const auto memory = zeroed<uint64_t>(1);
  for (int what = kOverrun; what < kNothing; ++what) {
    wrong<<<1, 1>>>(static_cast<Wrong>(what), 4, memory.get());
    EXPECT_FAULT({kinds[what]}, "wrong", {kFirstLine + what});
  }
  LAUNCH(wrong, 1, 1, kNothing, 4, memory.get());
}

constexpr int kStuckLine = __LINE__ + 8;
__global__ void expects_too_much() {
  __shared__ alignas(8) uint64_t bits;
  const uint32_t b = address_of(&bits);
  init(b, 2);
  arrive_expect(b, 96);
  asm volatile("mbarrier.complete_tx.shared::cta.b64 [%0], 32;" ::"r"(b) : "memory");
  // clang-format off
  asm volatile("{.reg .pred p; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0; @!p bra AGAIN;}" ::"r"(b) : "memory");
  // clang-format on
}

TEST(HopperMbarriers, a_deadlock_tells_both_counts) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  expects_too_much<<<1, 1>>>();
  const std::string text = EXPECT_FAULT({"deadlock"}, "expects_too_much", {kStuckLine});
  EXPECT_TRUE(text.find("1 of 2 arrivals and 64 bytes missing") != std::string::npos, text);
}

constexpr int kLappedLine = __LINE__ + 8;
__global__ void lapped(int rounds) {
  __shared__ alignas(8) uint64_t bits;
  const uint32_t b = address_of(&bits);
  if (threadIdx.x == 0) init(b, 1);
  __syncthreads();
  if (threadIdx.x >= 32) {
    // clang-format off
  asm volatile("{.reg .pred p; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0; @!p bra AGAIN;}" ::"r"(b) : "memory");
    // clang-format on
  } else if (threadIdx.x == 0) {
    for (int i = 0; i < rounds; ++i) arrive(b);
  }
}

TEST(HopperMbarriers, a_waiter_that_is_lapped) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  LAUNCH(lapped, 1, 64, 1);
  lapped<<<1, 64>>>(2);
  EXPECT_FAULT({"barrier-lapped"}, "lapped", {kLappedLine});
}

}  // namespace mbarrier_tests
