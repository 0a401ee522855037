// SPDX-License-Identifier: MIT
// Races and missing fences between the CTAs of a cluster. Each kernel has its right form beside the wrong ones.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace cluster_race_tests {

using namespace hopper;

#define LAUNCH_CLUSTER(...)                \
  do {                                     \
    CUDA_OK(launch_clusters(__VA_ARGS__)); \
    CUDA_OK(cudaDeviceSynchronize());      \
  } while (false)

// One line each, to be named.
// clang-format off
constexpr int kLoadLine = __LINE__ + 3;
__device__ uint32_t load(uint32_t address) {
  uint32_t value;
  asm volatile("ld.shared::cluster.u32 %0, [%1];" : "=r"(value) : "r"(address) : "memory");
  return value;
}

constexpr int kStoreLine = __LINE__ + 2;
__device__ void store(uint32_t address, uint32_t value) {
  asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}

constexpr int kMulticastLine = __LINE__ + 2;
__device__ void multicast(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier, uint32_t ctas) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], %4;" ::"r"(to), "l"(from), "r"(bytes), "r"(barrier), "h"(static_cast<uint16_t>(ctas)) : "memory");
}

constexpr int kCopyLine = __LINE__ + 2;
__device__ void copy_to(uint32_t to, uint32_t from, uint32_t bytes, uint32_t barrier) {
  asm volatile("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "r"(from), "r"(bytes), "r"(barrier) : "memory");
}

constexpr int kReadLine = __LINE__ + 1;
__device__ uint32_t read(const uint32_t& word) { return *const_cast<const volatile uint32_t*>(&word); }

constexpr int kWriteLine = __LINE__ + 1;
__device__ void write(uint32_t& word, uint32_t value) { *const_cast<volatile uint32_t*>(&word) = value; }
// clang-format on

// --- Ordinary accesses

enum class Sharing {
  right,
  relaxed_behind_a_fence,
  relaxed,
  barrier_of_the_block,
  none_before_the_next_round,
};

template <Sharing kSharing>
__device__ void meet() {
  if (kSharing == Sharing::barrier_of_the_block) return __syncthreads();
  if (kSharing == Sharing::relaxed_behind_a_fence)
    asm volatile("fence.acq_rel.cluster;" ::: "memory");
  if (kSharing == Sharing::relaxed_behind_a_fence || kSharing == Sharing::relaxed)
    asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
  else
    asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}

template <Sharing kSharing>
__global__ void exchange(uint32_t* out) {
  __shared__ uint32_t own[32], mailbox[32];
  const uint32_t rank = cluster_rank(), other = rank ^ 1, t = threadIdx.x;
  uint32_t sum = 0;
  for (uint32_t round = 0; round < 3; ++round) {
    write(own[t], 100 * round + 10 * rank + t);
    meet<kSharing>();
    sum += load(map_to(address_of(&own[31 - t]), other));
    store(map_to(address_of(&mailbox[t]), other), sum);
    if (kSharing != Sharing::none_before_the_next_round) meet<kSharing>();
  }
  cluster_sync();
  out[32 * rank + t] = read(mailbox[t]);
}

TEST(HopperClusterRaces, ordinary_accesses) {
  NEEDS_HOPPER();
  std::vector<uint32_t> expected(64);
  for (uint32_t i = 0; i < 64; ++i) expected[i] = 300 + 3 * (10 * (i / 32) + 31 - i % 32);
  for (auto kernel : {exchange<Sharing::right>, exchange<Sharing::relaxed_behind_a_fence>}) {
    const auto out = zeroed<uint32_t>(64);
    LAUNCH_CLUSTER(kernel, 2, 32, 2, out.get());
    EXPECT_VALUES(out.download(), expected);
  }
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  const auto out = zeroed<uint32_t>(64);
  (void)launch_clusters(exchange<Sharing::relaxed>, 2, 32, 2, out.get());
  EXPECT_FAULT({"race"}, "exchange", {kLoadLine, kStoreLine, kWriteLine});
  (void)launch_clusters(exchange<Sharing::barrier_of_the_block>, 2, 32, 2, out.get());
  EXPECT_FAULT({"race", "uninitialised-read"}, "exchange", {kLoadLine, kStoreLine, kWriteLine});
  (void)launch_clusters(exchange<Sharing::none_before_the_next_round>, 2, 32, 2, out.get());
  EXPECT_FAULT({"race"}, "exchange", {kLoadLine, kStoreLine, kWriteLine});
}

// --- A stage that one CTA fills in both.

enum class Stage {
  right,
  init_ordered_by_a_relaxed_barrier,
  init_ordered_in_the_block_only,
  init_unfenced,
  other_does_not_release,
  released_too_early,
};

template <Stage kStage>
__global__ void share_stage(const uint32_t* from, uint32_t* out) {
  __shared__ alignas(128) uint32_t data[32];
  __shared__ alignas(8) uint64_t full_bits, empty_bits;
  const uint32_t full = address_of(&full_bits), empty = address_of(&empty_bits);
  const uint32_t rank = cluster_rank(), t = threadIdx.x;
  if (t == 0) {
    init(full, 1);
    init(empty, kStage == Stage::other_does_not_release ? 32 : 64);
    if (kStage != Stage::init_unfenced) fence_init();
  }
  if (kStage == Stage::init_ordered_in_the_block_only)
    __syncthreads();
  else if (kStage == Stage::init_ordered_by_a_relaxed_barrier)
    asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::
                     : "memory");
  else
    cluster_sync();
  uint32_t sum = 0;
  for (uint32_t i = 0; i < 3; ++i) {
    if (t == 0) arrive_expect(full, 128);
    if (t == 0 && rank == 0) {
      wait(empty, i & 1 ^ 1);
      multicast(address_of(data), from + 32 * i, 128, full, 3);
    }
    __syncwarp();
    wait(full, i & 1);
    if (kStage == Stage::released_too_early) arrive_remote(map_to(empty, 0));
    sum += read(data[31 - t]);
    if (kStage != Stage::released_too_early &&
        (kStage != Stage::other_does_not_release || rank == 0))
      arrive_remote(map_to(empty, 0));
  }
  out[32 * rank + t] = sum;
  cluster_sync();
}

TEST(HopperClusterRaces, a_multicast_stage) {
  NEEDS_HOPPER();
  std::vector<uint32_t> values(96), expected(64);
  for (uint32_t i = 0; i < 96; ++i) values[i] = i * i;
  for (uint32_t i = 0; i < 64; ++i)
    for (uint32_t round = 0; round < 3; ++round) expected[i] += values[32 * round + 31 - i % 32];
  const DeviceBuffer<uint32_t> from(values);
  DeviceBuffer<uint32_t> out(64);
  for (auto kernel :
       {share_stage<Stage::right>, share_stage<Stage::init_ordered_by_a_relaxed_barrier>}) {
    out.fill_bytes(0);
    LAUNCH_CLUSTER(kernel, 2, 32, 2, from.get(), out.get());
    EXPECT_VALUES(out.download(), expected);
  }
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  (void)launch_clusters(share_stage<Stage::init_unfenced>, 2, 32, 2, from.get(), out.get());
  EXPECT_FAULT({"unfenced-barrier"}, "share_stage", {kMulticastLine});
  (void)launch_clusters(share_stage<Stage::init_ordered_in_the_block_only>, 2, 32, 2, from.get(),
                        out.get());
  EXPECT_FAULT({"race", "barrier-misuse"}, "share_stage", {});
  (void)launch_clusters(share_stage<Stage::other_does_not_release>, 2, 32, 2, from.get(),
                        out.get());
  EXPECT_FAULT({"race", "barrier-overrun", "barrier-lapped"}, "share_stage", {});
  (void)launch_clusters(share_stage<Stage::released_too_early>, 2, 32, 2, from.get(), out.get());
  EXPECT_FAULT({"race"}, "share_stage", {kMulticastLine, kReadLine});
}

// --- A copy from one CTA to another.

enum class Copy { right, source_unfenced, source_written_at_once, destination_read_at_once };

template <Copy kCopy>
__global__ void copy_across(uint32_t* out) {
  __shared__ alignas(128) uint32_t source[32], to[32];
  __shared__ alignas(8) uint64_t arrived_bits, free_bits;
  const uint32_t arrived = address_of(&arrived_bits), free = address_of(&free_bits);
  const uint32_t rank = cluster_rank(), t = threadIdx.x;
  if (t == 0) {
    init(arrived, 1);
    init(free, 32);
    fence_init();
  }
  cluster_sync();
  if (rank == 0) {
    for (uint32_t i = 0; i < 2; ++i) {
      if (i > 0 && kCopy != Copy::source_written_at_once) wait(free, 0);
      write(source[t], 1000 * i + t);
      if (kCopy != Copy::source_unfenced) fence_async();
      __syncwarp();
      if (t == 0) copy_to(map_to(address_of(to), 1), address_of(source), 128, map_to(arrived, 1));
    }
  } else {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 2; ++i) {
      if (t == 0) arrive_expect(arrived, 128);
      __syncwarp();
      if (kCopy != Copy::destination_read_at_once) wait(arrived, i);
      sum += read(to[t]);
      if (kCopy == Copy::destination_read_at_once) wait(arrived, i);
      arrive_remote(map_to(free, 0));
    }
    out[t] = sum;
  }
  cluster_sync();
}

TEST(HopperClusterRaces, a_copy_from_block_to_block) {
  NEEDS_HOPPER();
  const auto out = zeroed<uint32_t>(32);
  LAUNCH_CLUSTER(copy_across<Copy::right>, 2, 32, 2, out.get());
  std::vector<uint32_t> expected(32);
  for (uint32_t i = 0; i < 32; ++i) expected[i] = 1000 + 2 * i;
  EXPECT_VALUES(out.download(), expected);
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  (void)launch_clusters(copy_across<Copy::source_unfenced>, 2, 32, 2, out.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "copy_across", {kCopyLine});
  (void)launch_clusters(copy_across<Copy::source_written_at_once>, 2, 32, 2, out.get());
  EXPECT_FAULT({"race"}, "copy_across", {kWriteLine});
  (void)launch_clusters(copy_across<Copy::destination_read_at_once>, 2, 32, 2, out.get());
  EXPECT_FAULT({"race", "uninitialised-read"}, "copy_across", {kReadLine, kCopyLine});
}

}  // namespace cluster_race_tests
