// SPDX-License-Identifier: MIT
// Where a pair of accumulators stands in a warp's tile.
#pragma once

namespace foldconv {

// Rows are pixels, columns channels, both split into eights: what is a constant stays one in the
// addresses made of it.
struct PairPlace {
  int row_eight, row_in_eight;
  int column_eight, column_in_eight;  // of the pair's first; the second is the next one
  __device__ __forceinline__ int row() const { return row_eight * 8 + row_in_eight; }
  __device__ __forceinline__ int column() const { return column_eight * 8 + column_in_eight; }
};

}  // namespace foldconv
