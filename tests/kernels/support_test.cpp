// SPDX-License-Identifier: MIT
// The tests' own tools: they must see what they are there to see.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "kernels/support/golden.hpp"
#include "kernels/support/test_conv.hpp"

namespace foldconv::kernel_tests {
namespace {

void write_byte(std::byte* at, int value) {
  check(cudaMemset(at, value, 1), "cudaMemset");
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

TEST(Support, GuardBandsSeeAWrite) {
  const DeviceBuffer buffer(100);
  auto* data = static_cast<std::byte*>(buffer.data());
  EXPECT_TRUE(buffer.guards_intact());
  for (std::byte* outside : {data - 1, data + 100, data - 512, data + 100 + 512}) {
    write_byte(outside, 0);
    EXPECT_FALSE(buffer.guards_intact());
    write_byte(outside, DeviceBuffer::kPoison);
    EXPECT_TRUE(buffer.guards_intact());
  }
  write_byte(data, 0);
  write_byte(data + 99, 0);
  EXPECT_TRUE(buffer.guards_intact()) << "the data itself may be written";
}

TEST(Support, AWrittenGuardBandFailsTheTest) {
  EXPECT_NONFATAL_FAILURE(
      {
        const DeviceBuffer buffer(16);
        write_byte(static_cast<std::byte*>(buffer.data()) + 16, 0);
      },
      "guard band");
}

TEST(Support, PoisonIsNotANumberInEveryType) {
  DeviceBuffer buffer(64);
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    for (const float value : oracle::decode(dtype, buffer.download())) {
      EXPECT_TRUE(std::isnan(value));
    }
  }
}

TEST(Support, BuffersAreAlignedToSixteenBytesAndNoMore) {
  const DeviceBuffer buffer(64);
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
  EXPECT_EQ(address % kAlignmentBytes, 0u);
  EXPECT_NE(address % (2 * kAlignmentBytes), 0u);
}

TEST(Support, OneWrongElementFails) {
  const ConvProblem problem{.h = 3, .w = 3, .c = 8, .k = 8};
  const TestConv integers = make_conv(problem, {.integers = true});
  std::vector<float> got = run(integers);
  expect_exact(integers, got);
  got[41] += 1;
  EXPECT_NONFATAL_FAILURE(expect_exact(integers, got), "pixel 5 channel 1");

  const TestConv random = make_conv(problem, oracle::RawOptions{});
  std::vector<float> off = run(random);
  expect_within_bound(random, off);
  off[7] *= 1 + 0x1p-9f;
  EXPECT_NONFATAL_FAILURE(expect_within_bound(random, off), "worst element 7");
}

TEST(Support, MissingGoldensAreAnError) {
  EXPECT_THROW(read_goldens("/no/such/folder"), std::runtime_error);
  EXPECT_THROW(read_goldens(golden_folder()), std::runtime_error);  // none of its own
}

}  // namespace
}  // namespace foldconv::kernel_tests
