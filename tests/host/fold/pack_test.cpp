// SPDX-License-Identifier: MIT
#include "fold/pack.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "host/expect_error.hpp"

namespace foldconv {
namespace {

using test::fails_with;

struct Sizes {
  int k, c, r, s;
};

FoldedConv folded(DataType dtype, const Sizes& sizes, const std::vector<float>& weights) {
  Result<FoldedConv> result =
      fold({.values = weights, .k = sizes.k, .c_per_group = sizes.c, .r = sizes.r, .s = sizes.s},
           std::nullopt, {.dtype = dtype});
  EXPECT_TRUE(result.ok()) << result.status().message();
  return *result;
}

template <class Element>
std::vector<Element> elements(const std::vector<std::byte>& bytes) {
  std::vector<Element> out(bytes.size() / sizeof(Element));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

// The canonical order, walked: slices of 64 channels, inside a slice the taps, inside a tap the
// channels. A last slice is padded, unless there is no other; then the row is.
std::vector<float> walked(const Sizes& sizes, const std::vector<float>& kcrs) {
  const int width = sizes.c < 64 ? sizes.c : 64;
  std::vector<float> packed;
  for (int k = 0; k < sizes.k; ++k) {
    for (int slice = 0; slice < sizes.c; slice += width) {
      for (int r = 0; r < sizes.r; ++r) {
        for (int s = 0; s < sizes.s; ++s) {
          for (int c = slice; c < slice + width; ++c) {
            const auto index =
                static_cast<std::size_t>(((k * sizes.c + c) * sizes.r + r) * sizes.s + s);
            packed.push_back(c < sizes.c ? kcrs[index] : 0);
          }
        }
      }
    }
    while (packed.size() % 64 != 0) packed.push_back(0);
  }
  return packed;
}

class PackOrder : public testing::TestWithParam<Sizes> {};

TEST_P(PackOrder, FollowsTheCanonicalOrder) {
  const Sizes sizes = GetParam();
  std::vector<float> weights(static_cast<std::size_t>(sizes.k * sizes.c * sizes.r * sizes.s));
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i + 1);
  const std::vector<float> expected = walked(sizes, weights);
  EXPECT_EQ(elements<float>(host::pack(folded(DataType::f32, sizes, weights))), expected);

  // 16-bit types: the same places. Up to 256, integers are exact in all of them.
  for (float& weight : weights) weight = std::fmod(weight, 256.0f) + 1;
  const std::vector<float> small = walked(sizes, weights);
  const auto bf16 = elements<std::uint16_t>(host::pack(folded(DataType::bf16, sizes, weights)));
  ASSERT_EQ(bf16.size(), small.size());
  for (std::size_t i = 0; i < small.size(); ++i) {
    ASSERT_EQ(std::bit_cast<float>(std::uint32_t{bf16[i]} << 16), small[i]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, PackOrder,
                         testing::Values(Sizes{2, 64, 1, 1}, Sizes{3, 64, 3, 3},
                                         Sizes{2, 128, 3, 3}, Sizes{2, 72, 3, 2}, Sizes{5, 3, 7, 7},
                                         Sizes{2, 1, 1, 1}, Sizes{4, 63, 1, 3}, Sizes{3, 65, 2, 1},
                                         Sizes{1, 130, 1, 1}));

// Every finite f16 value, one weight each, finds its own bit pattern.
TEST(Pack, EveryF16BitPattern) {
  std::vector<float> weights;
  std::vector<std::uint16_t> bits;
  for (unsigned pattern = 0; pattern < 65536; ++pattern) {
    const unsigned exponent = pattern >> 10 & 31, fraction = pattern & 1023;
    if (exponent == 31) continue;
    const double magnitude = exponent == 0
                                 ? std::ldexp(fraction, -24)
                                 : std::ldexp(1024 + fraction, static_cast<int>(exponent) - 25);
    weights.push_back(static_cast<float>(pattern & 0x8000 ? -magnitude : magnitude));
    bits.push_back(static_cast<std::uint16_t>(pattern));
  }
  const int k = static_cast<int>(weights.size());
  const auto packed = elements<std::uint16_t>(
      host::pack(folded(DataType::f16, {.k = k, .c = 1, .r = 1, .s = 1}, weights)));
  ASSERT_EQ(packed.size(), weights.size() * 64);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    ASSERT_EQ(packed[i * 64], bits[i]) << weights[i];
    ASSERT_EQ(packed[i * 64 + 1], 0);
  }
}

TEST(Pack, EveryBf16BitPattern) {
  std::vector<float> weights;
  for (unsigned pattern = 0; pattern < 65536; ++pattern) {
    const auto value = std::bit_cast<float>(pattern << 16);
    if (std::isfinite(value)) weights.push_back(value);
  }
  const int k = static_cast<int>(weights.size());
  const auto packed = elements<std::uint16_t>(
      host::pack(folded(DataType::bf16, {.k = k, .c = 1, .r = 1, .s = 1}, weights)));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    ASSERT_EQ(packed[i * 64], std::bit_cast<std::uint32_t>(weights[i]) >> 16) << weights[i];
  }
}

TEST(PackedSize, LimitsOfARow) {
  constexpr int kLargest = std::numeric_limits<int>::max() - 64;
  EXPECT_TRUE(host::check_packed_size(DataType::f16, 1, 1, kLargest, 1).ok());
  EXPECT_TRUE(fails_with(host::check_packed_size(DataType::f16, 1, 1, kLargest + 1, 1),
                         ErrorCode::invalid_argument, {"one output channel", "2^31"}));
  // 65 channels take two slices of 64.
  EXPECT_TRUE(host::check_packed_size(DataType::f16, 1, 64, 1 << 24, 1).ok());
  EXPECT_TRUE(fails_with(host::check_packed_size(DataType::f16, 1, 65, 1 << 24, 1),
                         ErrorCode::invalid_argument, {"c / groups = 65"}));
}

TEST(PackedSize, LimitOfTheWhole) {
  EXPECT_TRUE(fails_with(
      host::check_packed_size(DataType::f32, std::numeric_limits<int>::max(), 1, 3 << 29, 1),
      ErrorCode::invalid_argument, {"2^63 bytes", "k = 2147483647"}));
}

}  // namespace
}  // namespace foldconv
