// Global -> shared memory: the CTA's output channels of one stage, [block_n][kBlockK], swizzled.
#pragma once

#include <cstdint>

#include "conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "stage/swizzle.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// Packed weights already stand in the order of K, so a stage is the next 128 bytes of each row.
template <ConvTile T, class Element>
class WLoader {
 public:
  static constexpr int kRowStep = T.threads() / ConvTile::kChunksPerRow;
  static constexpr int kRows = T.block_n / kRowStep;
  static_assert(T.block_n % kRowStep == 0 && kRowStep % 8 == 0,
                "every thread serves whole rows, same swizzle");

  // `n_begin`: first output channel of the CTA inside its group. Past the group's end the last row
  // is read again: its products land in channels that are not stored, and the mainloop needs no
  // test.
  __device__ __forceinline__ WLoader(const ConvParams& p, int n_begin, int group)
      : w_(static_cast<const Element*>(p.w)) {
    const int row = threadIdx.x / ConvTile::kChunksPerRow;
    const int chunk = threadIdx.x % ConvTile::kChunksPerRow;
    destination_ = row * kSliceBytes + swizzled_chunk(row, chunk) * 16;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int channel = min(n_begin + row + i * kRowStep, p.g.k_per_group - 1);
      offset_[i] = (group * p.g.k_per_group + channel) * (p.k_blocks * kSliceWidth) + chunk * 8;
    }
  }

  __device__ __forceinline__ void load(std::uint32_t stage, int k_block) const {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      ptx::copy_async_16(stage + destination_ + i * kRowStep * kSliceBytes,
                         w_ + (offset_[i] + k_block * kSliceWidth), true);
    }
  }

 private:
  const Element* w_;
  std::uint32_t destination_;
  int offset_[kRows];  // in elements
};

}  // namespace foldconv
