// SPDX-License-Identifier: MIT
// Bulk copies that nobody waits for, or for the wrong number of bytes.
#include "../support/counting.cuh"
#include "../support/faults.hpp"
#include "../support/hopper.cuh"

using namespace cuemu_tests;

namespace unfinished_copy_tests {

using namespace hopper;

constexpr uint32_t kBytes = 256;

__device__ void fill(uint32_t* shared, const uint32_t* from, uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(address_of(shared)),
      "l"(from), "r"(kBytes), "r"(barrier)
      : "memory");
}

enum class Load { waited, not_waited, waited_elsewhere, expects_less, expects_more };

__global__ void load(Load how, const uint32_t* from, uint32_t* out) {
  __shared__ alignas(128) uint32_t data[kBytes / 4];
  __shared__ alignas(8) uint64_t bits[2];
  const uint32_t b = address_of(&bits[0]), other = address_of(&bits[1]);
  if (threadIdx.x == 0) {
    init(b, 1);
    init(other, 1);
    fence_init();
    arrive_expect(b, how == Load::expects_less   ? kBytes - 16
                     : how == Load::expects_more ? kBytes + 16
                                                 : kBytes);
    fill(data, from, b);
    arrive(other);
  }
  __syncthreads();
  if (how == Load::not_waited) return;
  wait(how == Load::waited_elsewhere ? other : b, 0);
  out[threadIdx.x] = how == Load::waited_elsewhere ? 0 : data[threadIdx.x];
}

TEST(HopperUnfinishedCopies, loads) {
  NEEDS_HOPPER();
  std::vector<uint32_t> values(kBytes / 4);
  for (uint32_t i = 0; i < values.size(); ++i) values[i] = 3 * i + 1;
  const DeviceBuffer<uint32_t> from(values);
  const auto out = zeroed<uint32_t>(values.size());
  const auto launch = [&](Load how) { load<<<1, kBytes / 4>>>(how, from.get(), out.get()); };
  launch(Load::waited);
  EXPECT_VALUES(out.download(), values);
  NEEDS_EMULATOR();
  launch(Load::not_waited);
  EXPECT_FAULT({"unfinished-copy"}, "load", {});
  launch(Load::waited_elsewhere);
  EXPECT_FAULT({"unfinished-copy"}, "load", {});
  launch(Load::expects_less);
  std::string text = EXPECT_FAULT({"deadlock"}, "load", {});
  EXPECT_TRUE(text.find("0 of 1 arrivals and -16 bytes missing") != std::string::npos, text);
  launch(Load::expects_more);
  text = EXPECT_FAULT({"deadlock"}, "load", {});
  EXPECT_TRUE(text.find("0 of 1 arrivals and 16 bytes missing") != std::string::npos, text);
}

enum class Store { waited, waited_for_reads, not_waited, not_committed, one_group_late };

__global__ void store(Store how, uint32_t* to) {
  __shared__ alignas(128) uint32_t data[2][kBytes / 4];
  for (int i = 0; i < 2; ++i) data[i][threadIdx.x] = 100 * i + threadIdx.x;
  fence_async();
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int i = 0; i < 2; ++i) {
    asm volatile(
        "cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to + i * kBytes / 4),
        "r"(address_of(data[i])), "r"(kBytes)
        : "memory");
    if (how != Store::not_committed || i == 0)
      asm volatile("cp.async.bulk.commit_group;" ::: "memory");
  }
  if (how == Store::one_group_late)
    asm volatile("cp.async.bulk.wait_group.read 1;" ::: "memory");
  else if (how == Store::waited_for_reads)
    asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
  else if (how != Store::not_waited)
    asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
}

TEST(HopperUnfinishedCopies, stores) {
  NEEDS_HOPPER();
  std::vector<uint32_t> expected;
  for (uint32_t i = 0; i < 2; ++i)
    for (uint32_t t = 0; t < kBytes / 4; ++t) expected.push_back(100 * i + t);
  for (Store how : {Store::waited, Store::waited_for_reads}) {
    const auto to = zeroed<uint32_t>(expected.size());
    store<<<1, kBytes / 4>>>(how, to.get());
    EXPECT_VALUES(to.download(), expected);
  }
  NEEDS_EMULATOR();
  const auto to = zeroed<uint32_t>(expected.size());
  for (Store how : {Store::not_waited, Store::not_committed, Store::one_group_late}) {
    store<<<1, kBytes / 4>>>(how, to.get());
    EXPECT_FAULT({"unfinished-copy"}, "store", {});
  }
}

}  // namespace unfinished_copy_tests
