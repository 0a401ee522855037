// SPDX-License-Identifier: MIT
// Where a 16-byte chunk of a row lies in shared memory.
#pragma once

namespace foldconv {

// Rows are a multiple of 128 bytes, so the same chunk of neighbouring rows lies in the same banks.
// Exchanging chunks within groups of eight by the row number spreads a column of eight rows over
// all 32 banks: ldmatrix reads such columns, the epilogue writes them, and both need exactly one
// wavefront for 128 bytes.
__device__ __forceinline__ int swizzled_chunk(int row, int chunk) {
  return chunk ^ (row & 7);
}

}  // namespace foldconv
