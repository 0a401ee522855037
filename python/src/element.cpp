// SPDX-License-Identifier: MIT
#include "element.hpp"

#include <bit>
#include <functional>
#include <numeric>

namespace foldconv::python {

std::string shown(std::span<const std::int64_t> extents) {
  return foldconv::to_string(Extents(extents.begin(), extents.end()));
}

std::size_t elements_of(std::span<const std::int64_t> extents) {
  return static_cast<std::size_t>(
      std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>()));
}

void to_bf16(const float* from, std::size_t count, std::uint16_t* to) {
  for (std::size_t i = 0; i < count; ++i) {
    const float rounded = round_to(DataType::bf16, static_cast<double>(from[i]));
    to[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(rounded) >> 16);
  }
}

void from_bf16(const std::uint16_t* from, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i)
    to[i] = std::bit_cast<float>(std::uint32_t{from[i]} << 16);
}

}  // namespace foldconv::python
