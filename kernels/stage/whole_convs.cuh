// SPDX-License-Identifier: MIT
// The three convolutions of block_whole_sm80, each on the CTA's tile, from shared memory to shared
// memory or y.
//
// They sum in the canonical order of K and round where the chain of single convolutions rounds, so
// the block gives its bits.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/neighbouring_channels.cuh"
#include "stage/slice_rows.cuh"
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
  const int warp = threadIdx.x / 32;
  const int m = warp / 2 * 16, n = warp % 2 * 32;  // 4 x 2 warps
  WarpMma<1, 4, Element> mma;
  multiply(mma, m, n);
  const Epilogue epilogue{p.conv1.scale, p.conv1.bias, p.inner};
  const auto channels_of = [&](const PairPlace& at) {
    return epilogue.channels(n + at.column(), true);
  };
  epilogue.apply(mma.sums, channels_of, false, NoResidual{}, [&](const PairPlace& at, float2 v) {
    const int row = chunk * T.kChunkRows + m + at.row(), column = row % T.kHaloW;
    const bool inside = inside_image(place.h - 1 + row / T.kHaloW, place.w - 1 + column, p.h, p.w);
    auto* to = reinterpret_cast<typename Pair<Element>::type*>(
        t1 + row * kSliceBytes + swizzled_chunk(column, n / 8 + at.column_eight) * 16 +
        at.column_in_eight * 2);
    *to = inside ? keep_channels(Pair<Element>::pack(v), n + at.column(), p.t1_channels)
                 : Pair<Element>::pack({0.0f, 0.0f});
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
  const int warp = threadIdx.x / 32;
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
  const Epilogue epilogue{p.conv2.scale, p.conv2.bias, p.inner};
  const auto channels_of = [&](const PairPlace& at) {
    return epilogue.channels(n + at.column(), true);
  };
  epilogue.apply(mma.sums, channels_of, false, NoResidual{}, [&](const PairPlace& at, float2 v) {
    *reinterpret_cast<typename Pair<Element>::type*>(middle + pair_offset(m, n, at)) =
        keep_channels(Pair<Element>::pack(v), n + at.column(), p.t2_channels);
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
  using Mma = WarpMma<kFragmentsM, 4, Element>;
  using Sums = decltype(Mma::sums);
  using PairType = typename Pair<Element>::type;
  const int warp = threadIdx.x / 32;
  const int m = warp / T.kWarpsN * kFragmentsM * 16, n = warp % T.kWarpsN * 32;
  // The first of this lane's eight, see neighbouring_channel().
  const int channel = first + n + neighbouring_channel(Sums::place(0, 0).column());
  const bool valid_channel = channel < p.k;
  // The element of y, and of an identity shortcut, where the lane's eight channels start; -1
  // outside.
  static_assert(T.kTileW == 8, "eight rows of the accumulators are a row of the image");
  const auto element_of = [&](const PairPlace& at) {
    const int h = place.h + m / T.kTileW + at.row_eight, w = place.w + at.row_in_eight;
    return valid_channel && h < p.h && w < p.w ? ((place.image * p.h + h) * p.w + w) * p.k + channel
                                               : -1;
  };

  uint4 shortcut[Sums::kRows];
  if constexpr (!T.projection) {
#pragma unroll
    for (int i = 0; i < Sums::kRows; ++i) {
      const int from = element_of(Sums::place(i, 0));
      shortcut[i] =
          from >= 0 ? __ldg(reinterpret_cast<const uint4*>(static_cast<const Element*>(p.x) + from))
                    : uint4{};
    }
  }

  Mma mma;
  multiply(mma, m, n);

  const Epilogue epilogue{p.conv3.scale, p.conv3.bias, p.last};
  epilogue.apply_to_rows(
      mma.sums,
      [&](const PairPlace& at) {
        return epilogue.channels(channel + at.column_eight * 2, valid_channel);
      },
      !T.projection,
      [&](const PairPlace& at) {
        return unpack(reinterpret_cast<const PairType*>(&shortcut[at.row_eight])[at.column_eight]);
      },
      [&](const PairPlace& at, const float2(&row)[Sums::kColumns]) {
        uint4 eight;
#pragma unroll
        for (int j = 0; j < Sums::kColumns; ++j) {
          reinterpret_cast<PairType*>(&eight)[j] = Pair<Element>::pack(row[j]);
        }
        const int to = element_of(at);
        if (to >= 0) *reinterpret_cast<uint4*>(static_cast<Element*>(p.y) + to) = eight;
      });
}

}  // namespace foldconv
