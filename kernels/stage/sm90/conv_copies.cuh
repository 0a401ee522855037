// SPDX-License-Identifier: MIT
// conv_sm90's copies into a stage: [block_m][64] pixels of x at one tap, then [block_n][64] weights, both swizzled
// over 128 bytes.
#pragma once

#include <cstdint>

#include "params/conv_sm90_params.hpp"
#include "ptx/tensor_copy.cuh"
#include "stage/output_place.cuh"
#include "stage/sm90/copy_ring.cuh"
#include "stage/sm90/tile_schedule.cuh"
#include "tile/sm90_tile.hpp"

namespace foldconv {

template <Sm90Tile T>
class Sm90ConvCopies {
 public:
  __device__ __forceinline__ Sm90ConvCopies(const ConvSm90Params& p,
                                            const TileSchedule<T>& schedule, RingProducer<T>& ring)
      : p_(p), schedule_(schedule), ring_(ring) {
    ptx::prefetch_tensor_map(p.x);
    ptx::prefetch_tensor_map(p.w);
  }

  // All stages of a tile, in the canonical order of K.
  __device__ __forceinline__ void load_tile(const OutputPlace& place) {
    begin(place);
    int k = 0;
    for (int slice = 0; slice < p_.slices; ++slice) {
      for (int r = 0; r < p_.r; ++r) {
        for (int s = 0; s < p_.s; ++s) {
          x_.tap_w = static_cast<std::uint16_t>(s * p_.dilation_w);
          x_.tap_h = static_cast<std::uint16_t>(r * p_.dilation_h);
          const auto stage = ring_.acquire();
          load_x(stage);
          load_w(stage, k);
          k += kSliceWidth;
        }
      }
      x_.c += kSliceWidth;
    }
  }

 private:
  static constexpr std::uint16_t kBothCtas = 0b11;

  // What this CTA copies for itself or for both: all, or its half. Copies of x begin inside it, for what an im2col
  // copy that begins past its last pixel gives is not documented; rows past the last pixel are never stored.
  __device__ __forceinline__ void begin(const OutputPlace& place) {
    const int x_row = share_pixels() ? schedule_.rank() * T.x_box_rows(Multicast::pixels) : 0;
    const int w_row = share_weights() ? schedule_.rank() * T.w_box_rows(Multicast::weights) : 0;
    x_offset_ = x_row * kSliceBytes;
    w_offset_ = T.x_bytes() + w_row * kSliceBytes;
    w_row_ = place.group * p_.k_per_group + place.n_begin + w_row;
    x_.c = place.group * p_.c_per_group;
    pixel_ = min(place.m_begin + x_row, p_.m - 1);
    if (p_.loader == Sm90Loader::im2col) {
      x_.n = static_cast<int>(p_.per_image.quotient(pixel_));
      const int in_image = static_cast<int>(p_.per_image.remainder(pixel_, x_.n));
      const int row = static_cast<int>(p_.per_row.quotient(in_image));
      x_.h = row * p_.stride_h - p_.pad_top;
      x_.w = static_cast<int>(p_.per_row.remainder(in_image, row)) * p_.stride_w - p_.pad_left;
    }
  }

  using Stage = typename RingProducer<T>::Stage;
  __device__ __forceinline__ void load_x(const Stage& stage) const {
    const std::uint32_t to = stage.address + x_offset_;
    if (p_.loader == Sm90Loader::im2col) {
      share_pixels() ? ptx::load_im2col_multicast(to, p_.x, stage.full, x_, kBothCtas)
                     : ptx::load_im2col(to, p_.x, stage.full, x_);
    } else {
      share_pixels() ? ptx::load_tensor_multicast(to, p_.x, stage.full, x_.c, pixel_, kBothCtas)
                     : ptx::load_tensor(to, p_.x, stage.full, x_.c, pixel_);
    }
  }
  __device__ __forceinline__ void load_w(const Stage& stage, int k) const {
    const std::uint32_t to = stage.address + w_offset_;
    share_weights() ? ptx::load_tensor_multicast(to, p_.w, stage.full, k, w_row_, kBothCtas)
                    : ptx::load_tensor(to, p_.w, stage.full, k, w_row_);
  }

  __device__ __forceinline__ bool share_pixels() const {
    return schedule_.multicast() == Multicast::pixels;
  }
  __device__ __forceinline__ bool share_weights() const {
    return schedule_.multicast() == Multicast::weights;
  }

  const ConvSm90Params& p_;
  const TileSchedule<T>& schedule_;
  RingProducer<T>& ring_;
  std::uint32_t x_offset_, w_offset_;  // in a stage
  int w_row_;
  int pixel_;
  ptx::Im2colPlace x_;
};

}  // namespace foldconv
