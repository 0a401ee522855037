// SPDX-License-Identifier: MIT
// Pixels -> shared memory: what a tile of the stem reads of x, in the storage type, literal zeros outside the image.
//
//   patch[row][column][channel] = round((x - mean[channel]) * factor[channel])
//
// Rows are T.patch_pitch() elements apart. A warp takes rows of x, its lanes two neighbours each: of planes two columns,
// of pixels two elements. The first column that is loaded is even, so the pairs are aligned where x's rows have an even
// length.
#pragma once

#include <cstdint>
#include <type_traits>

#include "params/stem_params.hpp"
#include "ptx/shared_stores.cuh"
#include "stage/element.cuh"
#include "stage/piece.cuh"
#include "tile/stem_tile.hpp"

namespace foldconv {

__device__ __forceinline__ float to_float(unsigned char value) {
  return static_cast<float>(value);
}

template <StemTile T, class Element>
class StemPatch {
 public:
  // `first`: shared address of the patch's first element.
  __device__ __forceinline__ StemPatch(const StemParams& p, std::uint32_t first, int rows,
                                       int columns)
      : p_(p), first_(first), rows_(rows), columns_(columns) {}

  // All threads. (top, left): the patch's first pixel, which may lie outside the image.
  __device__ __forceinline__ void load(int image, int top, int left) const {
    const Place place = {image, top, left, left & 1};
    if (p_.pairs == 0) return load_elements(place);
    const bool planes = p_.x_channel != 1;
    switch (p_.from) {
      case Storage::u8:
        return planes ? load_planes<unsigned char>(place) : load_pixels<unsigned char>(place);
      case Storage::f32:
        return planes ? load_planes<float>(place) : load_pixels<float>(place);
      case Storage::f16:
        return planes ? load_planes<__half>(place) : load_pixels<__half>(place);
      case Storage::bf16:  // a tensor of the network
        if constexpr (std::is_same_v<Element, __nv_bfloat16>) load_pixels<Element>(place);
    }
  }

 private:
  static constexpr int kChannels = T.kChannels;
  static constexpr int kRowsAtOnce = 3;  // in flight of a warp

  struct Place {
    int image, top, left;
    int lead;  // 1: the column before `left` is loaded, too
  };

  __device__ __forceinline__ static int warp() { return static_cast<int>(threadIdx.x) / 32; }
  __device__ __forceinline__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }

  // Of x, for a channel of the network; the swap is its own inverse.
  __device__ __forceinline__ int swapped(int channel) const {
    return p_.swap != 0 ? kChannels - 1 - channel : channel;
  }
  __device__ __forceinline__ float normalised(float value, int channel) const {
    const float mean = channel == 0 ? p_.mean[0] : channel == 1 ? p_.mean[1] : p_.mean[2];
    const float factor = channel == 0 ? p_.factor[0] : channel == 1 ? p_.factor[1] : p_.factor[2];
    return (value - mean) * factor;
  }
  // The row's first element of x; h in the image.
  template <class Source>
  __device__ __forceinline__ const Source* row_of(const Place& place, int h) const {
    return static_cast<const Source*>(p_.x) + place.image * p_.x_image +
           static_cast<std::int64_t>(h) * p_.x_row;
  }
  // `element`: of the row, from `left` on.
  __device__ __forceinline__ void store(int row, int element, float value) const {
    const Element rounded = from_float<Element>(value);
    ptx::store_shared_2(first_ + (row * T.patch_pitch() + element) * 2,
                        reinterpret_cast<const std::uint16_t&>(rounded));
  }
  __device__ __forceinline__ bool row_inside(int h) const {
    return static_cast<unsigned int>(h) < static_cast<unsigned int>(p_.h);
  }

  template <class Source>
  __device__ __forceinline__ void load_planes(const Place& place) const {
    const int column = lane() * 2 - place.lead;
    const int w = place.left + column;
    const bool wanted = column < columns_;
    const bool inside =
        wanted && static_cast<unsigned int>(w) < static_cast<unsigned int>(p_.w_size);
    for (int begin = warp(); begin < rows_; begin += T.kWarps * kRowsAtOnce) {
      Values<2> values[kRowsAtOnce][kChannels];
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const int row = begin + i * T.kWarps, h = place.top + row;
        const bool read = inside && row < rows_ && row_inside(h);
        const Source* x = row_of<Source>(place, h) + w;
#pragma unroll
        for (int c = 0; c < kChannels; ++c) {
          values[i][c] = {};
          if (read) {
            values[i][c] = load_piece<2>(x + static_cast<std::int64_t>(swapped(c)) * p_.x_channel);
            for (float& value : values[i][c].at) value = normalised(value, c);
          }
        }
      }
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const int row = begin + i * T.kWarps;
        if (!wanted || row >= rows_) continue;
#pragma unroll
        for (int e = 0; e < 2 * kChannels; ++e)
          store(row, column * kChannels + e, values[i][e % kChannels].at[e / kChannels]);
      }
    }
  }

  // Rows of 3 channels a pixel without gaps.
  template <class Source>
  __device__ __forceinline__ void load_pixels(const Place& place) const {
    constexpr int kPasses = (T.reach(T.kMostColumns) + 1) * kChannels > 64 ? 2 : 1;
    static_assert((T.reach(T.kMostColumns) + 1) * kChannels <= 64 * kPasses);
    const int row_elements = p_.w_size * kChannels;
    for (int begin = warp(); begin < rows_; begin += T.kWarps * kRowsAtOnce) {
      Values<2> values[kRowsAtOnce][kPasses];
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const int row = begin + i * T.kWarps, h = place.top + row;
        const Source* x = row_of<Source>(place, h);
#pragma unroll
        for (int pass = 0; pass < kPasses; ++pass) {
          const int element = element_of(place, pass);
          const int at = place.left * kChannels + element;
          values[i][pass] = {};
          if (row < rows_ && row_inside(h) && element < columns_ * kChannels &&
              static_cast<unsigned int>(at) < static_cast<unsigned int>(row_elements)) {
            values[i][pass] = load_piece<2>(x + at);
#pragma unroll
            for (int e = 0; e < 2; ++e) {
              float& value = values[i][pass].at[e];
              value = normalised(value, swapped(channel_of(pass, e)));
            }
          }
        }
      }
#pragma unroll
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const int row = begin + i * T.kWarps;
#pragma unroll
        for (int pass = 0; pass < kPasses; ++pass) {
          const int element = element_of(place, pass);
          if (row >= rows_ || element >= columns_ * kChannels) continue;
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            const int channel = channel_of(pass, e);
            store(row, element + e - channel + swapped(channel), values[i][pass].at[e]);
          }
        }
      }
    }
  }
  // Of the lane's pair: its first element, from `left` on; a channel, which is the same in every tile.
  __device__ __forceinline__ static int element_of(const Place& place, int pass) {
    return (pass * 32 + lane()) * 2 - place.lead * kChannels;
  }
  __device__ __forceinline__ static int channel_of(int pass, int e) {
    return ((pass * 32 + lane()) * 2 + e) % kChannels;
  }

  // Whatever x is: rows of odd length, pixels with gaps.
  __device__ __forceinline__ void load_elements(const Place& place) const {
    for (int row = warp(); row < rows_; row += T.kWarps) {
      const int h = place.top + row;
      for (int column = lane(); column < columns_; column += 32) {
        const int w = place.left + column;
        const bool inside =
            row_inside(h) && static_cast<unsigned int>(w) < static_cast<unsigned int>(p_.w_size);
        for (int c = 0; c < kChannels; ++c) {
          float value = 0;
          if (inside) {
            value = normalised(
                element_at(place.image * p_.x_image + static_cast<std::int64_t>(h) * p_.x_row +
                           static_cast<std::int64_t>(w) * p_.x_pixel +
                           static_cast<std::int64_t>(swapped(c)) * p_.x_channel),
                c);
          }
          store(row, column * kChannels + c, value);
        }
      }
    }
  }
  __device__ __forceinline__ float element_at(std::int64_t index) const {
    switch (p_.from) {
      case Storage::u8:
        return to_float(static_cast<const unsigned char*>(p_.x)[index]);
      case Storage::f16:
        return to_float(static_cast<const __half*>(p_.x)[index]);
      case Storage::bf16:
        return to_float(static_cast<const __nv_bfloat16*>(p_.x)[index]);
      default:
        return static_cast<const float*>(p_.x)[index];
    }
  }

  const StemParams& p_;
  std::uint32_t first_;
  int rows_, columns_;
};

}  // namespace foldconv
