// On the device: that what is to be timed runs, cold and warm.
#include "measure/timing.hpp"

#include <gtest/gtest.h>

#include "compute/device_buffer.hpp"

namespace foldconv::tool {
namespace {

constexpr RepetitionLimits kShort{.seconds = 0.01};

class Timed : public testing::Test {
 protected:
  void SetUp() override {
    Result<DeviceBuffer> buffer = DeviceBuffer::allocate(64);
    ASSERT_TRUE(buffer.ok()) << buffer.status().message();
    buffer_ = std::move(*buffer);
    ASSERT_TRUE(buffer_.poison().ok());
  }

  DeviceBuffer buffer_;
  Launches work_ = [this](cudaStream_t stream) {
    return cuda_status(cudaMemsetAsync(buffer_.data(), 7, buffer_.bytes(), stream), "memset");
  };
};

TEST_F(Timed, EveryElementIsTimedColdAndWarm) {
  const auto timings = time_interleaved({work_, work_}, {.l2_bytes = 1 << 10, .limits = kShort});
  ASSERT_TRUE(timings.ok()) << timings.status().message();
  ASSERT_EQ(timings->size(), 2U);
  for (const Timings& timing : *timings) {
    for (const std::optional<Timing>& one : {timing.cold, timing.warm}) {
      ASSERT_TRUE(one);
      EXPECT_GE(one->seconds, 0);
      EXPECT_GE(one->samples, kShort.fewest);
    }
  }
  const Result<std::vector<std::byte>> bytes = buffer_.download();
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  EXPECT_EQ(*bytes, std::vector<std::byte>(64, std::byte{7}));
}

TEST_F(Timed, OnlyWhatIsAskedFor) {
  const auto cold = time_interleaved({work_}, {.warm = false, .limits = kShort});
  ASSERT_TRUE(cold.ok()) << cold.status().message();
  EXPECT_TRUE(cold->front().cold);
  EXPECT_FALSE(cold->front().warm);
  const auto warm = time_interleaved({work_}, {.cold = false, .limits = kShort});
  ASSERT_TRUE(warm.ok()) << warm.status().message();
  EXPECT_FALSE(warm->front().cold);
  EXPECT_TRUE(warm->front().warm);
}

TEST_F(Timed, AFailingLaunchEndsTheCapture) {
  const Launches fails = [](cudaStream_t) { return Status(ErrorCode::unsupported, "on purpose"); };
  const auto timings = time_interleaved({fails}, {.limits = kShort});
  ASSERT_FALSE(timings.ok());
  EXPECT_EQ(timings.status().message(), "on purpose");
  EXPECT_EQ(check_capture(fails).message(), "on purpose");
  EXPECT_TRUE(check_capture(work_).ok());
}

}  // namespace
}  // namespace foldconv::tool
