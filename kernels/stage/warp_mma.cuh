// Shared memory -> tensor cores: one warp's part of a stage.
#pragma once

#include <cstdint>

#include "ptx/ldmatrix.cuh"
#include "ptx/mma.cuh"
#include "stage/swizzle.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// The warp's accumulators: warp_m pixels x warp_n channels as 16x8 fragments (see ptx::mma_m16n8k16
// for the layout inside).
template <ConvTile T, class Element>
class WarpMma {
 public:
  static constexpr int kFragmentsM = T.warp_m() / 16;
  static constexpr int kFragmentsN = T.warp_n() / 8;
  static_assert(T.warp_m() % 16 == 0 && T.warp_n() % 16 == 0,
                "two 16x8 fragments share an ldmatrix");

  float sums[kFragmentsM][kFragmentsN][4] = {};

  __device__ __forceinline__ WarpMma() {
    const int lane = threadIdx.x % 32;
    // x fragments: lanes 0-15 address rows 0-15 of the left 8 columns, lanes 16-31 those of the
    // right ones.
    const int x_row = warp_row() + lane % 16;
    x_offset_ = x_row * ConvTile::kRowBytes + swizzled_chunk(x_row, lane / 16) * 16;
    // w fragments: each quarter warp addresses one 8x8 matrix: (channels 0-7, k 0-7), (0-7, 8-15),
    // (8-15, 0-7), (8-15, 8-15).
    const int w_row = warp_column() + lane / 16 * 8 + lane % 8;
    w_offset_ = T.block_m * ConvTile::kRowBytes + w_row * ConvTile::kRowBytes +
                swizzled_chunk(w_row, lane / 8 % 2) * 16;
  }

  // First pixel and first channel of this warp inside the CTA tile.
  static __device__ __forceinline__ int warp_row() {
    return static_cast<int>(threadIdx.x) / 32 / T.warps_n * T.warp_m();
  }
  static __device__ __forceinline__ int warp_column() {
    return static_cast<int>(threadIdx.x) / 32 % T.warps_n * T.warp_n();
  }

  // Adds the products of one stage (pixels first, then weights), k in ascending order.
  __device__ __forceinline__ void multiply_stage(std::uint32_t stage) {
#pragma unroll
    for (int k_step = 0; k_step < ConvTile::kBlockK / 16; ++k_step) {
      // A step is two chunks on. Both the step and the swizzle only exchange bits of the chunk
      // number, so one xor moves on, and whole rows are added as immediates of the load.
      const std::uint32_t x_address = (stage + x_offset_) ^ (k_step * 32);
      const std::uint32_t w_address = (stage + w_offset_) ^ (k_step * 32);
      std::uint32_t x[kFragmentsM][4];
      std::uint32_t w[kFragmentsN / 2][4];
#pragma unroll
      for (int i = 0; i < kFragmentsM; ++i) {
        ptx::load_matrix_x4(x[i], x_address + i * 16 * ConvTile::kRowBytes);
      }
#pragma unroll
      for (int j = 0; j < kFragmentsN / 2; ++j) {
        ptx::load_matrix_x4(w[j], w_address + j * 16 * ConvTile::kRowBytes);
      }
#pragma unroll
      for (int i = 0; i < kFragmentsM; ++i) {
#pragma unroll
        for (int j = 0; j < kFragmentsN; ++j) {
          ptx::mma_m16n8k16<Element>(sums[i][j], x[i], w[j / 2][j % 2 * 2],
                                     w[j / 2][j % 2 * 2 + 1]);
        }
      }
    }
  }

 private:
  std::uint32_t x_offset_, w_offset_;
};

}  // namespace foldconv
