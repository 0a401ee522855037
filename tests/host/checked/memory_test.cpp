// SPDX-License-Identifier: MIT
// What is said of memory that kernels are to read: of every kind of it, and of its first and last byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/checked_memory.hpp"
#include "base/device_memory.hpp"
#include "base/pointer_queries.hpp"
#include "host/checked/checked.hpp"
#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using host::check_reachable;
using test::fails_with;
using test::kInvalid;

Status checked(const void* data, std::int64_t bytes) {
  return check_reachable({"x", data, bytes});
}

testing::AssertionResult passes(const Status& status) {
  return status.ok() ? testing::AssertionSuccess()
                     : testing::AssertionFailure() << status.message();
}

TEST(CheckedMemory, WhatKernelsReachPasses) {
  constexpr std::size_t kBytes = 1000;
  EXPECT_TRUE(passes(checked(test::on_device(kBytes).get(), kBytes)));
  EXPECT_TRUE(passes(checked(test::pinned(kBytes).get(), kBytes)));
  EXPECT_TRUE(passes(checked(test::managed(kBytes).get(), kBytes)));
  void* pooled = nullptr;
  ASSERT_EQ(cudaMallocAsync(&pooled, kBytes, nullptr), cudaSuccess);
  EXPECT_TRUE(passes(checked(pooled, kBytes)));
  EXPECT_EQ(cudaFreeAsync(pooled, nullptr), cudaSuccess);
  const test::HostBlock registered = test::on_host(kBytes);
  ASSERT_EQ(cudaHostRegister(registered.get(), kBytes, cudaHostRegisterMapped), cudaSuccess);
  EXPECT_TRUE(passes(checked(registered.get(), kBytes)));
  EXPECT_EQ(cudaHostUnregister(registered.get()), cudaSuccess);
}

TEST(CheckedMemory, OfTheHostIsRefused) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU may read it";
  const test::HostBlock memory = test::on_host(64);
  EXPECT_TRUE(fails_with(checked(memory.get(), 64), kInvalid,
                         {"x is memory of the host", "x = 0x", ", 64 bytes", "cudaMalloc()"}));
  const int on_stack = 0;
  EXPECT_TRUE(fails_with(checked(&on_stack, 4), kInvalid, {"x is memory of the host"}));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(CheckedMemory, InNoAllocationIsRefused) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU may have used the address again";
  EXPECT_TRUE(fails_with(checked(test::freed(64), 64), kInvalid,
                         {"x is in no allocation", ", 64 bytes", "not freed"}));
  EXPECT_TRUE(fails_with(checked(reinterpret_cast<void*>(std::uintptr_t{0x10000}), 4), kInvalid,
                         {"x is in no allocation: x = 0x10000, 4 bytes"}));
}

TEST(CheckedMemory, EndsWhereItsAllocationEnds) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU's allocations are whole pages";
  const test::DeviceBlock memory = test::on_device(1000);
  const auto* const begin = static_cast<const std::byte*>(memory.get());
  EXPECT_TRUE(passes(checked(begin, 1000)));
  EXPECT_TRUE(passes(checked(begin + 999, 1)));
  EXPECT_TRUE(fails_with(checked(begin, 1001), kInvalid,
                         {"x is longer than its allocation", "of 1001 bytes at 0x",
                          "only the first 1000 lie in it", "allocate 1001 bytes"}));
  EXPECT_TRUE(fails_with(checked(begin + 990, 1 << 20), kInvalid, {"only the first 10 lie"}));
  EXPECT_TRUE(fails_with(checked(begin + 1000, 1), kInvalid, {"x is "}));
  EXPECT_TRUE(passes(checked(begin + 1000, 0))) << "nothing is read";
}

// Two allocations, and a range from within the first to within the second.
struct TwoAllocations {
  static constexpr std::int64_t kBytes = 200'000;
  explicit TwoAllocations(bool of_pool) : pooled(of_pool) {
    for (void*& place : places) {
      EXPECT_EQ(pooled ? cudaMallocAsync(&place, kBytes, nullptr) : cudaMalloc(&place, kBytes),
                cudaSuccess);
    }
    std::ranges::sort(places);
  }
  ~TwoAllocations() {
    for (void* const place : places)
      EXPECT_EQ(pooled ? cudaFreeAsync(place, nullptr) : cudaFree(place), cudaSuccess);
  }
  std::int64_t across() const {
    return static_cast<std::byte*>(places[1]) - static_cast<std::byte*>(places[0]) + 16;
  }

  bool pooled;
  std::array<void*, 2> places = {};
};

TEST(CheckedMemory, MayNotReachIntoTheNextAllocation) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU may put anything between them";
  const TwoAllocations two(false);
  EXPECT_TRUE(fails_with(checked(two.places[0], two.across()), kInvalid,
                         {"x is longer than its allocation", "only the first 200000 lie in it"}));
}

// As memory that is mapped in pieces, of which each is an allocation.
TEST(CheckedMemory, OfPiecesPassesWhereTheLastByteIsReached) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU may put anything between them";
  const TwoAllocations two(true);
  EXPECT_TRUE(passes(checked(two.places[0], two.across())));
}

TEST(CheckedMemory, OfAnotherDeviceIsRefused) {
  if (test::devices() < 2) GTEST_SKIP() << "one device; on the emulator: CUEMU_DEVICES=2";
  const test::DeviceBlock first = test::on_device(64);
  const test::PinnedBlock everybodys = test::pinned(64);
  const test::OnDevice second(1);
  EXPECT_TRUE(fails_with(checked(first.get(), 64), kInvalid,
                         {"x is memory of device 0, which device 1 does not reach", ", 64 bytes",
                          "cudaDeviceEnablePeerAccess()"}));
  EXPECT_TRUE(passes(checked(everybodys.get(), 64)));
}

// What no emulated device does: the rule alone.
TEST(CheckedMemory, RulesOfOneByte) {
  const test::HostBlock memory = test::on_host(64);
  const void* const there = memory.get();
  const void* const nowhere = reinterpret_cast<const void*>(std::uintptr_t{0x10000});
  const auto check = [&](const void* pointer, cudaMemoryType type, const void* on_device,
                         bool pageable = false) {
    cudaPointerAttributes attributes = {};
    attributes.type = type;
    attributes.device = 3;
    attributes.devicePointer = const_cast<void*>(on_device);
    return host::check_byte({"x", pointer, 64}, pointer, attributes, {1, pageable});
  };
  EXPECT_TRUE(passes(check(there, cudaMemoryTypeDevice, there))) << "a peer's";
  EXPECT_TRUE(fails_with(check(there, cudaMemoryTypeDevice, nullptr), kInvalid, {"of device 3"}));
  EXPECT_TRUE(passes(check(there, cudaMemoryTypeUnregistered, nullptr, true)))
      << "the device reads the program's memory";
  EXPECT_TRUE(fails_with(check(nowhere, cudaMemoryTypeUnregistered, nullptr, true), kInvalid,
                         {"in no allocation"}));
  EXPECT_TRUE(
      fails_with(check(there, cudaMemoryTypeUnregistered, nullptr), kInvalid, {"of the host"}));
  EXPECT_TRUE(fails_with(check(there, cudaMemoryTypeHost, nowhere), kInvalid,
                         {"another address", "on the device 0x10000", "cudaHostGetDevicePointer"}));
  EXPECT_TRUE(fails_with(check(there, cudaMemoryTypeHost, nullptr), kInvalid,
                         {"not mapped for device 1", "cudaHostAlloc"}));
}

TEST(CheckedMemory, WhatCudaDoesNotAnswerIsItsError) {
  if (cuemu_present() == 0) GTEST_SKIP() << "a GPU's calls do not fail when asked to";
  const test::DeviceBlock memory = test::on_device(64);
  for (const int n : {1, 2}) {  // the first byte, the last
    cuemu_fail_call("cudaPointerGetAttributes", static_cast<std::uint64_t>(n), cudaErrorUnknown);
    EXPECT_TRUE(fails_with(checked(memory.get(), 64), ErrorCode::cuda_error,
                           {"cudaPointerGetAttributes", "cudaErrorUnknown"}));
    EXPECT_EQ(cuemu_cancel_failure(), 0);
  }
  // Of memory that it does not know, versions of the runtime say so; the last error is none of the caller's.
  cuemu_fail_call("cudaPointerGetAttributes", 1, cudaErrorInvalidValue);
  EXPECT_TRUE(fails_with(checked(memory.get(), 64), kInvalid, {"x is memory of the host"}));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST(CheckedMemory, TheProgramsOwnReading) {
  const test::HostBlock memory = test::on_host(64);
  EXPECT_TRUE(host::host_can_read(memory.get()));
  EXPECT_TRUE(host::host_can_read(static_cast<std::byte*>(memory.get()) + 13));
  EXPECT_TRUE(host::host_can_read("text"));
  EXPECT_FALSE(host::host_can_read(nullptr));
  EXPECT_FALSE(host::host_can_read(reinterpret_cast<void*>(~std::uintptr_t{0})));
}

}  // namespace
}  // namespace foldconv
