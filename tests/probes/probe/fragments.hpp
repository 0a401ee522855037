// SPDX-License-Identifier: MIT
// Where the PTX ISA says that the elements of matrices lie in the registers of a warp (mma) or a
// warpgroup (wgmma).
#pragma once

#include <cstdint>
#include <vector>

#include "probe/number_format.hpp"
#include "probe/probe.hpp"

namespace foldconv::probes {

// Of one mma: 32 bytes of K, so 16 elements of 16 bits.
inline int k_of(const NumberFormat& format) {
  return 256 / format.bits;
}

struct Place {
  int lane, index;  // register
  int position;     // in it, from the low bits
};

// A: 16 x K. Rows by lane / 4, the lower 8 rows in the odd registers; columns by lane % 4.
inline Place place_in_a(int row, int k, const NumberFormat& format) {
  const int each = format.per_register();
  return {row % 8 * 4 + k / each % 4, k / (4 * each) * 2 + row / 8, k % each};
}

// B: K x 8.
inline Place place_in_b(int k, int column, const NumberFormat& format) {
  const int each = format.per_register();
  return {column * 4 + k / each % 4, k / (4 * each), k % each};
}

// C and D: 16 x N of 32-bit elements, 4 registers for each 8 columns.
inline Place place_in_d(int row, int column) {
  return {row % 8 * 4 + column % 8 / 2, column / 8 * 4 + row / 8 * 2 + column % 2, 0};
}

// A matrix of encoded elements, row by row.
struct Matrix {
  int rows, columns;
  Words elements;

  Matrix(int r, int c)
      : rows(r), columns(c), elements(static_cast<std::size_t>(r) * static_cast<std::size_t>(c)) {}
  std::uint32_t& at(int row, int column) { return elements[index(row, column)]; }
  std::uint32_t at(int row, int column) const { return elements[index(row, column)]; }

 private:
  std::size_t index(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
           static_cast<std::size_t>(column);
  }
};

}  // namespace foldconv::probes
