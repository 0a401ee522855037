// SPDX-License-Identifier: MIT
// Values that are cheaper to compute than to keep.
#pragma once

namespace foldconv {

// `value`, of which the compiler does not know that it is the same in the next turn of a loop: what is
// made of it is not moved out of the loop, into registers that the loop needs.
__device__ __forceinline__ int recomputed(int value) {
  asm volatile("" : "+r"(value));
  return value;
}

}  // namespace foldconv
