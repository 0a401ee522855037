// SPDX-License-Identifier: MIT
// Storage formats against their definition and against the numbers that standards list.
#include "harness/oracle/rounding.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace foldconv::oracle {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::uint16_t encoded_bits(DataType dtype, float value) {
  const std::vector<std::byte> bytes = encode(dtype, std::vector<float>{value});
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes.data(), sizeof bits);
  return bits;
}

float decoded(DataType dtype, std::uint16_t bits) {
  std::byte bytes[sizeof bits];
  std::memcpy(bytes, &bits, sizeof bits);
  return decode(dtype, bytes)[0];
}

TEST(Rounding, KnownBinary16Numbers) {
  EXPECT_EQ(encoded_bits(DataType::f16, 1.0f), 0x3c00);
  EXPECT_EQ(encoded_bits(DataType::f16, -2.0f), 0xc000);
  EXPECT_EQ(encoded_bits(DataType::f16, 65504.0f), 0x7bff);
  EXPECT_EQ(encoded_bits(DataType::f16, 65519.0f), 0x7bff);
  EXPECT_EQ(encoded_bits(DataType::f16, 65520.0f), 0x7c00);
  EXPECT_EQ(encoded_bits(DataType::f16, 0x1p-14f), 0x0400);
  EXPECT_EQ(encoded_bits(DataType::f16, 0x1p-24f), 0x0001);
  EXPECT_EQ(encoded_bits(DataType::f16, 0x1p-25f), 0x0000);
  EXPECT_EQ(encoded_bits(DataType::f16, 0x1.8p-24f), 0x0002);
  EXPECT_EQ(encoded_bits(DataType::f16, -0.0f), 0x8000);
  EXPECT_EQ(encoded_bits(DataType::f16, 0.1f), 0x2e66);
}

TEST(Rounding, KnownBfloat16Numbers) {
  EXPECT_EQ(encoded_bits(DataType::bf16, 1.0f), 0x3f80);
  EXPECT_EQ(encoded_bits(DataType::bf16, -3.0f), 0xc040);
  EXPECT_EQ(encoded_bits(DataType::bf16, 3.14159265f), 0x4049);
  EXPECT_EQ(encoded_bits(DataType::bf16, std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(encoded_bits(DataType::bf16, 0x1p-133f), 0x0001);
}

// Every finite bit pattern comes back, every tie between neighbours goes to the even one, and what
// lies off the tie goes to the nearer one.
TEST(Rounding, AllSixteenBitPatterns) {
  for (const DataType dtype : {DataType::f16, DataType::bf16}) {
    const std::uint16_t infinity = dtype == DataType::f16 ? 0x7c00 : 0x7f80;
    for (std::uint16_t bits = 0; bits < infinity; ++bits) {
      const float value = decoded(dtype, bits);
      ASSERT_EQ(encoded_bits(dtype, value), bits);
      ASSERT_EQ(encoded_bits(dtype, -value), bits | 0x8000);
      ASSERT_EQ(round_to_storage(dtype, static_cast<double>(value)), value);
      if (bits + 1 == infinity) break;
      const double low = value, high = decoded(dtype, static_cast<std::uint16_t>(bits + 1));
      ASSERT_EQ(half_spacing(dtype, low), (high - low) / 2);
      const double middle = (low + high) / 2;
      ASSERT_EQ(round_to_storage(dtype, middle), bits % 2 == 0 ? low : high);
      ASSERT_EQ(round_to_storage(dtype, std::nextafter(middle, 0)), low);
      ASSERT_EQ(round_to_storage(dtype, std::nextafter(middle, kInfinity)), high);
    }
    EXPECT_EQ(decoded(dtype, infinity), std::numeric_limits<float>::infinity());
    EXPECT_TRUE(std::isnan(decoded(dtype, static_cast<std::uint16_t>(infinity + 1))));
    EXPECT_TRUE(std::isnan(decoded(dtype, encoded_bits(dtype, std::nanf("")))));
    EXPECT_EQ(encoded_bits(dtype, -std::numeric_limits<float>::infinity()), infinity | 0x8000);
  }
}

TEST(Rounding, FloatIsWhatTheCompilerDoes) {
  for (const double value :
       {0.1, 1.0 / 3, -2e-40, 1e-46, 3.4028235677973366e38, 1e39, 16777217.0}) {
    EXPECT_EQ(round_to_storage(DataType::f32, value),
              static_cast<double>(static_cast<float>(value)));
  }
}

TEST(Rounding, OverflowThreshold) {
  EXPECT_EQ(overflow_threshold(DataType::f16), 65520);
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    const double threshold = overflow_threshold(dtype);
    EXPECT_EQ(round_to_storage(dtype, -threshold), -kInfinity);
    EXPECT_TRUE(std::isfinite(round_to_storage(dtype, std::nextafter(threshold, 0))));
  }
}

}  // namespace
}  // namespace foldconv::oracle
