// SPDX-License-Identifier: MIT
// What the async proxy reads and generic stores have written, with and without fence.proxy.async; sources of bulk stores
// that are written again; barriers whose initialisation is not fenced.
#include <cuda_fp16.h>

#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace proxy_fence_tests {

using namespace hopper;

// One line each, to be named.
// clang-format off
constexpr int kStoreLine = __LINE__ + 2;
__device__ void store(void* to, uint32_t from, uint32_t bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to), "r"(from), "r"(bytes) : "memory");
}

constexpr int kFillLine = __LINE__ + 2;
__device__ void fill(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(from), "r"(bytes), "r"(barrier) : "memory");
}

constexpr int kMultiplyLine = __LINE__ + 2;
__device__ void multiply(float (&d)[4], uint64_t a, uint64_t b) {
  asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%0, %1, %2, %3}, %4, %5, 1, 1, 1, 0, 0;" : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "l"(a), "l"(b));
}

constexpr int kLoadLine = __LINE__ + 1;
__device__ uint32_t load(const uint32_t& word) { return *const_cast<const volatile uint32_t*>(&word); }

constexpr int kWriteLine = __LINE__ + 1;
__device__ void write(uint32_t& word, uint32_t value) { *const_cast<volatile uint32_t*>(&word) = value; }
// clang-format on

__device__ void commit() {
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}
template <int kPending>
__device__ void wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(kPending) : "memory");
}

// --- An output panel that all threads write and one thread stores.

enum class Panel {
  right,
  without_fence,
  fence_before_the_writes,
  fence_of_the_storing_thread_only,
  fence_of_one_warp,
  fence_behind_the_barrier,
  fence_of_global_memory,
  without_barrier,
  without_wait,
  wait_for_one_store_too_few,
  wait_without_barrier,
};

__device__ constexpr bool all_fence(Panel p) {
  return p == Panel::right || p >= Panel::without_barrier;
}

template <Panel kPanel>
__global__ void panels(uint32_t* to) {
  __shared__ alignas(128) uint32_t panel[2][64];
  for (uint32_t i = 0; i < 4; ++i) {
    // Before it is written again, the store before the last one must have read it.
    if (kPanel != Panel::without_wait) {
      if (threadIdx.x == 0) {
        if (kPanel == Panel::wait_for_one_store_too_few)
          wait_read<2>();
        else
          wait_read<1>();
      }
      if (kPanel != Panel::wait_without_barrier) __syncthreads();
    }
    if (kPanel == Panel::fence_before_the_writes) fence_async();
    write(panel[i % 2][threadIdx.x], 100 * i + threadIdx.x);
    if (all_fence(kPanel)) fence_async();
    if (kPanel == Panel::fence_of_the_storing_thread_only && threadIdx.x == 0) fence_async();
    if (kPanel == Panel::fence_of_one_warp && threadIdx.x < 32) fence_async();
    if (kPanel == Panel::fence_of_global_memory)
      asm volatile("fence.proxy.async.global;" ::: "memory");
    if (kPanel != Panel::without_barrier) __syncthreads();
    if (kPanel == Panel::fence_behind_the_barrier && threadIdx.x == 0) fence_async();
    if (threadIdx.x == 0) {
      store(to + 64 * i, address_of(panel[i % 2]), 256);
      commit();
    }
  }
  if (threadIdx.x == 0) wait_read<0>();
}

TEST(HopperProxyFences, panels_for_bulk_stores) {
  NEEDS_HOPPER();
  const auto to = zeroed<uint32_t>(256);
  LAUNCH(panels<Panel::right>, 1, 64, to.get());
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < 256; ++i) expected.push_back(100 * (i / 64) + i % 64);
  EXPECT_VALUES(to.download(), expected);
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  panels<Panel::without_fence><<<1, 64>>>(to.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "panels", {kStoreLine});
  panels<Panel::fence_before_the_writes><<<1, 64>>>(to.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "panels", {kStoreLine});
  panels<Panel::fence_of_the_storing_thread_only><<<1, 64>>>(to.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "panels", {kStoreLine});
  panels<Panel::fence_of_one_warp><<<1, 64>>>(to.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "panels", {kStoreLine});
  panels<Panel::fence_behind_the_barrier><<<1, 64>>>(to.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "panels", {kStoreLine});
  panels<Panel::fence_of_global_memory><<<1, 64>>>(to.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "panels", {kStoreLine});
}

TEST(HopperProxyFences, panels_written_again) {
  NEEDS_HOPPER();
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  const auto to = zeroed<uint32_t>(256);
  panels<Panel::without_barrier><<<1, 64>>>(to.get());
  EXPECT_FAULT({"race", "uninitialised-read"}, "panels", {kStoreLine, kWriteLine});
  panels<Panel::without_wait><<<1, 64>>>(to.get());
  EXPECT_FAULT({"bulk-source-race"}, "panels", {kWriteLine});
  panels<Panel::wait_for_one_store_too_few><<<1, 64>>>(to.get());
  EXPECT_FAULT({"bulk-source-race"}, "panels", {kWriteLine});
  panels<Panel::wait_without_barrier><<<1, 64>>>(to.get());
  EXPECT_FAULT({"bulk-source-race"}, "panels", {kWriteLine});
}

// A lane's fence is for its own writes, and all that a warp has written need not be for the async proxy.
__global__ void lanes_of_their_own(uint32_t* to, uint32_t* out, bool fence) {
  __shared__ alignas(128) uint32_t header[4], rest[32];
  rest[threadIdx.x] = threadIdx.x;
  if (threadIdx.x == 5) {
    for (uint32_t i = 0; i < 4; ++i) header[i] = 10 + i;
    if (fence) fence_async();
    store(to, address_of(header), 16);
    commit();
    wait_read<0>();
    header[0] = 3;
  }
  __syncwarp();
  out[threadIdx.x] = rest[31 - threadIdx.x];
}

TEST(HopperProxyFences, lanes) {
  NEEDS_HOPPER();
  const auto to = zeroed<uint32_t>(4), out = zeroed<uint32_t>(32);
  LAUNCH(lanes_of_their_own, 1, 32, to.get(), out.get(), true);
  EXPECT_VALUES(to.download(), std::vector<uint32_t>{10, 11, 12, 13});
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  lanes_of_their_own<<<1, 32>>>(to.get(), out.get(), false);
  EXPECT_FAULT({"missing-proxy-fence"}, "lanes_of_their_own", {kStoreLine});
}

// --- What bulk stores write

enum class Written {
  right,
  waited_for_reads_only,
  one_group_too_few,
  barrier_before_the_wait,
  filled_from
};

template <Written kWritten>
__global__ void read_back(uint32_t* to, uint32_t* out) {
  __shared__ alignas(128) uint32_t data[2][64], again[64];
  __shared__ alignas(8) uint64_t bits;
  for (uint32_t i = 0; i < 2; ++i) data[i][threadIdx.x] = 50 * i + threadIdx.x;
  fence_async();
  if (threadIdx.x == 0) {
    init(address_of(&bits), 1);
    fence_init();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    for (uint32_t i = 0; i < 2; ++i) {
      store(to + 64 * i, address_of(data[i]), 256);
      commit();
    }
  }
  if (kWritten == Written::barrier_before_the_wait) __syncthreads();
  if (threadIdx.x == 0) {
    if (kWritten == Written::waited_for_reads_only || kWritten == Written::filled_from)
      wait_read<0>();
    else if (kWritten == Written::one_group_too_few)
      asm volatile("cp.async.bulk.wait_group 1;" ::: "memory");
    else
      asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
    if (kWritten == Written::filled_from) {
      arrive_expect(address_of(&bits), 256);
      fill(address_of(again), to + 64, 256, address_of(&bits));
    }
  }
  if (kWritten != Written::barrier_before_the_wait) __syncthreads();
  if (kWritten == Written::filled_from) wait(address_of(&bits), 0);
  out[threadIdx.x] =
      kWritten == Written::filled_from ? again[threadIdx.x] : load(to[127 - threadIdx.x]);
}

TEST(HopperProxyFences, what_bulk_stores_write) {
  NEEDS_HOPPER();
  const auto to = zeroed<uint32_t>(128), out = zeroed<uint32_t>(64);
  LAUNCH(read_back<Written::right>, 1, 64, to.get(), out.get());
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < 64; ++i) expected.push_back(50 + 63 - i);
  EXPECT_VALUES(out.download(), expected);
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  read_back<Written::waited_for_reads_only><<<1, 64>>>(to.get(), out.get());
  EXPECT_FAULT({"race"}, "read_back", {kLoadLine});
  read_back<Written::one_group_too_few><<<1, 64>>>(to.get(), out.get());
  EXPECT_FAULT({"race"}, "read_back", {kLoadLine});
  read_back<Written::barrier_before_the_wait><<<1, 64>>>(to.get(), out.get());
  EXPECT_FAULT({"race"}, "read_back", {kLoadLine});
  read_back<Written::filled_from><<<1, 64>>>(to.get(), out.get());
  EXPECT_FAULT({"race"}, "read_back", {kFillLine});
}

// What the async proxy has written it may read.
__global__ void copy_through(const uint32_t* from, uint32_t* to) {
  __shared__ alignas(128) uint32_t data[64];
  __shared__ alignas(8) uint64_t bits;
  const uint32_t barrier = address_of(&bits);
  if (threadIdx.x == 0) {
    init(barrier, 1);
    fence_async();
    for (uint32_t i = 0; i < 3; ++i) {
      arrive_expect(barrier, 256);
      fill(address_of(data), from + 64 * i, 256, barrier);
      wait(barrier, i & 1);
      store(to + 64 * i, address_of(data), 256);
      commit();
      wait_read<0>();
    }
  }
}

TEST(HopperProxyFences, none_between_copies) {
  NEEDS_HOPPER();
  std::vector<uint32_t> values(192);
  for (uint32_t i = 0; i < 192; ++i) values[i] = 7 * i;
  const DeviceBuffer<uint32_t> from(values);
  const auto to = zeroed<uint32_t>(192);
  LAUNCH(copy_through, 1, 32, from.get(), to.get());
  EXPECT_VALUES(to.download(), values);
}

// --- Operands of wgmma that threads have written.

enum class Operands {
  right,
  without_fence,
  fence_of_three_warps,
  without_barrier,
  written_in_flight
};

__device__ uint64_t descriptor(uint32_t address, uint32_t leading) {
  return uint64_t{128 >> 4} << 32 | uint64_t{leading >> 4} << 16 | address >> 4;
}

template <Operands kOperands>
__global__ void multiply_written(float* out) {
  constexpr uint32_t kTwos = 0x40004000;  // two halves
  __shared__ alignas(128) uint32_t a[512], b[64];
  for (uint32_t i = threadIdx.x; i < 512; i += 128) a[i] = kTwos;
  if (threadIdx.x >= 64) b[threadIdx.x - 64] = kTwos;
  if (kOperands != Operands::without_fence &&
      (kOperands != Operands::fence_of_three_warps || threadIdx.x < 96))
    fence_async();
  if (kOperands != Operands::without_barrier) __syncthreads();
  float d[4] = {};
  asm volatile("wgmma.fence.sync.aligned;"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])::"memory");
  multiply(d, descriptor(address_of(a), 1024), descriptor(address_of(b), 128));
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
  if (kOperands == Operands::written_in_flight && threadIdx.x == 0) write(b[0], 0);
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
  for (int i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = d[i];
}

TEST(HopperProxyFences, operands_of_wgmma) {
  NEEDS_HOPPER();
  const auto out = zeroed<float>(512);
  LAUNCH(multiply_written<Operands::right>, 1, 128, out.get());
  EXPECT_VALUES(out.download(), std::vector<float>(512, 64.0f));
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  multiply_written<Operands::without_fence><<<1, 128>>>(out.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "multiply_written", {kMultiplyLine});
  multiply_written<Operands::fence_of_three_warps><<<1, 128>>>(out.get());
  EXPECT_FAULT({"missing-proxy-fence"}, "multiply_written", {kMultiplyLine});
  multiply_written<Operands::without_barrier><<<1, 128>>>(out.get());
  EXPECT_FAULT({"race", "uninitialised-read"}, "multiply_written", {});
  multiply_written<Operands::written_in_flight><<<1, 128>>>(out.get());
  EXPECT_FAULT({"race"}, "multiply_written", {kWriteLine});
}

// --- mbarriers

enum class Init {
  fenced,
  fenced_for_the_proxy,
  unfenced,
  fenced_by_another_thread,
  fenced_before,
  without_barrier
};

template <Init kInit>
__global__ void initialise(const uint32_t* from, uint32_t* out) {
  __shared__ alignas(128) uint32_t data[64];
  __shared__ alignas(8) uint64_t bits;
  const uint32_t barrier = address_of(&bits);
  if (kInit == Init::fenced_before) fence_init();
  if (threadIdx.x == 0) {
    init(barrier, 1);
    if (kInit == Init::fenced || kInit == Init::without_barrier) fence_init();
    if (kInit == Init::fenced_for_the_proxy) fence_async();
  }
  if (kInit == Init::fenced_by_another_thread && threadIdx.x == 1) fence_init();
  if (kInit != Init::without_barrier) __syncthreads();
  if (threadIdx.x == 32) {
    arrive_expect(barrier, 256);
    fill(address_of(data), from, 256, barrier);
  }
  wait(barrier, 0);
  out[threadIdx.x] = data[threadIdx.x];
}

TEST(HopperProxyFences, initialisation_of_barriers) {
  NEEDS_HOPPER();
  std::vector<uint32_t> values(64);
  for (uint32_t i = 0; i < 64; ++i) values[i] = 5 * i;
  const DeviceBuffer<uint32_t> from(values);
  const auto out = zeroed<uint32_t>(64);
  LAUNCH(initialise<Init::fenced>, 1, 64, from.get(), out.get());
  EXPECT_VALUES(out.download(), values);
  LAUNCH(initialise<Init::fenced_for_the_proxy>, 1, 64, from.get(), out.get());
  NEEDS_EMULATOR();
  const Switch on("race", 1);
  initialise<Init::unfenced><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"unfenced-barrier"}, "initialise", {kFillLine});
  initialise<Init::fenced_by_another_thread><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"unfenced-barrier"}, "initialise", {kFillLine});
  initialise<Init::fenced_before><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"unfenced-barrier"}, "initialise", {kFillLine});
  initialise<Init::without_barrier><<<1, 64>>>(from.get(), out.get());
  EXPECT_FAULT({"race"}, "initialise", {});
}

}  // namespace proxy_fence_tests
