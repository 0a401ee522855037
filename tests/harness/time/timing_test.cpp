// SPDX-License-Identifier: MIT
// On the device: that what is to be timed runs, cold and warm.
#include "harness/time/timing.hpp"

#include <cuemu.h>
#include <gtest/gtest.h>

#include "harness/caught.hpp"

namespace foldconv::harness {
namespace {

constexpr RepetitionLimits kShort{.seconds = 0.01};

class Timed : public testing::Test {
 protected:
  DeviceBuffer buffer_{64};
  Launch work_ = [this](cudaStream_t stream) {
    check(cudaMemsetAsync(buffer_.data(), 7, buffer_.bytes(), stream), "memset");
  };
};

TEST_F(Timed, EveryElementIsTimedColdAndWarm) {
  const auto timings = time_interleaved({work_, work_}, {.l2_bytes = 1 << 10, .limits = kShort});
  ASSERT_EQ(timings.size(), 2U);
  for (const Timings& timing : timings) {
    for (const std::optional<Timing>& one : {timing.cold, timing.warm}) {
      ASSERT_TRUE(one);
      EXPECT_GE(one->seconds, 0);
      EXPECT_GE(one->samples, kShort.fewest);
    }
  }
  EXPECT_EQ(buffer_.download(), Bytes(64, std::byte{7}));
}

TEST_F(Timed, OnlyWhatIsAskedFor) {
  const auto cold = time_interleaved({work_}, {.warm = false, .limits = kShort});
  EXPECT_TRUE(cold.front().cold);
  EXPECT_FALSE(cold.front().warm);
  const auto warm = time_interleaved({work_}, {.cold = false, .limits = kShort});
  EXPECT_FALSE(warm.front().cold);
  EXPECT_TRUE(warm.front().warm);
}

TEST_F(Timed, AFailingLaunchEndsTheCapture) {
  const Launch fails = [](cudaStream_t) { throw Error(ErrorCode::unsupported, "on purpose"); };
  EXPECT_EQ(
      message_of([&] { time_interleaved({fails}, {.limits = kShort}); }, ErrorCode::unsupported),
      "on purpose");
  EXPECT_EQ(why_not_captured(fails), "on purpose");
  EXPECT_EQ(why_not_captured(work_), "");
}

TEST(ReadMemory, AnEarlierErrorIsNotItsOwn) {
  void* memory = nullptr;
  ASSERT_NE(cudaMalloc(&memory, std::size_t{1} << 60), cudaSuccess);  // leaves its error behind
  const DeviceBuffer buffer(64);
  EXPECT_NO_THROW(read_memory(buffer, nullptr));
  static_cast<void>(cudaGetLastError());
  check(cudaDeviceSynchronize(), "reading");
}

TEST(ReadMemory, ReadsAllAndWritesNothing) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{15}, std::size_t{16},
                                  std::size_t{5000}, std::size_t{5} << 20}) {
    const DeviceBuffer buffer(bytes, Guards::none);  // the emulator faults on reads outside
    cuemu_reset_counters();
    read_memory(buffer, nullptr);
    check(cudaDeviceSynchronize(), "reading");
    cuemu_counters counters{};
    if (cuemu_read_counters(&counters) != 0) {
      EXPECT_EQ(counters.global_load.bytes, bytes / 16 * 16);
      EXPECT_EQ(counters.global_store.bytes, 0U);
    }
    EXPECT_EQ(buffer.download(), Bytes(bytes, std::byte{DeviceBuffer::kPoison}));
  }
}

}  // namespace
}  // namespace foldconv::harness
