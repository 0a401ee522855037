// SPDX-License-Identifier: MIT
#include "sm90/wgmma_layout.hpp"

namespace foldconv::probes {
namespace {

std::uint64_t encode_address(std::uint32_t bytes) {
  return (bytes & 0x3ffff) >> 4;
}

}  // namespace

std::uint64_t WgmmaLayout::descriptor() const {
  const std::uint64_t mode = swizzle == 128 ? 1 : swizzle == 64 ? 2 : swizzle == 32 ? 3 : 0;
  return encode_address(start) | encode_address(lbo) << 16 | encode_address(sbo) << 32 |
         std::uint64_t{base_offset} << 49 | mode << 62;
}

std::uint32_t WgmmaLayout::offset(int mn_index, int k_index, const NumberFormat& format) const {
  const auto size = static_cast<std::uint32_t>(format.bytes());
  const auto mn = static_cast<std::uint32_t>(mn_index), k = static_cast<std::uint32_t>(k_index);
  const std::uint32_t unit = 16 / size;  // elements in 16 bytes
  std::uint32_t address = start;
  if (major == Major::k && swizzle == 0) {
    address += mn / 8 * sbo + mn % 8 * 16 + k / unit * lbo + k % unit * size;
  } else if (major == Major::k) {
    address += mn / 8 * sbo + mn % 8 * swizzle + k * size;
  } else if (swizzle == 0) {
    address += mn / unit * sbo + k / 8 * lbo + k % 8 * 16 + mn % unit * size;
  } else {
    const std::uint32_t width = swizzle / size;
    address += mn / width * lbo + k / 8 * sbo + k % 8 * swizzle + mn % width * size;
  }
  if (swizzle == 0) return address;
  // The number of the 128-byte row, counted from where the pattern starts, turns the 16-byte units.
  const std::uint32_t row = (address >> 7) - base_offset;
  return address ^ (row & (swizzle / 16 - 1)) << 4;
}

WgmmaLayout dense_layout(Major major, std::uint32_t swizzle, int line_count, int step_count,
                         std::uint32_t start, const NumberFormat& format) {
  const auto lines = static_cast<std::uint32_t>(line_count);
  const auto steps = static_cast<std::uint32_t>(step_count);
  const auto unit = static_cast<std::uint32_t>(16 / format.bytes());
  WgmmaLayout layout;
  layout.major = major;
  layout.swizzle = swizzle;
  layout.start = start;
  if (major == Major::k) {
    layout.lbo = swizzle == 0 ? 128 : 16;  // swizzled: not used
    layout.sbo = swizzle == 0 ? 256 * steps : 8 * swizzle;
  } else if (swizzle == 0) {
    layout.sbo = 128;
    layout.lbo = (lines + unit - 1) / unit * 128;
  } else {
    layout.sbo = 8 * swizzle;
    layout.lbo = 16 * swizzle * steps;
  }
  return layout;
}

WgmmaLayout advance(const WgmmaLayout& layout, int step_index) {
  const auto step = static_cast<std::uint32_t>(step_index);
  WgmmaLayout next = layout;
  if (layout.major == Major::k) {
    next.start += step * (layout.swizzle == 0 ? 2 * layout.lbo : 32);
  } else {
    next.start += step * 2 * (layout.swizzle == 0 ? layout.lbo : layout.sbo);
  }
  return next;
}

std::string describe(Major major, std::uint32_t swizzle) {
  return std::string(major == Major::k ? "k" : "mn") + "_major_swizzle" +
         (swizzle == 0 ? "_none" : std::to_string(swizzle));
}

}  // namespace foldconv::probes
