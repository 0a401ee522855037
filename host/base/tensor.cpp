// SPDX-License-Identifier: MIT
#include "foldconv/tensor.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"

namespace foldconv {
namespace {

// A binary floating-point format with `digits` bits of significand (the hidden one included) and
// normal numbers from 2^min_exponent to below `limit`.
struct Format {
  int digits;
  int min_exponent;
  double limit;
};
constexpr Format kF16 = {11, -14, 0x1p16};
constexpr Format kBf16 = {8, -126, 0x1p128};

// Nearest even in one step, subnormal results included: adding and subtracting 1.5 * 2^(52 + q)
// leaves a double with no bits below 2^q, rounded as the processor rounds.
double round_to_format(Format format, double value) {
  const double overflow = std::copysign(std::numeric_limits<double>::infinity(), value);
  if (std::isnan(value)) return value;
  if (std::abs(value) >= format.limit) return overflow;
  const auto biased_exponent =
      static_cast<int>(std::bit_cast<std::uint64_t>(value) >> 52 & 0x7ff);  // 0: below any format
  const int exponent = std::max(biased_exponent - 1023, format.min_exponent);
  const int last_bit = exponent - (format.digits - 1);
  const double magic =
      std::bit_cast<double>(static_cast<std::uint64_t>(52 + last_bit + 1023) << 52) * 1.5;
  const double rounded = std::copysign(value + magic - magic, value);
  return std::abs(rounded) < format.limit ? rounded : overflow;
}

}  // namespace

std::size_t size_of(DataType dtype) noexcept {
  switch (dtype) {
    case DataType::f16:
    case DataType::bf16:
      return 2;
    case DataType::f32:
      return 4;
  }
  return 0;
}

const char* to_string(DataType dtype) noexcept {
  switch (dtype) {
    case DataType::f16:
      return "f16";
    case DataType::bf16:
      return "bf16";
    case DataType::f32:
      return "f32";
  }
  return "unknown";
}

Result<DataType> parse_data_type(std::string_view name) {
  return host::guarded([&]() -> Result<DataType> {
    for (const DataType dtype : {DataType::f16, DataType::bf16, DataType::f32}) {
      if (name == to_string(dtype)) return dtype;
    }
    return host::invalid("unknown data type", host::text('"', name, '"'), "use f16, bf16 or f32");
  });
}

float round_to(DataType dtype, double value) noexcept {
  switch (dtype) {
    case DataType::f16:
      return static_cast<float>(round_to_format(kF16, value));
    case DataType::bf16:
      return static_cast<float>(round_to_format(kBf16, value));
    case DataType::f32:
      return static_cast<float>(value);
  }
  return std::numeric_limits<float>::quiet_NaN();
}

}  // namespace foldconv
