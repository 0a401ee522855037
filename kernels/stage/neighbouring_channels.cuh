// SPDX-License-Identifier: MIT
// Eight neighbouring channels in one lane.
#pragma once

namespace foldconv {

// Rows of weights are placed so that a lane's accumulators in four neighbouring fragments are eight
// neighbouring channels: 16 bytes of y, stored without an exchange through shared memory. Row
// (fragment j, column 2 * pair + low) of 32, which becomes a column of the accumulators, holds
// channel 8 * pair + 2 * j + low.
__device__ __forceinline__ int neighbouring_channel(int row) {
  const int j = row / 8 % 4, column = row % 8;
  return row / 32 * 32 + column / 2 * 8 + j * 2 + column % 2;
}

}  // namespace foldconv
