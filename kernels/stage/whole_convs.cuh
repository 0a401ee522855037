// The three convolutions of block_whole_sm80, each on the CTA's tile, from shared memory to shared
// memory or y.
//
// They sum in the canonical order of K and round where the chain of single convolutions rounds, so
// the block gives its bits.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "stage/activation.cuh"
#include "stage/channel_pair.cuh"
#include "stage/swizzle.cuh"
#include "stage/tile_place.cuh"
#include "stage/warp_mma.cuh"
#include "tile/whole_tile.hpp"

namespace foldconv {

// t1 = inner(conv1(x)) of one chunk of halo rows; literal zero outside the image, for the 3x3's
// padding. multiply(mma) adds the slices. Columns of t1 swizzle by their place in the haloed tile:
// see middle_conv().
template <WholeTile T, class Element, class Multiply>
__device__ __forceinline__ void first_conv(const WholeParams& p, const TilePlace& place, int chunk,
                                           char* t1, Multiply&& multiply) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int m = warp / 2 * 16, n = warp % 2 * 32;  // 4 x 2 warps
  WarpMma<1, 4, Element> mma;
  multiply(mma, m, n);
  with_activation(p.inner, [&](auto activation) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = chunk * T.kChunkRows + m + half * 8 + lane / 4;
      const int column = row % T.kHaloW;
      const bool inside =
          inside_image(place.h - 1 + row / T.kHaloW, place.w - 1 + column, p.h, p.w);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int channel = n + j * 8 + lane % 4 * 2;
        const auto pair = middle_pair<Element>(
            mma.sums[0][j][half * 2], mma.sums[0][j][half * 2 + 1],
            load_pair(p.conv1.scale, channel), load_pair(p.conv1.bias, channel), activation);
        auto* to = reinterpret_cast<typename Pair<Element>::type*>(
            t1 + row * kSliceBytes + swizzled_chunk(column, n / 8 + j) * 16 + lane % 4 * 4);
        *to = inside ? keep_channels(pair, channel, p.t1_channels)
                     : Pair<Element>::pack({0.0f, 0.0f});
      }
    }
  });
}

// t2 = inner(conv2(t1)), in place of t1. `t1` and `w2`: shared addresses of `middle` and the 3x3's
// weights, tap by tap. A fragment is two image rows of eight pixels. With t1 swizzled by column,
// the key of a lane's row depends on the tap only, and eight neighbouring pixels lie in different
// banks whichever tap shifts them.
template <WholeTile T, class Element>
__device__ __forceinline__ void middle_conv(const WholeParams& p, char* middle, std::uint32_t t1,
                                            std::uint32_t w2) {
  constexpr int kFragmentsM = T.pixels() / 16 / T.kWarpsM;
  static_assert(T.pixels() == kFragmentsM * 16 * T.kWarpsM);
  using Mma = WarpMma<kFragmentsM, 2, Element>;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int m = warp / T.kWarpsN * kFragmentsM * 16, n = warp % T.kWarpsN * 16;
  const int row = m / T.kTileW + Mma::x_row() / T.kTileW, column = Mma::x_row() % T.kTileW;
  Mma mma;
  for (int r = 0; r < 3; ++r) {
#pragma unroll
    for (int s = 0; s < 3; ++s) {
      const std::uint32_t x = t1 + ((row + r) * T.kHaloW + column + s) * kSliceBytes +
                              swizzled_chunk(column + s, Mma::x_chunk()) * 16;
      mma.template multiply_slice<2 * T.kHaloW * kSliceBytes>(
          x, w2 + (r * 3 + s) * kSliceWidth * kSliceBytes + w_offset<Mma>(n));
    }
  }
  __syncthreads();  // everyone has read t1
  with_activation(p.inner, [&](auto activation) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      const int channel = n + j * 8 + lane % 4 * 2;
      const float2 scale = load_pair(p.conv2.scale, channel),
                   bias = load_pair(p.conv2.bias, channel);
#pragma unroll
      for (int i = 0; i < kFragmentsM; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int pixel = m + i * 16 + half * 8 + lane / 4;
          *reinterpret_cast<typename Pair<Element>::type*>(
              middle + pixel * kSliceBytes + swizzled_chunk(lane / 4, n / 8 + j) * 16 +
              lane % 4 * 4) = keep_channels(middle_pair<Element>(mma.sums[i][j][half * 2],
                                                                 mma.sums[i][j][half * 2 + 1],
                                                                 scale, bias, activation),
                                            channel, p.t2_channels);
        }
      }
    }
  });
  __syncthreads();
}

// kRoundChannels channels of y = last(conv3(t2) + shortcut), from channel `first` on. multiply(mma,
// m, n) adds the slices, a projection's too; an identity shortcut is x itself, on its way while the
// products are summed.
template <WholeTile T, class Element, class Multiply>
__device__ __forceinline__ void last_conv(const WholeParams& p, const TilePlace& place, int first,
                                          Multiply&& multiply) {
  constexpr int kFragmentsM = T.pixels() / 16 / T.kWarpsM;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int m = warp / T.kWarpsN * kFragmentsM * 16, n = warp % T.kWarpsN * 32;
  const int channel =
      first + n + lane % 4 * 8;  // the first of this lane's eight, see neighbouring_channel()
  const bool valid_channel = channel < p.k;
  const int w = place.w + lane / 4;
  // The element of y, and of an identity shortcut, where the lane's eight channels start; -1
  // outside.
  const auto element_of = [&](int i, int half) {
    const int h = place.h + (m + i * 16) / T.kTileW + half;
    return valid_channel && h < p.h && w < p.w ? ((place.image * p.h + h) * p.w + w) * p.k + channel
                                               : -1;
  };

  uint4 shortcut[kFragmentsM][2];
  if constexpr (!T.projection) {
#pragma unroll
    for (int i = 0; i < kFragmentsM; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int at = element_of(i, half);
        shortcut[i][half] =
            at >= 0 ? __ldg(reinterpret_cast<const uint4*>(static_cast<const Element*>(p.x) + at))
                    : uint4{};
      }
    }
  }

  WarpMma<kFragmentsM, 4, Element> mma;
  multiply(mma, m, n);

  float2 scale[4], bias[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    scale[j] = valid_channel ? load_pair(p.conv3.scale, channel + j * 2) : float2{};
    bias[j] = valid_channel ? load_pair(p.conv3.bias, channel + j * 2) : float2{};
  }
  with_activation(p.last, [&](auto activation) {
#pragma unroll
    for (int i = 0; i < kFragmentsM; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        using PairType = typename Pair<Element>::type;
        uint4 eight;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          float2 v{fmaf(mma.sums[i][j][half * 2], scale[j].x, bias[j].x),
                   fmaf(mma.sums[i][j][half * 2 + 1], scale[j].y, bias[j].y)};
          if constexpr (!T.projection) {
            const float2 z = unpack(reinterpret_cast<const PairType*>(&shortcut[i][half])[j]);
            v.x += z.x;
            v.y += z.y;
          }
          reinterpret_cast<PairType*>(&eight)[j] =
              Pair<Element>::pack({activation(v.x), activation(v.y)});
        }
        const int at = element_of(i, half);
        if (at >= 0) *reinterpret_cast<uint4*>(static_cast<Element*>(p.y) + at) = eight;
      }
    }
  });
}

}  // namespace foldconv
