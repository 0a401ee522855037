// SPDX-License-Identifier: MIT
// The copying end of block_whole_sm80's pipeline.
//
// All that a CTA reads more than once from global memory passes through one ring of stages, in the
// order in which it is multiplied: for each tile, for each chunk of halo rows, the slices of x
// (with the first 1x1's weights beside them, unless resident); then, unless resident, for each
// round the slices of the last 1x1's weights. The copying end does not know where a tile ends: it
// runs a fixed number of stages ahead, so what the next tile needs first arrives while this one
// computes.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
#include "stage/neighbouring_channels.cuh"
#include "stage/stage_ring.cuh"
#include "stage/swizzle.cuh"
#include "stage/tile_place.cuh"
#include "stage/weight_loader.cuh"
#include "tile/whole_tile.hpp"

namespace foldconv {

// Weights of the last 1x1 for the channels of y that start at `first`.
template <WholeTile T, class Element>
__device__ __forceinline__ auto last_weights(const WholeParams& p, int first) {
  const int row_elements = T.projection ? kSliceWidth + p.c : kSliceWidth;
  return WeightLoader<T.threads(), T.kRoundChannels, Element>(
      p.conv3.w, row_elements,
      [&](int row) { return min(first + neighbouring_channel(row), p.k - 1); });
}

template <WholeTile T, class Element>
class WholeRing {
 public:
  __device__ __forceinline__ WholeRing(const WholeParams& p, std::uint32_t begin)
      : p_(p),
        first_weights_(p.conv1.w, p.c, [](int row) { return row; }),
        ring_(begin),
        tile_(blockIdx.x) {
    locate_chunk();
    ring_.start([this](std::uint32_t stage) { fill(stage); });
  }

  // As StageRing::next().
  __device__ __forceinline__ std::uint32_t next() {
    return ring_.next([this](std::uint32_t stage) { fill(stage); });
  }

 private:
  static constexpr int kRowStep = T.threads() / 8;
  static constexpr int kRows = T.kChunkRows / kRowStep;

  // Where this thread's rows of the chunk lie in x. A copy's address must be aligned even where it
  // copies nothing: rows outside the image stay at x.
  __device__ __forceinline__ void locate_chunk() {
    const TilePlace place(tile_, T.tile_h, T.kTileW, p_.tiles_per_image, p_.tile_columns);
    inside_ = 0;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int row = chunk_ * T.kChunkRows + static_cast<int>(threadIdx.x) / 8 + i * kRowStep;
      const int h = place.h - 1 + row / T.kHaloW;
      const int w = place.w - 1 + row % T.kHaloW;
      const bool inside = row < T.halo_rows() && inside_image(h, w, p_.h, p_.w);
      inside_ |= static_cast<unsigned int>(inside) << i;
      offset_[i] = inside ? ((place.image * p_.h + h) * p_.w + w) * p_.c +
                                static_cast<int>(threadIdx.x) % 8 * 8
                          : 0;
    }
  }

  __device__ __forceinline__ void fill(std::uint32_t stage) {
    if (tile_ >= p_.tiles) return;
    if (chunk_ < T.chunks()) {
      fill_chunk(stage);
    } else {
      last_weights<T, Element>(p_, round_ * T.kRoundChannels).load(stage, slice_);
      advance_round();
    }
  }

  __device__ __forceinline__ void fill_chunk(std::uint32_t stage) {
    const int row = threadIdx.x / 8;
    const std::uint32_t to = stage + row * kSliceBytes + swizzled_chunk(row, threadIdx.x % 8) * 16;
    const auto* x = static_cast<const Element*>(p_.x) + slice_ * kSliceWidth;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      ptx::copy_async_16(to + i * kRowStep * kSliceBytes, x + offset_[i], (inside_ >> i & 1) != 0);
    }
    if constexpr (!T.resident) first_weights_.load(stage + T.kChunkRows * kSliceBytes, slice_);
    if (++slice_ < p_.c / kSliceWidth) return;
    slice_ = 0;
    if (++chunk_ == T.chunks() && T.resident) next_tile();
    if (chunk_ < T.chunks()) locate_chunk();
  }

  __device__ __forceinline__ void advance_round() {
    if (++slice_ < (T.projection ? 1 + p_.c / kSliceWidth : 1)) return;
    slice_ = 0;
    if (++round_ < T.rounds(p_.k)) return;
    next_tile();
    locate_chunk();
  }

  __device__ __forceinline__ void next_tile() {
    chunk_ = 0;
    round_ = 0;
    tile_ += static_cast<int>(gridDim.x);
  }

  const WholeParams& p_;
  WeightLoader<T.threads(), kSliceWidth, Element> first_weights_;
  StageRing<T.stages, T.stage_bytes()> ring_;
  int tile_, chunk_ = 0, round_ = 0, slice_ = 0;
  int offset_[kRows];    // in elements; 0 outside the image
  unsigned int inside_;  // a bit for each row
};

}  // namespace foldconv
