// SPDX-License-Identifier: MIT
// The copying end of block_tail_sm80's pipeline: what each stage of the ring holds, in the order in
// which it is multiplied.
//
//   conv2             a slice of a tap: pixels | weights
//   for each round    a slice of the identity shortcut | conv3's weights, as many slices as fit;
//                     with a projection, more stages of weights
//                     the slice of the next conv1's weights that meets this round's channels of y
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
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

template <TailTile T, class Element>
class TailCopies : public CopiesInParts<TailCopies<T, Element>> {
 public:
  static constexpr ConvTile kConv2 = T.conv2;

  __device__ __forceinline__ TailCopies(const TailParams& p, const AddressEntry* table, int m_begin)
      : p_(p),
        x_loader_(p.conv2, table, m_begin, 0),
        conv2_weights_(p.conv2.w, p.conv2.k_blocks * kSliceWidth,
                       [&](int row) { return min(row, p.conv2.g.k - 1); }),
        m_begin_(m_begin) {
    // Where registers are left: not to two CTAs an SM in rounds of 128 pixels, and not for the weights of warps of 64x64.
    if constexpr (kConv2.min_ctas_per_sm == 1 || kConv2.block_m == 64) {
      x_loader_.keep_offsets();
      if constexpr (kConv2.warp_n() < 64) conv2_weights_.keep_offsets();
    }
  }

  __device__ __forceinline__ void begin(std::uint32_t stage) {
    stage_ = stage;
    k_block_ = next_++;
    if (k_block_ < p_.conv2.k_blocks) x_slice_ = x_loader_.slice(k_block_);
  }
  // What follows conv2 comes with the first part.
  template <int kPart>
  __device__ __forceinline__ void part() {
    if (k_block_ < p_.conv2.k_blocks) {
      x_loader_.template load_part<kPart, kCopyParts>(stage_, x_slice_);
      conv2_weights_.template load_part<kPart, kCopyParts>(stage_ + T.slice_bytes(),
                                                           conv2_weights_.slice(k_block_));
    } else if constexpr (kPart == 0) {
      after_conv2(stage_);
    }
  }

 private:
  __device__ __forceinline__ void after_conv2(std::uint32_t stage) {
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

  __device__ __forceinline__ void load_identity(std::uint32_t to) const {
    for_each_chunk<kConv2.threads(), kConv2.block_m>([&](int row, int chunk, int offset) {
      const int m = m_begin_ + row, channel = first_ + chunk * 8;
      const auto* from = static_cast<const Element*>(p_.identity) + (m * p_.k + channel);
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
  XLoader<kConv2, ConvLoader::load_rxs, Element> x_loader_;
  WeightLoader<kConv2.threads(), kConv2.block_n, Element> conv2_weights_;
  typename XLoader<kConv2, ConvLoader::load_rxs, Element>::Slice x_slice_ = {};
  int m_begin_;
  std::uint32_t stage_ = 0;
  int k_block_ = 0, next_ = 0;  // of conv2
  int first_ = 0;               // channel of y in the round
  int slice_ = 0;               // of conv3's K in the round
};

}  // namespace foldconv
