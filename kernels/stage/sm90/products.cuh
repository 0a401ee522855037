// SPDX-License-Identifier: MIT
// A warpgroup's accumulators, and the wgmmas that fill them.
#pragma once

#include <cstdint>

#include "ptx/wgmma.cuh"
#include "stage/pair_place.cuh"
#include "stage/sm80/accumulators.cuh"
#include "stage/sm90/copy_ring.cuh"
#include "tile/sm90_tile.hpp"

namespace foldconv {

template <Sm90Tile T, class Element>
class WarpgroupProducts {
 public:
  // `row`: of the tile, this warpgroup's first.
  __device__ __forceinline__ explicit WarpgroupProducts(int row) : x_offset_(row * kSliceBytes) {}

  // Sums all of K, one group of products behind the copies: while a stage's products run, the stage before is
  // released. Calls all_arrived() when the last stage has been waited for.
  template <class AllArrived>
  __device__ __forceinline__ void multiply_stages(RingConsumer<T>& ring, int k_blocks,
                                                  AllArrived&& all_arrived) {
    for (int k_block = 0; k_block < k_blocks; ++k_block) {
      const std::uint32_t stage = ring.wait();
      ptx::fence_wgmma();
      issue(stage, k_block > 0);
      ptx::commit_wgmma();
      ptx::wait_wgmma<1>();
      if (k_block > 0) ring.template release<1>();
    }
    all_arrived();
    ptx::wait_wgmma<0>();
    ring.template release<0>();
    keep_sums();
  }

  // A warp's share of 64 rows x kColumns * 8 channels, as the epilogue walks it.
  template <int kWidth>
  struct Box {
    static constexpr int kRows = 2;
    static constexpr int kColumns = kWidth;
    const float* values;

    static __device__ __forceinline__ PairPlace place(int i, int j) {
      return Accumulators<1, kWidth>::place(i, j);
    }
    __device__ __forceinline__ float2 pair(int i, int j) const {
      return {values[j * 4 + i * 2], values[j * 4 + i * 2 + 1]};
    }
  };
  __device__ __forceinline__ Box<T.panel_width() / 8> box(int atom, int panel) const {
    return {&sums_[atom][panel * T.panel_width() / 2]};
  }

 private:
  __device__ __forceinline__ void issue(std::uint32_t stage, bool accumulate) {
    const std::uint64_t x = ptx::matrix_descriptor(stage + x_offset_);
    const std::uint64_t w = ptx::matrix_descriptor(stage + T.x_bytes());
#pragma unroll
    for (int k_step = 0; k_step < kSliceWidth / 16; ++k_step) {
      const int in_row = k_step * 32 / 16;  // 16 channels, in units of 16 bytes
#pragma unroll
      for (int atom = 0; atom < T.atoms(); ++atom) {
        ptx::Wgmma<Element, T.block_n>::multiply(
            sums_[atom], x + atom * (T.kBoxRows * kSliceBytes / 16) + in_row, w + in_row,
            accumulate || k_step > 0);
      }
    }
  }

  // What reads the sums stays behind the wait for them.
  __device__ __forceinline__ void keep_sums() {
#pragma unroll
    for (auto& atom : sums_) {
#pragma unroll
      for (float& sum : atom) ptx::settle(sum);
    }
  }

  std::uint32_t x_offset_;
  float sums_[T.atoms()][T.block_n / 2] = {};
};

}  // namespace foldconv
