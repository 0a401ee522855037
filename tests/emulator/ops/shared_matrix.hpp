// SPDX-License-Identifier: MIT
// A wgmma operand of 16-bit elements in shared memory, as a matrix descriptor tells where it lies (PTX ISA, "Asynchronous
// Warpgroup Level Matrix Shared Memory Layout" and "Matrix Descriptor Format").
#pragma once

#include <cstdint>

namespace cuemu {

// An element has a line, which is its row of A or its column of B, and k. It lies in pieces of 16 bytes: 8 elements along k,
// or, MN-major, along the lines.
struct SharedMatrix {
  uint32_t start = 0, leading = 0, stride = 0;  // bytes
  uint32_t base_offset = 0;
  uint32_t swizzle = 0;  // bytes of a row of the pattern: 0 (none), 32, 64, 128
  bool mn_major = false;
  bool has_unknown_bits = false;

  SharedMatrix(uint64_t descriptor, bool is_mn_major) : mn_major(is_mn_major) {
    const auto bytes = [=](unsigned bit) {
      return static_cast<uint32_t>(descriptor >> bit & 0x3FFF) << 4;
    };
    start = bytes(0), leading = bytes(16), stride = bytes(32);
    base_offset = static_cast<uint32_t>(descriptor >> 49 & 7);
    const auto mode = static_cast<uint32_t>(descriptor >> 62);
    swizzle = mode == 0 ? 0 : 256u >> mode;
    has_unknown_bits = (descriptor & 0x3FF1'C000'C000'C000) != 0;
  }

  // Where the pattern's rows of 128 bytes begin to repeat is a matter of the address alone.
  bool starts_inside_pattern() const {
    return swizzle != 0 && (start >> 7 & (swizzle / 16 - 1)) != 0;
  }

  // The offset of the piece that begins with this element: k, or MN-major the line, is a multiple of 8.
  uint32_t piece(uint32_t line, uint32_t k) const {
    uint32_t at = start;
    if (!mn_major) {
      at += line / 8 * stride;
      if (swizzle == 0) return at + line % 8 * 16 + k / 8 * leading;
      at += line % 8 * swizzle + k * 2;
    } else {
      if (swizzle == 0) return at + line / 8 * stride + k / 8 * leading + k % 8 * 16;
      const uint32_t width = swizzle / 2;
      at += line / width * leading + k / 8 * stride + k % 8 * swizzle + line % width * 2;
    }
    return at ^ (at >> 7 & (swizzle / 16 - 1)) << 4;
  }

  // Calls visit(offset) for the pieces of these lines, in multiples of 8, and 16 steps of k.
  template <class Visit>
  void each_piece(uint32_t first_line, uint32_t lines, Visit visit) const {
    for (uint32_t l = first_line; l < first_line + lines; l += mn_major ? 8 : 1)
      for (uint32_t k = 0; k < 16; k += mn_major ? 1 : 8) visit(piece(l, k));
  }
};

}  // namespace cuemu
