// SPDX-License-Identifier: MIT
// The two 1x1s of block_inverted_sm80, a slice of the middle tensor at a time:
// expand's columns, project's K.
#pragma once

#include <cstdint>

#include "params/block_params.hpp"
#include "ptx/ldmatrix.cuh"
#include "ptx/mma.cuh"
#include "stage/element.cuh"
#include "stage/epilogue.cuh"
#include "stage/inverted_place.cuh"
#include "stage/sm80/accumulators.cuh"
#include "stage/sm80/inverted_copies.cuh"
#include "stage/sm80/neighbouring_channels.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "stage/swizzle.cuh"
#include "tile/inverted_tile.hpp"

namespace foldconv {

// t1 = inner(expand(x)) of one slice. Half the warps take the slice's first
// channels, the others the rest; of the fragments of pixels every fourth is a
// warp's, two at a time. An SM's schedulers take warps by their number modulo
// four: the halves count the fragments from opposite ends.
template <class Element>
class ExpandSlice {
 public:
  // x, weights: shared addresses.
  __device__ __forceinline__ ExpandSlice(const InvertedParams& p, int pixels, int slice,
                                         std::uint32_t x, std::uint32_t weights, char* t1)
      : p_(p), pixels_(pixels), slice_(slice), x_(x), weights_(weights), t1_(t1) {}

  __device__ __forceinline__ void compute() const {
    const int warp = this_thread() / 32, half = warp / kStep;
    if (slice_ * kSliceWidth + half * T.kExpandChannels >= p_.middle) return;
    const int fragments = (pixels_ + T.kFragmentRows - 1) / T.kFragmentRows;
    int fragment = half == 0 ? warp % kStep : kStep - 1 - warp % kStep;
    for (; fragment + kStep < fragments; fragment += 2 * kStep) multiply<2>(fragment, half);
    if (fragment < fragments) multiply<1>(fragment, half);
  }

 private:
  static constexpr InvertedTile T = {};
  static constexpr int kStep = T.kWarps * T.kExpandChannels / kSliceWidth;

  template <int kCount>
  __device__ __forceinline__ void multiply(int fragment, int half) const {
    using Mma = WarpMma<kCount, T.kExpandChannels / 8, Element>;
    using Fragments = typename Mma::Fragments;
    const int row_bytes = T.row_bytes(p_.c);
    std::uint32_t x[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int row = min((fragment + i * kStep) * T.kFragmentRows + Mma::x_row(), pixels_ - 1);
      x[i] = x_ + row * row_bytes + Mma::x_chunk() * 16;
    }
    const std::uint32_t w =
        weights_ + (half * T.kExpandChannels + Mma::w_row()) * row_bytes + Mma::w_chunk() * 16;
    const auto load = [&](Fragments& to, int step) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) ptx::load_matrix_x4(to.x[i], x[i] + step * 32);
#pragma unroll
      for (int j = 0; j < T.kExpandChannels / 16; ++j)
        ptx::load_matrix_x4(to.w[j], w + j * 16 * row_bytes + step * 32);
    };
    Mma mma;
    const int steps = T.row_chunks(p_.c) / 2;
#pragma unroll 1
    for (int step = 0; step < steps; ++step) {
      Fragments operands;
      load(operands, step);
      mma.multiply(operands);
    }
    store(mma.sums, fragment, half);
  }

  template <class Sums>
  __device__ __forceinline__ void store(const Sums& sums, int fragment, int half) const {
    const int first = half * T.kExpandChannels;
    const Epilogue epilogue{p_.expand.scale, p_.expand.bias, p_.inner};
    epilogue.apply(
        sums,
        [&](const PairPlace& at) {
          const int channel = slice_ * kSliceWidth + first + at.column();
          return epilogue.channels(channel, channel < p_.middle);
        },
        false, NoResidual{},
        [&](const PairPlace& at, float2 v) {
          const int row = (fragment + at.row_eight / 2 * kStep) * T.kFragmentRows +
                          at.row_eight % 2 * 8 + at.row_in_eight;
          *reinterpret_cast<typename Pair<Element>::type*>(
              t1_ + row * T.kMiddleRowBytes + (first + at.column()) * 2) = Pair<Element>::pack(v);
        });
  }

  const InvertedParams& p_;
  int pixels_, slice_;
  std::uint32_t x_, weights_;
  char* t1_;
};

// y = last(project(t2) [+ x]). Every warps_n()-th granule of channels is a
// warp's, for its fragments of the tile's pixels; the sums stay in registers
// while the slices go by.
template <InvertedTile T, class Element>
class Project {
 public:
  __device__ __forceinline__ explicit Project(const InvertedParams& p) : p_(p) {}

  // t2, weights: shared addresses. What rows without a pixel give is not stored.
  __device__ __forceinline__ void add(int slice, std::uint32_t t2, std::uint32_t weights) {
    if (first_row() >= pixels() || granule(0) * T.kGranule >= p_.k) return;
    const std::uint32_t from = t2 + x_offset<Mma>(first_row());
    const int steps = min(kSliceWidth, p_.middle - slice * kSliceWidth + 15) / 16;
    const std::uint32_t w = weights + w_offset<Mma>(granule(0) * T.kGranule);
#pragma unroll
    for (int step = 0; step < kSliceWidth / 16; ++step) {
      if (step >= steps) break;
      std::uint32_t x[kFragments][4];
#pragma unroll
      for (int f = 0; f < kFragments; ++f) {
        if (!has(f)) break;
        ptx::load_matrix_x4(x[f], (from ^ (step * 32)) + f * T.kFragmentRows * kSliceBytes);
      }
#pragma unroll
      for (int i = 0; i < T.granules; ++i) {
        if (granule(i) * T.kGranule >= p_.k) break;
        std::uint32_t w_fragments[Sums::kColumns / 2][4];
#pragma unroll
        for (int j = 0; j < Sums::kColumns / 2; ++j) {
          ptx::load_matrix_x4(
              w_fragments[j],
              (w ^ (step * 32)) + (i * T.warps_n() * T.kGranule + j * 16) * kSliceBytes);
        }
#pragma unroll
        for (int f = 0; f < kFragments; ++f) {
          if (!has(f)) break;
#pragma unroll
          for (int j = 0; j < Sums::kColumns; ++j) {
            ptx::mma_m16n8k16<Element>(sums_[i].pair(f * 2, j), sums_[i].pair(f * 2 + 1, j), x[f],
                                       w_fragments[j / 2][j % 2 * 2],
                                       w_fragments[j / 2][j % 2 * 2 + 1]);
          }
        }
      }
    }
  }

  __device__ __forceinline__ void store(const InvertedPlace& place) const {
    using PairType = typename Pair<Element>::type;
    if (first_row() >= pixels()) return;
    const Epilogue epilogue{p_.project.scale, p_.project.bias, p_.last};
    const PairPlace lane = Sums::place(0, 0);
    int pixel[Sums::kRows];
    bool valid[Sums::kRows];
#pragma unroll
    for (int i = 0; i < Sums::kRows; ++i) {
      const int index = first_row() + i * 8 + lane.row_in_eight;
      const int row = static_cast<int>(p_.per_tile_row.quotient(index));
      const int column = static_cast<int>(p_.per_tile_row.remainder(index, row));
      valid[i] = row < place.rows && column < place.columns;
      pixel[i] = (place.image * p_.p + place.h + row) * p_.q + place.w + column;
    }
#pragma unroll
    for (int g = 0; g < T.granules; ++g) {
      // The first of the lane's eight: see neighbouring_channel().
      const int channel = granule(g) * T.kGranule + neighbouring_channel(lane.column());
      const bool valid_channel = channel < p_.k;
      uint4 residual[Sums::kRows] = {};
      if (p_.residual != 0) {
#pragma unroll
        for (int i = 0; i < Sums::kRows; ++i) {
          const auto* x = static_cast<const Element*>(p_.x) + (pixel[i] * p_.x_pitch + channel);
          if (valid[i] && valid_channel) residual[i] = __ldg(reinterpret_cast<const uint4*>(x));
        }
      }
      epilogue.apply_to_rows(
          sums_[g],
          [&](const PairPlace& at) {
            return epilogue.channels(channel + at.column_eight * 2, valid_channel);
          },
          p_.residual != 0,
          [&](const PairPlace& at) {
            return unpack(
                reinterpret_cast<const PairType*>(&residual[at.row_eight])[at.column_eight]);
          },
          [&](const PairPlace& at, const float2(&row)[Sums::kColumns]) {
            uint4 eight;
#pragma unroll
            for (int j = 0; j < Sums::kColumns; ++j) {
              reinterpret_cast<PairType*>(&eight)[j] = Pair<Element>::pack(row[j]);
            }
            auto* y = static_cast<Element*>(p_.y) + (pixel[at.row_eight] * p_.y_pitch + channel);
            if (valid[at.row_eight] && valid_channel) *reinterpret_cast<uint4*>(y) = eight;
          });
    }
  }

 private:
  static constexpr int kFragments = T.fragments();
  using Mma = WarpMma<kFragments, T.kGranule / 8, Element>;
  using Sums = decltype(Mma::sums);

  static __device__ __forceinline__ int warp() {
    return this_thread() / 32;
  }
  static __device__ __forceinline__ int first_row() {
    return warp() % T.warps_m * kFragments * T.kFragmentRows;
  }
  __device__ __forceinline__ int pixels() const {
    return p_.tile_h * p_.tile_w;
  }
  __device__ __forceinline__ bool has(int fragment) const {
    return fragment == 0 || first_row() + fragment * T.kFragmentRows < pixels();
  }
  static __device__ __forceinline__ int granule(int i) {
    return warp() / T.warps_m + i * T.warps_n();
  }

  const InvertedParams& p_;
  Sums sums_[T.granules];
};

}  // namespace foldconv
