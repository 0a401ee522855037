// SPDX-License-Identifier: MIT
// The three convolutions of block_whole_sm80, from shared memory to shared memory or y.
//
// They sum in the canonical order of K and round where the chain of single convolutions rounds, so
// the block gives its bits. What more than one product needs stays in registers, for the kernel is
// bound by what it reads of shared memory: the first 1x1's weights for a slice, and t2.
#pragma once

#include <cstdint>
#include <type_traits>

#include "params/block_params.hpp"
#include "ptx/ldmatrix.cuh"
#include "ptx/mma.cuh"
#include "ptx/registers.cuh"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/slice_rows.cuh"
#include "stage/sm80/neighbouring_channels.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "stage/sm80/whole_copies.cuh"
#include "stage/swizzle.cuh"
#include "stage/tile_place.cuh"
#include "tile/whole_tile.hpp"

namespace foldconv {

// A slice of K of kSixteens x 16 rows of an operand, in registers.
template <int kSixteens>
struct SliceFragments {
  static constexpr int kSteps = kSliceWidth / 16;
  std::uint32_t steps[kSteps][kSixteens][4];

  // The first kCount sixteens. `from`: this lane's address, as for WarpMma::multiply_slice().
  template <int kCount = kSixteens>
  __device__ __forceinline__ void load(std::uint32_t from) {
#pragma unroll
    for (int k_step = 0; k_step < kSteps; ++k_step) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) {
        ptx::load_matrix_x4(steps[k_step][i], (from ^ (k_step * 32)) + i * 16 * kSliceBytes);
      }
    }
  }
};

// sums of fragment `i` += x * w, for all columns; w: two columns of fragments share four registers.
template <class Element, class Sums>
__device__ __forceinline__ void multiply_fragment(Sums& sums, int i, const std::uint32_t (&x)[4],
                                                  const std::uint32_t (&w)[Sums::kColumns / 2][4]) {
#pragma unroll
  for (int j = 0; j < Sums::kColumns; ++j) {
    ptx::mma_m16n8k16<Element>(sums.pair(i * 2, j), sums.pair(i * 2 + 1, j), x, w[j / 2][j % 2 * 2],
                               w[j / 2][j % 2 * 2 + 1]);
  }
}

// t1 = inner(conv1(x)) of this warp's halo rows, all channels.
template <WholeTile T, class Element>
class FirstConv {
 public:
  using Mma = WarpMma<T.most_first_fragments(), kSliceWidth / 8, Element>;

  // A slice of the weights, and of x of one fragment.
  __device__ __forceinline__ void load_weights(std::uint32_t w1) {
    weights_.load(w1 + w_offset<Mma>(0));
  }
  __device__ __forceinline__ void load_x(std::uint32_t x) { x_.load(x + x_offset<Mma>(0)); }

  __device__ __forceinline__ void multiply(int fragment) {
#pragma unroll
    for (int k_step = 0; k_step < x_.kSteps; ++k_step) {
      multiply_fragment<Element>(sums_, fragment, x_.steps[k_step][0], weights_.steps[k_step]);
    }
  }

  // Literal zero outside the image, for the 3x3's padding.
  __device__ __forceinline__ void store(const WholeParams& p, const TilePlace& place,
                                        char* t1) const {
    using Sums = decltype(sums_);
    unsigned int inside = 0;  // a bit for each of the lane's rows
    const int lane_row = ptx::recomputed(Sums::place(0, 0).row_in_eight);
#pragma unroll
    for (int i = 0; i < Sums::kRows; ++i) {
      const int row = FirstFragments<T>::row(i / 2) + i % 2 * 8 + lane_row;
      const int h = place.h - 1 + row / T.kHaloW, w = place.w - 1 + row % T.kHaloW;
      inside |= static_cast<unsigned int>(inside_image(h, w, p.h, p.w)) << i;
    }
    const Epilogue epilogue{p.conv1.scale, p.conv1.bias, p.inner};
    const auto channels_of = [&](const PairPlace& at) {
      return epilogue.channels(at.column(), true);
    };
    epilogue.apply(sums_, channels_of, false, NoResidual{}, [&](const PairPlace& at, float2 v) {
      const int fragment = at.row_eight / 2;
      if (fragment >= T.least_first_fragments() && !FirstFragments<T>::has(fragment)) return;
      const PairPlace in_fragment{at.row_eight % 2, at.row_in_eight, at.column_eight,
                                  at.column_in_eight};
      char* const to = t1 + pair_offset(FirstFragments<T>::row(fragment), 0, in_fragment);
      *reinterpret_cast<typename Pair<Element>::type*>(to) =
          (inside >> at.row_eight & 1) != 0
              ? keep_channels(Pair<Element>::pack(v), at.column(), p.t1_channels)
              : Pair<Element>::pack({0.0f, 0.0f});
    });
  }

 private:
  Accumulators<T.most_first_fragments(), kSliceWidth / 8> sums_;
  SliceFragments<kSliceWidth / 16> weights_;
  SliceFragments<1> x_;
};

// Which of the tile's pixels and channels are this warp's in the 3x3 and the last 1x1. Where the
// fragments do not divide by the warps, the first groups of warps have one more. An SM's four
// schedulers take warps by their number modulo four: odd columns of warps take the groups from the
// last to the first, so that each scheduler has as many fragments.
template <WholeTile T>
struct PixelWarps {
  static constexpr int kFragments = (T.fragments() + T.warps_m() - 1) / T.warps_m();  // at most
  static constexpr int kLarger = T.fragments() % T.warps_m();  // groups of kFragments; 0: all

  static __device__ __forceinline__ int column() {
    return static_cast<int>(threadIdx.x) / 32 / T.warps_m();
  }
  static __device__ __forceinline__ int group() {
    const int group = static_cast<int>(threadIdx.x) / 32 % T.warps_m();
    return column() % 2 == 0 ? group : T.warps_m() - 1 - group;
  }
  static __device__ __forceinline__ int first_fragment() {
    return group() * (T.fragments() / T.warps_m()) + min(group(), kLarger);
  }
  static __device__ __forceinline__ bool has_all() { return kLarger == 0 || group() < kLarger; }
  static __device__ __forceinline__ int fragments() { return kFragments - (has_all() ? 0 : 1); }

  // Calls body(std::integral_constant of the number of fragments).
  template <class Body>
  static __device__ __forceinline__ void with_fragments(Body&& body) {
    if (has_all()) {
      body(std::integral_constant<int, kFragments>());
    } else if constexpr (kLarger != 0) {
      body(std::integral_constant<int, kFragments - 1>());
    }
  }
};

// t2 = inner(conv2(t1)), in place of t1. `t1` and `w2`: shared addresses of `middle` and the 3x3's
// weights, tap by tap. A fragment is two image rows of eight pixels; from one to the next it is
// 2 * kHaloW rows, which flips the highest bit of the swizzle's key.
template <WholeTile T, class Element>
__device__ __forceinline__ void middle_conv(const WholeParams& p, char* middle, std::uint32_t t1,
                                            std::uint32_t w2) {
  using Warps = PixelWarps<T>;
  using Mma = WarpMma<Warps::kFragments, kSliceWidth / 8 / T.warps_n(), Element>;
  using Sums = decltype(Mma::sums);
  static_assert(2 * T.kHaloW % 8 == 4);
  const int n = Warps::column() * Sums::kColumns * 8;
  const int first_row =
      (Warps::first_fragment() * 2 + Mma::x_row() / T.kTileW) * T.kHaloW + Mma::x_row() % T.kTileW;
  Sums sums;
  Warps::with_fragments([&](auto fragments) {
    for (int r = 0; r < 3; ++r) {
#pragma unroll
      for (int s = 0; s < 3; ++s) {
        const int row = first_row + r * T.kHaloW + s;
        const std::uint32_t x = t1 + row * kSliceBytes + swizzled_chunk(row, Mma::x_chunk()) * 16;
        const std::uint32_t w = w2 + (r * 3 + s) * kSliceWidth * kSliceBytes + w_offset<Mma>(n);
#pragma unroll
        for (int k_step = 0; k_step < kSliceWidth / 16; ++k_step) {
          std::uint32_t x_fragments[fragments][4], w_fragments[Sums::kColumns / 2][4];
#pragma unroll
          for (int i = 0; i < fragments; ++i) {
            ptx::load_matrix_x4(x_fragments[i],
                                (x ^ ((k_step ^ i % 2 * 2) * 32)) + i * 2 * T.kHaloW * kSliceBytes);
          }
#pragma unroll
          for (int j = 0; j < Sums::kColumns / 2; ++j) {
            ptx::load_matrix_x4(w_fragments[j], (w ^ (k_step * 32)) + j * 16 * kSliceBytes);
          }
#pragma unroll
          for (int i = 0; i < fragments; ++i) {
            multiply_fragment<Element>(sums, i, x_fragments[i], w_fragments);
          }
        }
      }
    }
  });
  __syncthreads();  // everyone has read t1
  const Epilogue epilogue{p.conv2.scale, p.conv2.bias, p.inner};
  const auto channels_of = [&](const PairPlace& at) {
    return epilogue.channels(n + at.column(), true);
  };
  const int first = Warps::first_fragment() * T.kFragmentRows;
  epilogue.apply(sums, channels_of, false, NoResidual{}, [&](const PairPlace& at, float2 v) {
    if (at.row_eight >= Warps::fragments() * 2) return;
    *reinterpret_cast<typename Pair<Element>::type*>(middle + pair_offset(first, n, at)) =
        keep_channels(Pair<Element>::pack(v), n + at.column(), p.t2_channels);
  });
  __syncthreads();
}

// y = last(conv3(t2) + shortcut), a round of channels at a time.
template <WholeTile T, class Element>
class LastConv {
 public:
  using Warps = PixelWarps<T>;
  using Mma = WarpMma<Warps::kFragments, T.kWarpChannels / 8, Element>;
  using Sums = decltype(Mma::sums);

  // `t2`, `shortcut`: shared addresses. Afterwards nobody reads t2.
  __device__ __forceinline__ LastConv(const WholeParams& p, const TilePlace& place,
                                      std::uint32_t t2, std::uint32_t shortcut)
      : p_(p), shortcut_(shortcut + x_offset<Mma>(first_row())) {
    Warps::with_fragments(
        [&](auto fragments) { t2_.template load<fragments>(t2 + x_offset<Mma>(first_row())); });
    __syncthreads();
    static_assert(T.kTileW == 8, "eight rows of the accumulators are a row of the image");
    const PairPlace lane = Sums::place(0, 0);
    const int h = place.h + first_row() / T.kTileW, w = place.w + lane.row_in_eight;
    rows_ = w < p.w ? min(p.h - h, Warps::fragments() * 2) : 0;
    // See neighbouring_channel().
    channel_ = Warps::column() * T.kWarpChannels + neighbouring_channel(lane.column());
    pixel_ = (place.image * p.h + h) * p.w + w;
  }

  // The channels of y from `first` on. next_weights() gives the shared address of the next slice of
  // the round's weights. An identity shortcut is x itself, on its way while the products are summed.
  template <class NextWeights>
  __device__ __forceinline__ void round(int first, NextWeights&& next_weights) const {
    using PairType = typename Pair<Element>::type;
    const int n = Warps::column() * T.kWarpChannels;
    const bool valid_channel = first + channel_ < p_.k;
    const int rows = valid_channel ? rows_ : 0;
    // Where the lane's eight channels start in its rows of y, and of an identity shortcut.
    const auto element_of = [&](int row, int pitch) {
      return pixel_ * pitch + channel_ + first + static_cast<std::int64_t>(p_.w * pitch) * row;
    };

    uint4 shortcut[Sums::kRows];
    if constexpr (!T.projection) {
#pragma unroll
      for (int i = 0; i < Sums::kRows; ++i) {
        const auto* x = static_cast<const Element*>(p_.x) + element_of(i, p_.x_pitch);
        shortcut[i] = i < rows ? __ldg(reinterpret_cast<const uint4*>(x)) : uint4{};
      }
    }

    Sums sums;
    const std::uint32_t w3 = next_weights() + w_offset<Mma>(n);
    Warps::with_fragments([&](auto fragments) {
      multiply<fragments>(sums, w3, [&](int k_step, auto& x) {
#pragma unroll
        for (int i = 0; i < fragments; ++i) {
#pragma unroll
          for (int part = 0; part < 4; ++part) x[i][part] = t2_.steps[k_step][i][part];
        }
      });
    });
    if constexpr (T.projection) {
      const std::uint32_t wd = next_weights() + w_offset<Mma>(n);
      Warps::with_fragments([&](auto fragments) {
        multiply<fragments>(sums, wd, [&](int k_step, auto& x) {
#pragma unroll
          for (int i = 0; i < fragments; ++i) {
            ptx::load_matrix_x4(x[i], (shortcut_ ^ (k_step * 32)) + i * T.fragment_bytes());
          }
        });
      });
    }

    const Epilogue epilogue{p_.conv3.scale, p_.conv3.bias, p_.last};
    epilogue.apply_to_rows(
        sums,
        [&](const PairPlace& at) {
          return epilogue.channels(first + channel_ + at.column_eight * 2, valid_channel);
        },
        !T.projection,
        [&](const PairPlace& at) {
          return unpack(
              reinterpret_cast<const PairType*>(&shortcut[at.row_eight])[at.column_eight]);
        },
        [&](const PairPlace& at, const float2(&row)[Sums::kColumns]) {
          uint4 eight;
#pragma unroll
          for (int j = 0; j < Sums::kColumns; ++j) {
            reinterpret_cast<PairType*>(&eight)[j] = Pair<Element>::pack(row[j]);
          }
          auto* y = static_cast<Element*>(p_.y) + element_of(at.row_eight, p_.y_pitch);
          if (at.row_eight < rows) *reinterpret_cast<uint4*>(y) = eight;
        });
  }

 private:
  static __device__ __forceinline__ int first_row() {
    return Warps::first_fragment() * T.kFragmentRows;
  }

  // sums += one slice; load_x(k_step, fragments) gives x of a step.
  template <int kCount, class LoadX>
  static __device__ __forceinline__ void multiply(Sums& sums, std::uint32_t w, LoadX&& load_x) {
#pragma unroll
    for (int k_step = 0; k_step < kSliceWidth / 16; ++k_step) {
      std::uint32_t x[kCount][4], w_fragments[Sums::kColumns / 2][4];
      load_x(k_step, x);
#pragma unroll
      for (int j = 0; j < Sums::kColumns / 2; ++j) {
        ptx::load_matrix_x4(w_fragments[j], (w ^ (k_step * 32)) + j * 16 * kSliceBytes);
      }
#pragma unroll
      for (int i = 0; i < kCount; ++i) multiply_fragment<Element>(sums, i, x[i], w_fragments);
    }
  }

  const WholeParams& p_;
  std::uint32_t shortcut_;
  int rows_;     // of the image, that are this lane's
  int channel_;  // the first of the lane's eight in the first round
  int pixel_;    // of y, in the first of its rows
  SliceFragments<Warps::kFragments> t2_;
};

}  // namespace foldconv
