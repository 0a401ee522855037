// SPDX-License-Identifier: MIT
// How wgmma's operands lie in shared memory: the matrix descriptor and the canonical layouts. PTX
// ISA, "Matrix Descriptor Format", "Strides", "Canonical Layouts".
#pragma once

#include <cstdint>
#include <string>

#include "probe/number_format.hpp"

namespace foldconv::probes {

// The dimension whose elements are neighbours in memory: K, or M (of A) and N (of B).
enum class Major { k, mn };

struct WgmmaLayout {
  Major major = Major::k;
  std::uint32_t swizzle = 0;       // 0, 32, 64, 128 bytes
  std::uint32_t start = 0;         // bytes after the image's 1024-byte boundary
  std::uint32_t lbo = 0, sbo = 0;  // leading dimension byte offset, stride byte offset
  std::uint32_t base_offset = 0;

  std::uint64_t descriptor() const;

  // The byte after the boundary where the element of row (of A) or column (of B) `mn` and of `k`
  // lies.
  std::uint32_t offset(int mn, int k, const NumberFormat& format) const;
};

// Without gaps: `lines` rows of A or columns of B, and `steps` instructions along K.
WgmmaLayout dense_layout(Major major, std::uint32_t swizzle, int lines, int steps,
                         std::uint32_t start, const NumberFormat& format);

// For the instruction at `step` along K.
WgmmaLayout advance(const WgmmaLayout& layout, int step);

// "k_major_swizzle128", "mn_major_swizzle_none".
std::string describe(Major major, std::uint32_t swizzle);

}  // namespace foldconv::probes
