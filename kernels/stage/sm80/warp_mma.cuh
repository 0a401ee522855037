// SPDX-License-Identifier: MIT
// Shared memory -> tensor cores: one warp's part of a tile.
#pragma once

#include <cstdint>

#include "ptx/ldmatrix.cuh"
#include "ptx/mma.cuh"
#include "stage/sm80/accumulators.cuh"
#include "stage/swizzle.cuh"
#include "tile/weight_layout.hpp"

namespace foldconv {

// A warp's product: its sums, and where its lanes find the operands.
template <int kFragmentsM, int kFragmentsN, class Element>
class WarpMma {
 public:
  static_assert(kFragmentsN % 2 == 0, "two weight fragments share an ldmatrix");
  static constexpr int kXFragments = kFragmentsM;
  Accumulators<kFragmentsM, kFragmentsN> sums;

  // The row of x, counted from a fragment's first, whose address this lane gives, and which of a
  // step's two chunks.
  static __device__ __forceinline__ int x_row() { return threadIdx.x % 16; }
  static __device__ __forceinline__ int x_chunk() { return threadIdx.x / 16 % 2; }
  // The same for w; 16 rows (channels) are two fragments.
  static __device__ __forceinline__ int w_row() {
    return threadIdx.x / 16 % 2 * 8 + threadIdx.x % 8;
  }
  static __device__ __forceinline__ int w_chunk() { return threadIdx.x / 8 % 2; }

  // A k-step's operands.
  struct Fragments {
    std::uint32_t x[kFragmentsM][4];
    std::uint32_t w[kFragmentsN / 2][4];
  };

  // Operands are rows of kSliceBytes, chunks exchanged by a swizzle key. `x` and `w`: this lane's
  // address in the first fragment, chunk x_chunk() or w_chunk() of the slice with the row's swizzle
  // applied; fragments follow at the given distances, which must keep the row's swizzle key.
  template <int kXFragmentBytes = 16 * kSliceBytes>
  static __device__ __forceinline__ void load(Fragments& to, std::uint32_t x, std::uint32_t w,
                                              int k_step) {
    // A step is two chunks on. Both the step and the swizzle only exchange bits of the chunk
    // number, so one xor moves on, and whole rows are added as immediates of the load.
    const std::uint32_t x_step = x ^ (k_step * 32);
#pragma unroll
    for (int i = 0; i < kFragmentsM; ++i)
      ptx::load_matrix_x4(to.x[i], x_step + i * kXFragmentBytes);
    load_weights(to, w, k_step);
  }

  // The same with an address for each fragment of x, wherever its rows lie.
  static __device__ __forceinline__ void load(Fragments& to, const std::uint32_t (&x)[kFragmentsM],
                                              std::uint32_t w, int k_step) {
#pragma unroll
    for (int i = 0; i < kFragmentsM; ++i) ptx::load_matrix_x4(to.x[i], x[i] ^ (k_step * 32));
    load_weights(to, w, k_step);
  }
  static __device__ __forceinline__ void load_weights(Fragments& to, std::uint32_t w, int k_step) {
    const std::uint32_t w_step = w ^ (k_step * 32);
#pragma unroll
    for (int j = 0; j < kFragmentsN / 2; ++j)
      ptx::load_matrix_x4(to.w[j], w_step + j * 16 * kSliceBytes);
  }

  __device__ __forceinline__ void multiply(const Fragments& fragments) {
#pragma unroll
    for (int i = 0; i < kFragmentsM; ++i) {
#pragma unroll
      for (int j = 0; j < kFragmentsN; ++j) {
        ptx::mma_m16n8k16<Element>(sums.pair(i * 2, j), sums.pair(i * 2 + 1, j), fragments.x[i],
                                   fragments.w[j / 2][j % 2 * 2],
                                   fragments.w[j / 2][j % 2 * 2 + 1]);
      }
    }
  }

  // Adds the products of one slice, k in ascending order.
  template <int kXFragmentBytes = 16 * kSliceBytes>
  __device__ __forceinline__ void multiply_slice(std::uint32_t x, std::uint32_t w) {
#pragma unroll
    for (int k_step = 0; k_step < kSliceWidth / 16; ++k_step) {
      Fragments fragments;
      load<kXFragmentBytes>(fragments, x, w, k_step);
      multiply(fragments);
    }
  }
};

// The offset of this lane's address for multiply_slice() in an operand whose rows are swizzled by
// their number: from its row `row` on, a multiple of 8.
template <class Mma>
__device__ __forceinline__ std::uint32_t x_offset(int row) {
  return (row + Mma::x_row()) * kSliceBytes + swizzled_chunk(Mma::x_row(), Mma::x_chunk()) * 16;
}
template <class Mma>
__device__ __forceinline__ std::uint32_t w_offset(int row) {
  return (row + Mma::w_row()) * kSliceBytes + swizzled_chunk(Mma::w_row(), Mma::w_chunk()) * 16;
}

}  // namespace foldconv
