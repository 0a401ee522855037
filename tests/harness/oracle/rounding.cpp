// SPDX-License-Identifier: MIT
#include "harness/oracle/rounding.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace foldconv::oracle {
namespace {

struct Format {
  int precision;     // significant bits, the hidden one included
  int min_exponent;  // of the smallest normal number
  int max_exponent;  // of the largest number
};

constexpr Format kBinary16{11, -14, 15};
constexpr Format kBfloat16{8, -126, 127};
constexpr Format kBinary32{24, -126, 127};

const Format& format_of(DataType dtype) {
  switch (dtype) {
    case DataType::f16:
      return kBinary16;
    case DataType::bf16:
      return kBfloat16;
    case DataType::f32:
      break;
  }
  return kBinary32;
}

// log2 of the distance between neighbours at a finite `value`; subnormals have that of the smallest normal
// number.
int spacing_exponent(const Format& format, double value) {
  // The field is 0 for double's zeros and subnormals, which lie below every format.
  const auto field = static_cast<int>(std::bit_cast<std::uint64_t>(value) >> 52 & 0x7ff);
  return std::max(field - 1023, format.min_exponent) - (format.precision - 1);
}

// The bits of a value that a 16-bit format holds exactly, or of an infinity or NaN.
std::uint16_t bits_of(const Format& format, double value) {
  const int fraction_bits = format.precision - 1;
  const int bias = 1 - format.min_exponent;
  const auto sign = static_cast<std::uint32_t>(std::signbit(value)) << 15;
  const auto exponent_mask = static_cast<std::uint32_t>(format.max_exponent + bias + 1)
                             << fraction_bits;
  if (std::isnan(value)) {
    return static_cast<std::uint16_t>(sign | exponent_mask | (1u << (fraction_bits - 1)));
  }
  if (std::isinf(value)) return static_cast<std::uint16_t>(sign | exponent_mask);
  if (value == 0) return static_cast<std::uint16_t>(sign);
  const double magnitude = std::fabs(value);
  const int spacing = spacing_exponent(format, magnitude);
  const auto steps = static_cast<std::uint32_t>(magnitude * power_of_two(-spacing));
  // Normal numbers carry their hidden bit in `steps`; it adds one to the exponent field.
  const auto field = static_cast<std::uint32_t>(spacing + fraction_bits - format.min_exponent);
  return static_cast<std::uint16_t>(sign | ((field << fraction_bits) + steps));
}

float value_of(const Format& format, std::uint16_t bits) {
  const int fraction_bits = format.precision - 1;
  const std::uint32_t fraction = bits & ((1u << fraction_bits) - 1);
  const int field = (bits & 0x7fff) >> fraction_bits;
  const int last_field = format.max_exponent - format.min_exponent + 2;
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (field == last_field) {
    return sign * (fraction != 0 ? std::numeric_limits<float>::quiet_NaN()
                                 : std::numeric_limits<float>::infinity());
  }
  const bool subnormal = field == 0;
  const int exponent = (subnormal ? 1 : field) - 1 + format.min_exponent;
  const auto steps = static_cast<float>(subnormal ? fraction : fraction | (1u << fraction_bits));
  return sign * steps * static_cast<float>(power_of_two(exponent - fraction_bits));
}

}  // namespace

double round_to_storage(DataType dtype, double value) {
  if (!std::isfinite(value)) return value;
  if (std::fabs(value) >= overflow_threshold(dtype)) {
    return std::copysign(std::numeric_limits<double>::infinity(), value);
  }
  // Scaling by a power of two is exact: formats are far from double's limits. nearbyint rounds ties to even.
  const int spacing = spacing_exponent(format_of(dtype), value);
  return std::nearbyint(value * power_of_two(-spacing)) * power_of_two(spacing);
}

double half_spacing(DataType dtype, double value) {
  if (!std::isfinite(value)) return std::numeric_limits<double>::infinity();
  return power_of_two(spacing_exponent(format_of(dtype), value) - 1);
}

double overflow_threshold(DataType dtype) {
  const Format& format = format_of(dtype);
  return (2 - power_of_two(-format.precision)) * power_of_two(format.max_exponent);
}

std::vector<std::byte> encode(DataType dtype, std::span<const float> values) {
  if (dtype == DataType::f32) {
    const auto bytes = std::as_bytes(values);
    return {bytes.begin(), bytes.end()};
  }
  std::vector<std::byte> bytes(values.size() * sizeof(std::uint16_t));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double rounded = round_to_storage(dtype, static_cast<double>(values[i]));
    const std::uint16_t bits = bits_of(format_of(dtype), rounded);
    std::memcpy(&bytes[i * sizeof bits], &bits, sizeof bits);
  }
  return bytes;
}

std::vector<float> decode(DataType dtype, std::span<const std::byte> bytes) {
  const std::size_t width = dtype == DataType::f32 ? sizeof(float) : sizeof(std::uint16_t);
  std::vector<float> values(bytes.size() / width);
  if (dtype == DataType::f32) {
    // Not memcpy: of no bytes there is no address.
    std::copy_n(bytes.begin(), values.size() * width,
                std::as_writable_bytes(std::span(values)).begin());
    return values;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, &bytes[i * width], width);
    values[i] = value_of(format_of(dtype), bits);
  }
  return values;
}

}  // namespace foldconv::oracle
