// SPDX-License-Identifier: MIT
// The stem's product: a warp's 64 pixels by block_n channels, from the patch of x and the weights in shared memory.
//
// K is that of tile/weight_layout.hpp: r, s, c without gaps, in steps of 16. A filter row is a run of neighbours in the
// patch, so a pair of K is one load of 4 bytes at an address that a constant of the pair adds to the window's; but for
// pairs that end a filter row and begin the next, which are two loads of 2 bytes. What follows the last tap is zero.
#pragma once

#include <cstdint>

#include "ptx/ldmatrix.cuh"
#include "ptx/registers.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "tile/fast_division.hpp"
#include "tile/stem_tile.hpp"

namespace foldconv {

template <StemTile T, class Element>
class StemProduct {
 public:
  using Mma = WarpMma<T.kWarpPixels / 16, T.block_n / 8, Element>;
  using Sums = decltype(Mma::sums);

  // `patch`: shared address of its first element. The tile has `pixels`, in rows of `columns`.
  __device__ __forceinline__ StemProduct(std::uint32_t patch, std::uint32_t weights, int pixels,
                                         const FastDivision& columns)
      : weights_(weights + Mma::w_row() * T.weight_pitch() + Mma::w_chunk() * 16) {
    const int warp_row = static_cast<int>(threadIdx.x) / 32 * T.kWarpPixels;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int pixel = min(warp_row + Sums::place(i, 0).row(), pixels - 1);
      const int row = static_cast<int>(columns.quotient(pixel));
      const int column = static_cast<int>(columns.remainder(pixel, row));
      windows_[i] =
          patch + T.kStride * (row * T.patch_pitch() + column * T.kChannels) * 2 + pair() * 4;
      ptx::keep(windows_[i]);
    }
  }

  // Adds all products, k in ascending order.
  __device__ __forceinline__ void multiply(Mma& mma) const {
    typename Mma::Fragments fragments[2];
    load(fragments[0], 0);
#pragma unroll
    for (int step = 0; step < T.steps(); ++step) {
      if (step + 1 < T.steps()) load(fragments[(step + 1) % 2], step + 1);
      mma.multiply(fragments[step % 2]);
    }
  }

 private:
  static constexpr int kRows = T.kWarpPixels / 8;  // of pixels that the lane has

  // Of the four of eight positions of K.
  __device__ __forceinline__ static int pair() {
    return static_cast<int>(threadIdx.x) % 4;
  }

  // `step` is a constant.
  __device__ __forceinline__ void load(typename Mma::Fragments& to, int step) const {
#pragma unroll
    for (int j = 0; j < T.block_n / 16; ++j)
      ptx::load_matrix_x4(to.w[j], weights_ + j * 16 * T.weight_pitch() + step * 32);
#pragma unroll
    for (int eight = 0; eight < 2; ++eight) load_eight(to, eight, step * 16 + eight * 8);
  }

  __device__ __forceinline__ void load_eight(typename Mma::Fragments& to, int eight, int k) const {
    const int r = k / T.filter_row();
    const int end = (r + 1) * T.filter_row() - k;  // of the filter row, from k on
    const int offset = offset_of(k, r);
    constexpr int kNextRow = (T.patch_pitch() - T.filter_row()) * 2;
    const int valid = T.k() - k;  // positions that are a tap's
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      std::uint32_t& x = to.x[i / 2][eight * 2 + i % 2];
      const std::uint32_t window = windows_[i] + offset;
      if (valid <= 0) {
        x = 0;
      } else if (valid < 8) {
        x = pair() * 2 < valid ? ptx::load_shared_2(window) : 0;
        if (pair() * 2 + 1 < valid) x |= ptx::load_shared_2(window + 2) << 16;
      } else if (end >= 8) {
        x = ptx::load_shared_4(window);
      } else if (end % 2 == 0) {
        x = ptx::load_shared_4(window + (pair() * 2 < end ? 0 : kNextRow));
      } else {
        x = __byte_perm(ptx::load_shared_2(window + (pair() * 2 < end ? 0 : kNextRow)),
                        ptx::load_shared_2(window + (pair() * 2 + 1 < end ? 2 : kNextRow + 2)),
                        0x5410);
      }
    }
  }
  // In bytes, of position k in filter row r.
  __device__ __forceinline__ static constexpr int offset_of(int k, int r) {
    return (r * T.patch_pitch() + k - r * T.filter_row()) * 2;
  }

  std::uint32_t weights_;
  std::uint32_t windows_[kRows];
};

}  // namespace foldconv
