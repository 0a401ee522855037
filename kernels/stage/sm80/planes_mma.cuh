// SPDX-License-Identifier: MIT
// Shared memory -> tensor cores, the pixels' operands read from planes of x.
#pragma once

#include <cstdint>

#include "ptx/ldmatrix.cuh"
#include "ptx/mma.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/sm80/accumulators.cuh"
#include "stage/sm80/x_planes.cuh"
#include "tile/weight_layout.hpp"

namespace foldconv {

// A warp's product. Fragments of x are not loaded as matrices, whose rows would be aligned to 16 bytes:
// a lane reads the elements of its own rows and pairs, two bytes at a time (PTX ISA, "mma.m16n8k16",
// matrix A), because a pair may begin at any element.
template <int kFragmentsM, int kFragmentsN, class Element>
class PlanesMma {
 public:
  static_assert(kFragmentsN % 2 == 0, "two weight fragments share an ldmatrix");
  Accumulators<kFragmentsM, kFragmentsN> sums;

  // `row`: the warp's first pixel in the tile.
  template <class Planes>
  __device__ __forceinline__ PlanesMma(const Planes& planes, int row) {
#pragma unroll
    for (int i = 0; i < kRows; ++i) windows_[i] = planes.window(row + sums.place(i, 0).row());
  }

  // Adds the products of one slice, k in ascending order. `deltas`: of the slice's first pair. `w`: as
  // WarpMma::multiply_slice() takes it.
  __device__ __forceinline__ void multiply_slice(const PairDelta* deltas, std::uint32_t w) {
    const PairDelta* const own = deltas + threadIdx.x % 4;
#pragma unroll
    for (int k_step = 0; k_step < kSliceWidth / 16; ++k_step) {
      const std::uint32_t w_step = w ^ (k_step * 32);
      std::uint32_t x_fragments[kFragmentsM][4];
      std::uint32_t w_fragments[kFragmentsN / 2][4];
#pragma unroll
      for (int j = 0; j < kFragmentsN / 2; ++j)
        ptx::load_matrix_x4(w_fragments[j], w_step + j * 16 * kSliceBytes);
#pragma unroll
      for (int eight = 0; eight < 2; ++eight) {
        const PairDelta delta = own[k_step * 8 + eight * 4];
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          x_fragments[i / 2][eight * 2 + i % 2] =
              __byte_perm(ptx::load_shared_2(windows_[i] + delta.first),
                          ptx::load_shared_2(windows_[i] + delta.second), 0x5410);
        }
      }
#pragma unroll
      for (int i = 0; i < kFragmentsM; ++i) {
#pragma unroll
        for (int j = 0; j < kFragmentsN; ++j) {
          ptx::mma_m16n8k16<Element>(sums.pair(i * 2, j), sums.pair(i * 2 + 1, j), x_fragments[i],
                                     w_fragments[j / 2][j % 2 * 2],
                                     w_fragments[j / 2][j % 2 * 2 + 1]);
        }
      }
    }
  }

 private:
  static constexpr int kRows = kFragmentsM * 2;
  std::uint32_t windows_[kRows];  // of the lane's pixels
};

}  // namespace foldconv
