// SPDX-License-Identifier: MIT
// What block_tail_sm80 makes of its accumulators.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/slice_rows.cuh"
#include "stage/sm80/conv_epilogue.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "tile/tail_tile.hpp"

namespace foldconv {

// conv2's or the next conv1's sums -> slices of the middle tensor at `to`: an operand of the next
// product. Zero past its last channel: zero weights there must not meet infinity.
template <TailTile T, class Element, class Sums>
__device__ __forceinline__ void store_middle(const Sums& sums, const Epilogue& epilogue,
                                             int channels, char* to) {
  constexpr ConvTile C = T.conv2;
  using PairType = typename Pair<Element>::type;
  const int m = warp_row<C>(), n = warp_column<C>();
  constexpr int kEights = kSliceWidth / 8;
  const int end = WeightLayout{channels, 1}.slices() * kSliceWidth;
  epilogue.apply(
      sums,
      [&](const PairPlace& at) {
        return epilogue.channels(n + at.column(), n + at.column() < channels);
      },
      false, NoResidual{},
      [&](const PairPlace& at, float2 v) {
        const int channel = n + at.column();
        if (channel >= end) return;
        // A warp's columns may lie in several slices.
        const int eight = n / 8 + at.column_eight;
        char* const slice = to + eight / kEights * T.slice_bytes();
        const PairPlace in_slice{at.row_eight, at.row_in_eight, eight % kEights,
                                 at.column_in_eight};
        *reinterpret_cast<PairType*>(slice + pair_offset(m, 0, in_slice)) =
            Pair<Element>::pack(channel < channels ? v : float2{});
      });
}

// A slice of y, by 4 x 2 warps of 32 channels (of 2 x 2 where there are four).
template <TailTile T>
struct RoundWarps {
  static constexpr int kColumns = 2;
  static constexpr int kRows = T.conv2.warps_m * T.conv2.warps_n / kColumns;
  static constexpr int kM = T.conv2.block_m / kRows;
  static constexpr int kN = kSliceWidth / kColumns;
  static_assert(kM % 16 == 0);
  template <class Element>
  using Mma = WarpMma<kM / 16, kN / 8, Element>;

  static __device__ __forceinline__ int m() {
    return static_cast<int>(threadIdx.x) / 32 / kColumns * kM;
  }
  static __device__ __forceinline__ int n() {
    return static_cast<int>(threadIdx.x) / 32 % kColumns * kN;
  }
};

// conv3's sums for the channels of y from `first` on -> a slice of y. `identity`: the slice of the
// shortcut, null with a projection. Zero past the last channel, as above.
template <TailTile T, class Element, class Sums>
__device__ __forceinline__ void store_round(const TailParams& p, const Sums& sums, int first,
                                            const char* identity, char* y) {
  using Warps = RoundWarps<T>;
  using PairType = typename Pair<Element>::type;
  const int m = Warps::m(), n = Warps::n();
  const Epilogue epilogue{p.conv3.scale, p.conv3.bias, p.last};
  epilogue.apply(
      sums,
      [&](const PairPlace& at) {
        const int channel = first + n + at.column();
        return epilogue.channels(channel, channel < p.k);
      },
      identity != nullptr,
      [&](const PairPlace& at) {
        return unpack(*reinterpret_cast<const PairType*>(identity + pair_offset(m, n, at)));
      },
      [&](const PairPlace& at, float2 v) {
        *reinterpret_cast<PairType*>(y + pair_offset(m, n, at)) =
            Pair<Element>::pack(first + n + at.column() < p.k ? v : float2{});
      });
}

// A slice in shared memory -> `channels` channels of the CTA's pixels from `first` on, `pitch` elements apart. The caller has
// synchronised.
template <TailTile T, class Element>
__device__ __forceinline__ void write_slice(const TailParams& p, const char* slice, int m_begin,
                                            void* to, int first, int channels, int pitch) {
  for_each_chunk<T.conv2.threads(), T.conv2.block_m>([&](int row, int chunk, int offset) {
    const int m = m_begin + row, channel = first + chunk * 8;
    if (m < p.conv2.m && channel < channels) {
      *reinterpret_cast<uint4*>(static_cast<Element*>(to) + (m * pitch + channel)) =
          *reinterpret_cast<const uint4*>(slice + offset);
    }
  });
}

}  // namespace foldconv
