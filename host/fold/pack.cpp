// SPDX-License-Identifier: MIT
#include "fold/pack.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/error.hpp"
#include "base/sizes.hpp"
#include "base/text.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv::host {
namespace {

// Bits of a finite value that is exact in binary16.
std::uint16_t f16_bits(float value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const float magnitude = std::abs(value);
  constexpr float kSmallestNormal = 0x1p-14f;
  if (magnitude < kSmallestNormal) {
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(magnitude * 0x1p24f));
  }
  constexpr std::uint32_t kRebias = (127 - 15) << 10;
  return static_cast<std::uint16_t>(sign |
                                    ((std::bit_cast<std::uint32_t>(magnitude) >> 13) - kRebias));
}

std::uint16_t bf16_bits(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
}

template <class Element, class Encode>
std::vector<std::byte> pack_as(const FoldedConv& folded, Encode encode) {
  const int taps = folded.r() * folded.s();
  const WeightLayout layout{folded.c_per_group(), taps};
  const auto row_bytes = static_cast<std::size_t>(layout.row()) * sizeof(Element);
  std::vector<std::byte> packed(static_cast<std::size_t>(folded.k()) * row_bytes);  // zeros
  const float* value = folded.weights().data();
  for (int k = 0; k < folded.k(); ++k) {
    std::byte* row = packed.data() + static_cast<std::size_t>(k) * row_bytes;
    for (int c = 0; c < folded.c_per_group(); ++c) {
      for (int tap = 0; tap < taps; ++tap) {
        const Element element = encode(*value++);
        const auto index = static_cast<std::size_t>(layout.index(tap, c));
        std::memcpy(row + index * sizeof element, &element, sizeof element);
      }
    }
  }
  return packed;
}

}  // namespace

Status check_packed_size(DataType dtype, int k, int c_per_group, int r, int s) {
  constexpr std::int64_t kRowLimit = std::numeric_limits<int>::max() - kSliceWidth;
  // The layout pads slices of channels unless there is just one, and then the row.
  const std::int64_t channels =
      c_per_group < kSliceWidth ? c_per_group : ceil_div(c_per_group, kSliceWidth) * kSliceWidth;
  const std::string value =
      text("c / groups = ", c_per_group, ", r = ", r, ", s = ", s, ", k = ", k);
  const auto row = checked_product({channels, r, s});
  if (!row || *row > kRowLimit) {
    return invalid("the weights of one output channel are 2^31 elements or more", value,
                   text("keep c / groups (in steps of 64 from 64 on) * r * s at most ", kRowLimit));
  }
  const auto element_bytes = static_cast<std::int64_t>(size_of(dtype));
  if (!checked_product({ceil_div(*row, kSliceWidth) * kSliceWidth, k, element_bytes})) {
    return invalid("the weights are 2^63 bytes or more", value, "use smaller sizes");
  }
  return {};
}

std::vector<std::byte> pack(const FoldedConv& folded) {
  switch (folded.dtype()) {
    case DataType::f16:
      return pack_as<std::uint16_t>(folded, f16_bits);
    case DataType::bf16:
      return pack_as<std::uint16_t>(folded, bf16_bits);
    case DataType::f32:
      return pack_as<float>(folded, [](float value) { return value; });
  }
  return {};
}

Result<std::vector<std::byte>> encoded(std::span<const float> values, DataType dtype) {
  const std::size_t size = size_of(dtype);
  std::vector<std::byte> bytes(values.size() * size);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = round_to(dtype, values[i]);
    if (!std::isfinite(value)) {
      return invalid(text("a constant is not finite in ", to_string(dtype)),
                     text("element ", i, " = ", values[i]), "use values of its range, or f32");
    }
    const std::uint16_t half = dtype == DataType::f16 ? f16_bits(value) : bf16_bits(value);
    if (dtype == DataType::f32) {
      std::memcpy(bytes.data() + i * size, &value, size);
    } else {
      std::memcpy(bytes.data() + i * size, &half, size);
    }
  }
  return bytes;
}

}  // namespace foldconv::host
