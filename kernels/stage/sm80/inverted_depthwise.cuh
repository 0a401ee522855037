// SPDX-License-Identifier: MIT
// The depthwise convolution of block_inverted_sm80: a slice of t1 (or of x) ->
// t2, in fp32.
//
// A lane has two neighbouring channels, so a warp reads a pixel's whole slice,
// 128 bytes, in one wavefront, and keeps the slice's weights in registers. It
// computes units of kUnitH x kUnitW pixels; what they read of a row of t1 is
// loaded once. Pixels outside the image count as zero, which gives the bits of
// skipping them: weights are finite, and the sign of a zero of t2 does not
// reach y's sums.
#pragma once

#include <cstdint>
#include <type_traits>

#include "params/block_params.hpp"
#include "ptx/shared_memory.cuh"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/inverted_place.cuh"
#include "stage/sm80/inverted_copies.cuh"
#include "stage/swizzle.cuh"
#include "tile/inverted_tile.hpp"

namespace foldconv {

// A lane's two channels of a unit's pixels, row by row; for Epilogue, pixels are rows.
struct UnitSums {
  static constexpr int kRows = InvertedTile::kUnitH * InvertedTile::kUnitW;
  static constexpr int kColumns = 1;
  float2 pixels[kRows] = {};

  static __device__ __forceinline__ PairPlace place(int i, int) { return {i, 0, 0, 0}; }
  __device__ __forceinline__ const float2& pair(int i, int) const { return pixels[i]; }
};

template <class PairType>
__device__ __forceinline__ PairType pair_of(std::uint32_t word) {
  return reinterpret_cast<const PairType&>(word);
}

// A lane's weights. The nine of 3x3 stay in registers; 25 would take too many, and come from shared memory
// each time.
template <int kTaps, class Element>
class LaneWeights {
 public:
  // `from`: the lane's shared address in the first tap's row.
  __device__ __forceinline__ explicit LaneWeights(std::uint32_t from) : from_(from) {
    if constexpr (kKept) {
#pragma unroll
      for (int tap = 0; tap < kTaps; ++tap) taps_[tap] = load(tap);
    }
  }
  __device__ __forceinline__ float2 operator[](int tap) const {
    if constexpr (kKept) {
      return taps_[tap];
    } else {
      return load(tap);
    }
  }

 private:
  static constexpr bool kKept = kTaps <= 9;
  __device__ __forceinline__ float2 load(int tap) const {
    return unpack(
        pair_of<typename Pair<Element>::type>(ptx::load_shared_4(from_ + tap * kSliceBytes)));
  }

  std::uint32_t from_;
  float2 taps_[kKept ? kTaps : 1];
};

// Sums of one unit. `from`: this lane's shared address of the pixel at (h, w)
// of the box, which may lie outside, where the unit's first window begins.
template <int kKernel, int kStride, class Element>
__device__ __forceinline__ void sum_unit(UnitSums& sums,
                                         const LaneWeights<kKernel * kKernel, Element>& w,
                                         const InvertedBox& box, int box_h, int box_w,
                                         std::uint32_t from) {
  constexpr InvertedTile T;
  constexpr int kRows = (T.kUnitH - 1) * kStride + kKernel;
  constexpr int kColumns = (T.kUnitW - 1) * kStride + kKernel;
  constexpr int kUnrolled = kKernel == 3 ? kRows : 1;  // weights in registers need constant taps
#pragma unroll kUnrolled
  for (int h = 0; h < kRows; ++h) {
    const bool row_inside =
        static_cast<unsigned int>(box_h + h) < static_cast<unsigned int>(box.box_rows);
    float2 x[kColumns];
#pragma unroll
    for (int i = 0; i < kColumns; ++i) {
      const bool inside = row_inside && static_cast<unsigned int>(box_w + i) <
                                            static_cast<unsigned int>(box.box_columns);
      x[i] = unpack(pair_of<typename Pair<Element>::type>(
          ptx::load_shared_4_or_zero(from + i * T.kMiddleRowBytes, inside)));
    }
#pragma unroll
    for (int i = 0; i < T.kUnitH; ++i) {
      const int r = h - i * kStride;
      if (r < 0 || r >= kKernel) continue;
#pragma unroll
      for (int s = 0; s < kKernel; ++s) {
        const float2 weight = w[r * kKernel + s];
#pragma unroll
        for (int j = 0; j < T.kUnitW; ++j) {
          float2& sum = sums.pixels[i * T.kUnitW + j];
          const float2 pixel = x[j * kStride + s];
          sum = {fmaf(pixel.x, weight.x, sum.x), fmaf(pixel.y, weight.y, sum.y)};
        }
      }
    }
    from += box.box_columns * T.kMiddleRowBytes;
  }
}

// `t1`: shared address of the slice's first channel at the box's first pixel.
// `weights`: of DepthwiseWeights. Channels past the middle tensor become zero.
template <int kKernel, int kStride, class Element>
__device__ __forceinline__ void depthwise_slice(const InvertedParams& p, const InvertedBox& box,
                                                int slice, std::uint32_t t1, std::uint32_t weights,
                                                char* t2) {
  constexpr InvertedTile T;
  using PairType = typename Pair<Element>::type;
  const int lane = this_thread() % 32, channel = slice * kSliceWidth + lane * 2;
  const bool valid = channel < p.middle;
  const Epilogue epilogue{p.depthwise.scale, p.depthwise.bias, p.inner};
  const ChannelPair scale = epilogue.channels(channel, valid);
  const LaneWeights<kKernel * kKernel, Element> w(weights + lane * 4);
  for (int unit = this_thread() / 32; unit < T.units({p.tile_h, p.tile_w}); unit += T.kWarps) {
    const int unit_row = static_cast<int>(p.unit_columns.quotient(unit));
    const int i = unit_row * T.kUnitH;
    const int j = static_cast<int>(p.unit_columns.remainder(unit, unit_row)) * T.kUnitW;
    if (i >= box.rows || j >= box.columns) continue;
    const int box_h = box.window_h + i * kStride, box_w = box.window_w + j * kStride;
    UnitSums sums;
    if (valid) {
      sum_unit<kKernel, kStride, Element>(
          sums, w, box, box_h, box_w,
          t1 + (box_h * box.box_columns + box_w) * T.kMiddleRowBytes + lane * 4);
    }
    epilogue.apply(
        sums, [&](const PairPlace&) { return scale; }, false, NoResidual{},
        [&](const PairPlace& at, float2 v) {
          const int row = i + at.row_eight / T.kUnitW, column = j + at.row_eight % T.kUnitW;
          if (row >= box.rows || column >= box.columns) return;
          const int pixel = row * p.tile_w + column;
          *reinterpret_cast<PairType*>(t2 + pixel * kSliceBytes +
                                       swizzled_chunk(pixel, lane / 4) * 16 + lane % 4 * 4) =
              keep_channels(Pair<Element>::pack(v), channel, p.middle);
        });
  }
}

// Calls body(kernel, stride) with the block's, as constants.
template <class Body>
__device__ __forceinline__ void with_window(const InvertedParams& p, Body&& body) {
  using std::integral_constant;
  if (p.kernel == 3) {
    if (p.stride == 1) return body(integral_constant<int, 3>(), integral_constant<int, 1>());
    return body(integral_constant<int, 3>(), integral_constant<int, 2>());
  }
  if (p.stride == 1) return body(integral_constant<int, 5>(), integral_constant<int, 1>());
  body(integral_constant<int, 5>(), integral_constant<int, 2>());
}

}  // namespace foldconv
