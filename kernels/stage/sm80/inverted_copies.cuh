// SPDX-License-Identifier: MIT
// What block_inverted_sm80 brings into shared memory: x with its halo, and the
// weights of a slice of the middle tensor. Each function starts its copies; the
// kernel closes their groups.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "stage/inverted_place.cuh"
#include "stage/sm80/neighbouring_channels.cuh"
#include "stage/swizzle.cuh"
#include "tile/inverted_tile.hpp"

namespace foldconv {

// The thread's number, of which each phase computes its own addresses: kept for
// the next pass of the loop they would take the registers of the sums.
__device__ __forceinline__ int this_thread() {
  return ptx::recomputed(static_cast<int>(threadIdx.x));
}

// Calls body(row, chunk) for the chunks of eight rows that this lane serves:
// eight lanes take eight rows, whose odd length spreads them over all banks,
// and four neighbouring chunks of each are taken at a time.
template <class Body>
__device__ __forceinline__ void for_chunks_of_eight_rows(int chunks, Body&& body) {
  const int lane = this_thread() % 32;
#pragma unroll 1
  for (int chunk = lane / 8; chunk < chunks; chunk += 4) body(lane % 8, chunk);
}

// The box, pixel by pixel. Channels that fill up a step of K are zero.
template <class Element>
__device__ __forceinline__ void copy_inverted_x(const InvertedParams& p, const InvertedPlace& place,
                                                std::uint32_t to) {
  constexpr InvertedTile T;
  const bool planes = p.expand.w == nullptr;
  const int chunks = T.row_chunks(p.c), row_bytes = planes ? T.kMiddleRowBytes : T.row_bytes(p.c);
  for (int row = this_thread() / 32; row < place.box_rows; row += T.kWarps) {
    const int first = (place.image * p.h + place.box_h + row) * p.w + place.box_w;
    for (int eight = 0; eight < place.box_columns; eight += 8) {
      for_chunks_of_eight_rows(chunks, [&](int column, int chunk) {
        column += eight;
        if (column >= place.box_columns) return;
        const bool valid = chunk * 8 < p.c;
        const auto* from = static_cast<const Element*>(p.x) +
                           (valid ? (first + column) * p.x_pitch + chunk * 8 : 0);
        const int offset = planes ? chunk / 8 * p.memory.x_plane + chunk % 8 * 16 : chunk * 16;
        ptx::copy_async_16(to + (row * place.box_columns + column) * row_bytes + offset, from,
                           valid);
      });
    }
  }
}

// Of the middle channels of a slice; the last one is repeated where the slice
// reaches past it, for what it gives is not read.
template <class Element>
__device__ __forceinline__ void copy_expand_weights(const InvertedParams& p, int slice,
                                                    std::uint32_t to) {
  constexpr InvertedTile T;
  const int first = this_thread() / 32 * 8;
  const int elements = WeightLayout{p.c}.slices() * kSliceWidth;
  for_chunks_of_eight_rows(T.row_chunks(p.c), [&](int row, int chunk) {
    row += first;
    const int channel = min(slice * kSliceWidth + row, p.middle - 1);
    ptx::copy_async_16(to + row * T.row_bytes(p.c) + chunk * 16,
                       static_cast<const Element*>(p.expand.w) + (channel * elements + chunk * 8),
                       true);
  });
  static_assert(T.kWarps * 8 == kSliceWidth);
}

// A slice of K for all channels of y, in the order of neighbouring_channel().
template <class Element>
__device__ __forceinline__ void copy_project_weights(const InvertedParams& p, int slice,
                                                     std::uint32_t to) {
  constexpr InvertedTile T;
  const int thread = this_thread(), chunk = thread % 8;
  const int elements = WeightLayout{p.middle}.slices() * kSliceWidth;
  const auto* from = static_cast<const Element*>(p.project.w) + (slice * kSliceWidth + chunk * 8);
#pragma unroll 1
  for (int row = thread / 8; row < T.project_rows(p.k); row += T.threads() / 8) {
    const int channel = min(neighbouring_channel(row), p.k - 1);
    ptx::copy_async_16(to + row * kSliceBytes + swizzled_chunk(row, chunk) * 16,
                       from + channel * elements, true);
  }
}

// Of the depthwise convolution: from a row for each channel to a row for each
// tap, [taps][kSliceWidth]. Eight taps of a channel are a thread's, on their
// way through its registers while it computes.
template <class Element>
class DepthwiseWeights {
 public:
  __device__ __forceinline__ void fetch(const InvertedParams& p, int slice) {
    const int channel = slice * kSliceWidth + channel_of_thread();
    if (first_tap() >= p.kernel * p.kernel || channel >= p.middle) return;
    const auto* w = static_cast<const Element*>(p.depthwise.w) + channel * kSliceWidth;
    taps_ = __ldg(reinterpret_cast<const uint4*>(w + first_tap()));
  }
  __device__ __forceinline__ void put(const InvertedParams& p, char* to) const {
    auto* rows = reinterpret_cast<unsigned short*>(to) + channel_of_thread();
    const unsigned int words[] = {taps_.x, taps_.y, taps_.z, taps_.w};
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int tap = first_tap() + i;
      if (tap < p.kernel * p.kernel) {
        rows[tap * kSliceWidth] = static_cast<unsigned short>(words[i / 2] >> (i % 2 * 16));
      }
    }
  }

 private:
  static __device__ __forceinline__ int channel_of_thread() {
    return this_thread() % kSliceWidth;
  }
  static __device__ __forceinline__ int first_tap() {
    return this_thread() / kSliceWidth * 8;
  }
  static_assert(InvertedTile::threads() / kSliceWidth * 8 >= 25, "all taps have a thread");

  uint4 taps_ = {};
};

}  // namespace foldconv
