// SPDX-License-Identifier: MIT
// Shared memory -> tensor cores, the pixels' operands read from planes of x.
#pragma once

#include <cstdint>

#include "ptx/ldmatrix.cuh"
#include "ptx/registers.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "stage/sm80/x_planes.cuh"
#include "tile/weight_layout.hpp"

namespace foldconv {

// Loads a warp's fragments for WarpMma::multiply(), one k-step after another. Those of x are not loaded
// as matrices, whose rows would be aligned to 16 bytes: a lane reads the elements of its own rows and
// pairs, two bytes at a time (PTX ISA, "mma.m16n8k16", matrix A), because a pair may begin at any
// element.
template <int kFragmentsM, int kFragmentsN, class Element>
class PlanesReader {
 public:
  using Mma = WarpMma<kFragmentsM, kFragmentsN, Element>;
  using Sums = decltype(Mma::sums);

  // `row`: the warp's first pixel in the tile. `deltas`: of K's first pair, in shared memory.
  template <class Planes>
  __device__ __forceinline__ PlanesReader(const Planes& planes, int row, const PairDelta* deltas)
      : next_(deltas + threadIdx.x % 4) {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      windows_[i] = planes.window(row + Sums::place(i, 0).row());
      ptx::keep(windows_[i]);
    }
  }

  // Of the next k-step, which is `k_step` of its slice. `w`: as WarpMma::load() takes it.
  __device__ __forceinline__ void load(typename Mma::Fragments& to, std::uint32_t w, int k_step) {
    Mma::load_weights(to, w, k_step);
#pragma unroll
    for (int eight = 0; eight < 2; ++eight) {
      const PairDelta delta = next_[eight * 4];
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        to.x[i / 2][eight * 2 + i % 2] =
            __byte_perm(ptx::load_shared_2(windows_[i] + delta.first),
                        ptx::load_shared_2(windows_[i] + delta.second), 0x5410);
      }
    }
    next_ += 8;
  }

 private:
  static constexpr int kRows = kFragmentsM * 2;  // of pixels that the lane has
  const PairDelta* next_;
  std::uint32_t windows_[kRows];
};

}  // namespace foldconv
