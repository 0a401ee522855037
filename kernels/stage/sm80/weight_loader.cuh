// SPDX-License-Identifier: MIT
// Global -> shared memory: one slice of K of some output channels' weights, [kRows][kSliceWidth],
// swizzled.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "stage/output_place.cuh"
#include "stage/swizzle.cuh"
#include "tile/conv_tile.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// Packed weights already stand in the order of K, so a slice is the next 128 bytes of each row. A
// thread serves the same chunk of every kRowStep-th row.
template <int kThreads, int kRows, class Element>
class WeightLoader {
 public:
  static constexpr int kRowStep = kThreads / (kSliceBytes / 16);
  static_assert(kRows % kRowStep == 0 && kRowStep % 8 == 0,
                "every thread serves whole rows, same swizzle");

  // Row i of shared memory becomes channel channel_of(i), which must exist: callers repeat the last
  // one where a tile reaches past it, for its products land in channels that are not stored, and
  // the mainloop then needs no test.
  template <class ChannelOf>
  __device__ __forceinline__ WeightLoader(const void* w, int row_elements, ChannelOf&& channel_of)
      : w_(static_cast<const Element*>(w)) {
    const int row = threadIdx.x / (kSliceBytes / 16);
    const int chunk = threadIdx.x % (kSliceBytes / 16);
    destination_ = row * kSliceBytes + swizzled_chunk(row, chunk) * 16;
#pragma unroll
    for (int i = 0; i < kRows / kRowStep; ++i) {
      offset_[i] = channel_of(row + i * kRowStep) * row_elements + chunk * 8;
    }
  }

  // For kernels that have the registers: offsets are not computed again in every slice.
  __device__ __forceinline__ void keep_offsets() {
#pragma unroll
    for (int& offset : offset_) ptx::keep(offset);
  }

  // Brings slice `k_block` of every row to shared address `to`.
  __device__ __forceinline__ void load(std::uint32_t to, int k_block) const {
    load_part<0, 1>(to, slice(k_block));
  }

  // The same in kParts calls, of which this is the kPart-th.
  template <int kPart, int kParts>
  __device__ __forceinline__ void load_part(std::uint32_t to, const Element* slice) const {
#pragma unroll
    for (int i = kPart; i < kRows / kRowStep; i += kParts) {
      ptx::copy_async_16(to + destination_ + i * kRowStep * kSliceBytes,
                         ptx::element_at(slice, offset_[i]), true);
    }
  }
  __device__ __forceinline__ const Element* slice(int k_block) const {
    return w_ + k_block * kSliceWidth;
  }

 private:
  const Element* w_;
  std::uint32_t destination_;
  int offset_[kRows / kRowStep];  // in elements
};

// Of the channels of a CTA of a convolution kernel.
template <ConvTile T, class Element>
using ConvWeights = WeightLoader<T.threads(), T.block_n, Element>;

template <ConvTile T, class Element>
__device__ __forceinline__ ConvWeights<T, Element> conv_weights(const ConvParams& p,
                                                                const OutputPlace& place) {
  return {p.w, p.k_blocks * kSliceWidth, [&](int row) {
            return place.group * p.g.k_per_group + min(place.n_begin + row, p.g.k_per_group - 1);
          }};
}

}  // namespace foldconv
