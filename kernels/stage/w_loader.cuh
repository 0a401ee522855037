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

  // `n_begin`: first output channel of the CTA inside its group.
  __device__ __forceinline__ WLoader(const ConvParams& p, int n_begin, int group) {
    const int row = threadIdx.x / ConvTile::kChunksPerRow;
    const int chunk = threadIdx.x % ConvTile::kChunksPerRow;
    row_elements_ = p.k_blocks * kSliceWidth;
    rows_left_ = p.g.k_per_group - n_begin - row;
    w_ = static_cast<const Element*>(p.w) +
         static_cast<std::int64_t>(group * p.g.k_per_group + n_begin + row) * row_elements_ +
         chunk * 8;
    destination_ = row * ConvTile::kRowBytes + swizzled_chunk(row, chunk) * 16;
  }

  __device__ __forceinline__ void load(std::uint32_t stage, int k_block) const {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const bool valid = i * kRowStep < rows_left_;
      const Element* source =
          w_ + (valid ? i * kRowStep * row_elements_ : 0) + k_block * kSliceWidth;
      ptx::copy_async_16(stage + destination_ + i * kRowStep * ConvTile::kRowBytes, source, valid);
    }
  }

 private:
  const Element* w_;
  int row_elements_;
  int rows_left_;  // rows of the group from this thread's first on
  std::uint32_t destination_;
};

}  // namespace foldconv
