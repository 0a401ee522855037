// SPDX-License-Identifier: MIT
#include "foldconv/tensor.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A 16-bit format, decoded from the definition of IEEE 754, section 3.4.
struct Format {
  DataType dtype;
  int exponent_bits;

  int fraction_bits() const { return 15 - exponent_bits; }
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  unsigned infinity_bits() const { return ((1u << exponent_bits) - 1) << fraction_bits(); }

  double decode(unsigned bits) const {
    const double sign = bits & 0x8000 ? -1 : 1;
    const int exponent = static_cast<int>(bits >> fraction_bits()) & ((1 << exponent_bits) - 1);
    const unsigned fraction = bits & ((1u << fraction_bits()) - 1);
    if (exponent == (1 << exponent_bits) - 1) {
      return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * kInfinity;
    }
    const double unit = std::ldexp(1.0, -fraction_bits());
    if (exponent == 0) return sign * std::ldexp(fraction * unit, 1 - bias());
    return sign * std::ldexp(1 + fraction * unit, exponent - bias());
  }
};

class RoundTo : public testing::TestWithParam<Format> {};

TEST_P(RoundTo, KeepsEveryValueOfTheFormat) {
  const Format format = GetParam();
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const double value = format.decode(bits);
    const float rounded = round_to(format.dtype, value);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(rounded)) << std::hex << bits;
    } else {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(double{rounded}), std::bit_cast<std::uint64_t>(value))
          << std::hex << bits;
    }
  }
}

// Between each pair of neighbours, zero and infinity included: the tie goes to the even one, and
// the doubles next to the tie to the nearer one.
TEST_P(RoundTo, NearestEvenBetweenAllNeighbours) {
  const Format format = GetParam();
  const double largest_step = std::ldexp(1.0, format.bias() - format.fraction_bits());
  for (unsigned bits = 0; bits < format.infinity_bits(); ++bits) {
    const double below = format.decode(bits);
    const double above = format.decode(bits + 1);
    const double tie = std::isinf(above) ? below + largest_step / 2 : below + (above - below) / 2;
    const double even = bits % 2 == 0 ? below : above;
    for (const double sign : {1.0, -1.0}) {
      ASSERT_EQ(round_to(format.dtype, sign * tie), sign * even) << std::hex << bits;
      ASSERT_EQ(round_to(format.dtype, sign * std::nextafter(tie, 0)), sign * below) << bits;
      ASSERT_EQ(round_to(format.dtype, sign * std::nextafter(tie, kInfinity)), sign * above)
          << bits;
    }
  }
}

TEST_P(RoundTo, ExtremeDoubles) {
  const DataType dtype = GetParam().dtype;
  EXPECT_EQ(round_to(dtype, 1e300), kInfinity);
  EXPECT_EQ(round_to(dtype, -std::numeric_limits<double>::max()), -kInfinity);
  EXPECT_EQ(round_to(dtype, kInfinity), kInfinity);
  EXPECT_EQ(round_to(dtype, std::numeric_limits<double>::denorm_min()), 0);
  EXPECT_FALSE(std::signbit(round_to(dtype, 1e-300)));
  EXPECT_TRUE(std::signbit(round_to(dtype, -1e-300)));
  EXPECT_TRUE(std::signbit(round_to(dtype, -0.0)));
}

INSTANTIATE_TEST_SUITE_P(Formats, RoundTo,
                         testing::Values(Format{DataType::f16, 5}, Format{DataType::bf16, 8}),
                         [](const auto& test) { return to_string(test.param.dtype); });

TEST(RoundToF16, OverflowThreshold) {
  EXPECT_EQ(round_to(DataType::f16, std::nextafter(65520.0, 0)), 65504);
  EXPECT_EQ(round_to(DataType::f16, 65520.0), kInfinity);
}

// Rounding to float first would turn the value into a tie, and the tie down to 1.
TEST(RoundToF16, OneRoundingNotTwo) {
  const double value = 1 + std::ldexp(1, -11) + std::ldexp(1, -40);
  EXPECT_EQ(round_to(DataType::f16, static_cast<float>(value)), 1);
  EXPECT_EQ(round_to(DataType::f16, value), 1 + std::ldexp(1, -10));
}

TEST(RoundToF32, NearestEven) {
  EXPECT_EQ(round_to(DataType::f32, 0.1), 0.1f);
  EXPECT_EQ(round_to(DataType::f32, 1 + std::ldexp(1, -24)), 1.0f);
  EXPECT_EQ(round_to(DataType::f32, 1e39), kInfinity);
}

TEST(DataType, NamesSizesAndParsing) {
  EXPECT_EQ(size_of(DataType::f16), 2u);
  EXPECT_EQ(size_of(DataType::bf16), 2u);
  EXPECT_EQ(size_of(DataType::f32), 4u);
  for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
    const Result<DataType> parsed = parse_data_type(to_string(dtype));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, dtype);
  }
  EXPECT_TRUE(fails_with(parse_data_type("fp16"), ErrorCode::invalid_argument,
                         {"\"fp16\"", "f16, bf16 or f32"}));
}

TEST(DataType, OutsideTheEnum) {
  const auto unknown = static_cast<DataType>(7);
  EXPECT_EQ(size_of(unknown), 0u);
  EXPECT_STREQ(to_string(unknown), "unknown");
  EXPECT_TRUE(std::isnan(round_to(unknown, 1.0)));
}

}  // namespace
}  // namespace foldconv
