// SPDX-License-Identifier: MIT
// What a CTA of the depthwise kernel brings into shared memory: scales, biases, weights, and the patch of x.
#pragma once

#include <cstdint>

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/element.cuh"
#include "tile/depthwise_tile.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// What a CTA computes.
struct DepthwisePlace {
  int channel, column, row, image;  // the first of y

  static __device__ __forceinline__ DepthwisePlace of_cta(const DepthwiseParams& p) {
    std::uint32_t rest = blockIdx.x;
    const auto digit = [&](const FastDivision& base) {
      const std::uint32_t whole = base.quotient(rest);
      const int remainder = static_cast<int>(base.remainder(rest, whole));
      rest = whole;
      return remainder;
    };
    DepthwisePlace place;
    place.channel = digit(p.channel_cuts) * p.cut.channels();
    place.column = digit(p.column_cuts) * p.cut.columns();
    place.row = digit(p.row_cuts) * p.cut.rows();
    place.image = static_cast<int>(rest);
    return place;
  }
};

// Where the parts of a CTA's shared memory begin.
template <DepthwiseTile T, int kStride, class Element>
struct DepthwiseShared {
  static constexpr int kBytes = static_cast<int>(sizeof(Element));
  static constexpr int kPieces = T.weight_pieces(kBytes);
  unsigned char* patch;
  unsigned char* weights;
  float* scale;
  float* bias;
  int pixel_bytes, gap_bytes, row_bytes, piece_bytes;

  __device__ __forceinline__ DepthwiseShared(const DepthwiseCut& cut, unsigned char* begin)
      : patch(begin),
        pixel_bytes(cut.pixel_bytes(kBytes)),
        gap_bytes(cut.gap_bytes(kBytes)),
        row_bytes(cut.patch_row_bytes(T, kStride, kBytes)),
        piece_bytes(cut.weight_piece_bytes(T, kBytes)) {
    weights = patch + T.reach(cut.rows(), kStride) * row_bytes;
    scale = reinterpret_cast<float*>(weights + kPieces * piece_bytes);
    bias = scale + cut.channels();
  }
  // Of a pixel in its row of the patch.
  __device__ __forceinline__ int offset(int column) const {
    return column * pixel_bytes + column / (DepthwiseTile::kColumns * kStride) * gap_bytes;
  }
};

// Scales, biases and weights: 16 bytes a thread, zeros behind the last channel.
template <DepthwiseTile T, int kStride, class Element>
__device__ __forceinline__ void copy_constants(const DepthwiseParams& p,
                                               const DepthwisePlace& place,
                                               const DepthwiseShared<T, kStride, Element>& shared) {
  constexpr int kChunk = DepthwiseTile::kChunkBytes, kFloats = kChunk / 4;
  const int channels = p.cut.channels(), left = p.g.c - place.channel;
  const int chunks = channels / kFloats;
  for (int i = threadIdx.x; i < 2 * chunks; i += blockDim.x) {
    const bool bias = i >= chunks;
    const int channel = (bias ? i - chunks : i) * kFloats;
    const int count = min(max(left - channel, 0), kFloats);
    ptx::copy_async_up_to_16(ptx::shared_address(shared.scale + i * kFloats),
                             (bias ? p.bias : p.scale) + place.channel + (count > 0 ? channel : 0),
                             static_cast<std::uint32_t>(count * 4));
  }
  const WeightLayout layout{1, T.filter * T.filter};
  constexpr int kPieces = DepthwiseShared<T, kStride, Element>::kPieces;
  for (int i = threadIdx.x; i < channels * kPieces; i += blockDim.x) {
    const int piece = i % kPieces, position = i / kPieces;
    const int channel = (position & (p.cut.pairs() - 1)) * 2 + (position >> p.cut.log_pairs);
    const bool valid = channel < left;
    const auto* row =
        static_cast<const Element*>(p.w) +
        static_cast<std::int64_t>(place.channel + (valid ? channel : 0)) * layout.row();
    ptx::copy_async_16(
        ptx::shared_address(shared.weights) + piece * shared.piece_bytes + position * kChunk,
        reinterpret_cast<const unsigned char*>(row) + piece * kChunk, valid);
  }
}

// What windows of the CTA's outputs reach of x, as far as it lies in the image: each warp takes whole rows.
template <DepthwiseTile T, int kStride, class Element>
__device__ __forceinline__ void copy_patch(const DepthwiseParams& p, const DepthwisePlace& place,
                                           const DepthwiseShared<T, kStride, Element>& shared) {
  const ConvGeometry& g = p.g;
  const int top = place.row * kStride - g.pad_top, left = place.column * kStride - g.pad_left;
  const int rows = T.reach(min(p.cut.rows(), g.p - place.row), kStride);
  const int columns = T.reach(min(p.cut.columns(), g.q - place.column), kStride);
  const int first = max(0, -left), end = min(columns, g.w - left);
  const int channels = min(p.cut.channels(), g.c - place.channel);
  const int lane = threadIdx.x % 32;
  for (int row = threadIdx.x / 32; row < rows; row += blockDim.x / 32) {
    if (top + row < 0 || top + row >= g.h) continue;
    const std::int64_t pixel =
        (static_cast<std::int64_t>(place.image) * g.h + top + row) * g.w + left;
    const auto* x = static_cast<const Element*>(p.x) + pixel * g.x_pitch + place.channel;
    unsigned char* to = shared.patch + row * shared.row_bytes;
    if (p.vector != 0) {
      constexpr int kElements = DepthwiseTile::kChunkBytes / sizeof(Element);
      constexpr int kPairsOfChunk = kElements / DepthwiseTile::kChannels;
      const int log_chunks = p.cut.log_pairs - (kPairsOfChunk == 4 ? 2 : 1);
      const int channel = (lane & ((1 << log_chunks) - 1)) * kElements;
      if (channel >= channels) continue;
      // From where eight lanes write all banks: the gaps lie between such.
      const int begin = first & -(1 << max(3 - log_chunks, 0));
      for (int column = begin + (lane >> log_chunks); column < end; column += 32 >> log_chunks) {
        if (column < first) continue;
        ptx::copy_async_16(
            ptx::shared_address(to) + shared.offset(column) + channel * sizeof(Element),
            x + static_cast<std::int64_t>(column) * g.x_pitch + channel, true);
      }
    } else {
      // Up to the pair that a thread reads.
      const int log_channels = p.cut.log_pairs + 1, mask = p.cut.channels() - 1;
      for (int i = lane; i < (end - first) << log_channels; i += 32) {
        const int column = first + (i >> log_channels), channel = i & mask;
        reinterpret_cast<Element*>(to + shared.offset(column))[channel] =
            channel < channels ? x[static_cast<std::int64_t>(column) * g.x_pitch + channel]
                               : from_float<Element>(0.0f);
      }
    }
  }
}

}  // namespace foldconv
