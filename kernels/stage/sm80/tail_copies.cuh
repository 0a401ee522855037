// SPDX-License-Identifier: MIT
// The copying end of block_tail_sm80's pipeline: what each stage of the ring holds, in the order in
// which it is multiplied.
//
//   conv2             a slice of a tap: pixels | weights; or weights alone, where the pixels come once a slice of
//                     channels (stage/sm80/halo_copies.cuh)
//   for each round    a slice of the identity shortcut | conv3's weights, as many slices as fit;
//                     with a projection, more stages of weights
//                     the slice of the next conv1's weights that meets this round's channels of y
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
#include "stage/output_place.cuh"
#include "stage/slice_rows.cuh"
#include "stage/sm80/mainloop.cuh"
#include "stage/sm80/weight_loader.cuh"
#include "stage/sm80/x_loader.cuh"
#include "tile/tail_tile.hpp"

namespace foldconv {

// Slices of conv3's K: the middle tensor's, then a projection's.
__device__ __forceinline__ int middle_slices(const TailParams& p) {
  return WeightLayout{p.conv2.g.k, 1}.slices();
}
__device__ __forceinline__ int conv3_slices(const TailParams& p) {
  return middle_slices(p) +
         (p.projection.x != nullptr ? WeightLayout{p.projection.c, 1}.slices() : 0);
}

// conv2's stages with their pixels.
template <TailTile T, class Element>
class Conv2Copies {
 public:
  __device__ __forceinline__ Conv2Copies(const ConvParams& p, const AddressEntry* table,
                                         const OutputPlace& place)
      : k_blocks_(p.k_blocks),
        x_(p, table, place.m_begin, place.group),
        weights_(p.w, p.k_blocks * kSliceWidth, [&](int row) { return min(row, p.g.k - 1); }) {
    x_.keep_offsets();
    // Warps of 64x64 would spill.
    if constexpr (T.conv2.warp_n() < 64) weights_.keep_offsets();
  }

  __device__ __forceinline__ void begin(std::uint32_t stage) {
    stage_ = stage;
    k_block_ = next_++;
    if (!done()) slice_ = x_.slice(k_block_);
  }
  // Unless done().
  template <int kPart>
  __device__ __forceinline__ void part() const {
    x_.template load_part<kPart, kCopyParts>(stage_, slice_);
    weights_.template load_part<kPart, kCopyParts>(stage_ + T.slice_bytes(),
                                                   weights_.slice(k_block_));
  }
  // Whether the stage begun is none of conv2's.
  __device__ __forceinline__ bool done() const { return k_block_ >= k_blocks_; }

 private:
  int k_blocks_;
  XLoader<T.conv2, ConvLoader::load_rxs, Element> x_;
  ConvWeights<T.conv2, Element> weights_;
  typename XLoader<T.conv2, ConvLoader::load_rxs, Element>::Slice slice_ = {};
  std::uint32_t stage_ = 0;
  int k_block_ = 0, next_ = 0;
};

// conv2's stages by `Conv2`, which has begin(), part() and done(), then those of the rounds.
template <class Conv2, class Rounds>
class CopiesBeforeRounds : public CopiesInParts<CopiesBeforeRounds<Conv2, Rounds>> {
 public:
  __device__ __forceinline__ CopiesBeforeRounds(Conv2& conv2, Rounds& rounds)
      : conv2_(conv2), rounds_(rounds) {}

  __device__ __forceinline__ void begin(std::uint32_t stage) {
    stage_ = stage;
    conv2_.begin(stage);
  }
  template <int kPart>
  __device__ __forceinline__ void part() {
    if (!conv2_.done()) {
      conv2_.template part<kPart>();
    } else if constexpr (kPart == 0) {
      rounds_(stage_);
    }
  }

 private:
  Conv2& conv2_;
  Rounds& rounds_;
  std::uint32_t stage_ = 0;
};

// The stages of the rounds.
template <TailTile T, class Element>
class RoundCopies {
 public:
  static constexpr ConvTile kConv2 = T.conv2;

  __device__ __forceinline__ RoundCopies(const TailParams& p, int m_begin)
      : p_(p), m_begin_(m_begin) {}

  // Starts the copies of the next stage.
  __device__ __forceinline__ void operator()(std::uint32_t stage) {
    const std::uint32_t weights = stage + T.slice_bytes();
    if (first_ < p_.k) {
      if (slice_ < conv3_slices(p_)) {
        if (p_.identity != nullptr) load_identity(stage);
        load_conv3_weights(weights);
        slice_ += T.slices_per_stage();
        if (p_.next.w == nullptr && slice_ >= conv3_slices(p_)) next_round();
      } else {
        load_next_weights(weights);
        next_round();
      }
    }
  }

 private:
  __device__ __forceinline__ void load_identity(std::uint32_t to) const {
    for_each_chunk<kConv2.threads(), kConv2.block_m>([&](int row, int chunk, int offset) {
      const int m = m_begin_ + row, channel = first_ + chunk * 8;
      const auto* from =
          static_cast<const Element*>(p_.identity) + (m * p_.identity_pitch + channel);
      ptx::copy_async_16(to + offset, from, m < p_.conv2.m && channel < p_.k);
    });
  }

  __device__ __forceinline__ void load_conv3_weights(std::uint32_t to) const {
    const WeightLoader<kConv2.threads(), kSliceWidth, Element> loader(
        p_.conv3.w, conv3_slices(p_) * kSliceWidth,
        [&](int row) { return min(first_ + row, p_.k - 1); });
#pragma unroll
    for (int i = 0; i < T.slices_per_stage(); ++i) {
      if (slice_ + i < conv3_slices(p_)) {
        loader.load(to + i * kSliceWidth * kSliceBytes, slice_ + i);
      }
    }
  }

  __device__ __forceinline__ void load_next_weights(std::uint32_t to) const {
    const WeightLoader<kConv2.threads(), kConv2.block_n, Element> loader(
        p_.next.w, WeightLayout{p_.k, 1}.row(), [&](int row) { return min(row, p_.next_k - 1); });
    loader.load(to, first_ / kSliceWidth);
  }

  __device__ __forceinline__ void next_round() {
    slice_ = 0;
    first_ += kSliceWidth;
  }

  const TailParams& p_;
  int m_begin_;
  int first_ = 0;  // channel of y in the round
  int slice_ = 0;  // of conv3's K in the round
};

}  // namespace foldconv
