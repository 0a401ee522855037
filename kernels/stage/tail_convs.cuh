// What block_tail_sm80 makes of its accumulators.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "stage/activation.cuh"
#include "stage/channel_pair.cuh"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/slice_rows.cuh"
#include "stage/warp_mma.cuh"
#include "tile/tail_tile.hpp"

namespace foldconv {

// conv2's or the next conv1's accumulators -> slices of the middle tensor at `to`: an operand of the
// next product. Zero past its last channel: zero weights there must not meet infinity.
template <TailTile T, class Element>
__device__ __forceinline__ void store_middle(const ConvWarpMma<T.conv2, Element>& mma,
                                             const float* scale, const float* bias, int channels,
                                             const ActivationParams& params, char* to) {
  constexpr ConvTile C = T.conv2;
  using PairType = typename Pair<Element>::type;
  const int lane = threadIdx.x % 32;
  const int m = warp_row<C>(), n = warp_column<C>();
  with_activation(params, [&](auto activation) {
#pragma unroll
    for (int j = 0; j < C.warp_n() / 8; ++j) {
      const int channel = n + j * 8 + lane % 4 * 2;
      if (channel >= WeightLayout{channels, 1}.slices() * kSliceWidth) break;
      const bool valid = channel < channels;
      const float2 a = valid ? load_pair(scale, channel) : float2{};
      const float2 b = valid ? load_pair(bias, channel) : float2{};
      char* const slice = to + channel / kSliceWidth * T.slice_bytes();
#pragma unroll
      for (int i = 0; i < C.warp_m() / 16; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int row = m + i * 16 + half * 8 + lane / 4;
          const PairType pair = middle_pair<Element>(
              mma.sums[i][j][half * 2], mma.sums[i][j][half * 2 + 1], a, b, activation);
          *reinterpret_cast<PairType*>(slice + pair_offset(row, channel % kSliceWidth)) =
              valid ? pair : Pair<Element>::pack({0.0f, 0.0f});
        }
      }
    }
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

// conv3's accumulators for the channels of y from `first` on -> a slice of y. `identity`: the slice of
// the shortcut, null with a projection. Zero past the last channel, as above.
template <TailTile T, class Element, class Mma>
__device__ __forceinline__ void store_round(const TailParams& p, const Mma& mma, int first,
                                            const char* identity, char* y) {
  using Warps = RoundWarps<T>;
  using PairType = typename Pair<Element>::type;
  const int lane = threadIdx.x % 32;
  with_activation(p.last, [&](auto activation) {
#pragma unroll
    for (int j = 0; j < Warps::kN / 8; ++j) {
      const int column = Warps::n() + j * 8 + lane % 4 * 2;
      const bool valid = first + column < p.k;
      const float2 scale = valid ? load_pair(p.conv3.scale, first + column) : float2{};
      const float2 bias = valid ? load_pair(p.conv3.bias, first + column) : float2{};
#pragma unroll
      for (int i = 0; i < Warps::kM / 16; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int offset = pair_offset(Warps::m() + i * 16 + half * 8 + lane / 4, column);
          float2 v{fmaf(mma.sums[i][j][half * 2], scale.x, bias.x),
                   fmaf(mma.sums[i][j][half * 2 + 1], scale.y, bias.y)};
          if (identity != nullptr) {
            const float2 z = unpack(*reinterpret_cast<const PairType*>(identity + offset));
            v.x += z.x;
            v.y += z.y;
          }
          *reinterpret_cast<PairType*>(y + offset) =
              Pair<Element>::pack(valid ? float2{activation(v.x), activation(v.y)} : float2{});
        }
      }
    }
  });
}

// A slice in shared memory -> `channels` channels of the CTA's pixels from `first` on. The caller has
// synchronised.
template <TailTile T, class Element>
__device__ __forceinline__ void write_slice(const TailParams& p, const char* slice, int m_begin,
                                            void* to, int first, int channels) {
  for_each_chunk<T.conv2.threads(), T.conv2.block_m>([&](int row, int chunk, int offset) {
    const int m = m_begin + row, channel = first + chunk * 8;
    if (m < p.conv2.m && channel < channels) {
      *reinterpret_cast<uint4*>(static_cast<Element*>(to) + (m * channels + channel)) =
          *reinterpret_cast<const uint4*>(slice + offset);
    }
  });
}

}  // namespace foldconv
