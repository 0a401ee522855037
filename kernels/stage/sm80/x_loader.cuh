// SPDX-License-Identifier: MIT
// Global -> shared memory: the CTA's pixels of one stage, [block_m][kBlockK], swizzled.
#pragma once

#include <cstdint>
#include <type_traits>

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/address_table.cuh"
#include "stage/element.cuh"
#include "stage/swizzle.cuh"
#include "stage/tile_place.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// A thread serves the same chunk (8 channels) of every kRowStep-th row: eight neighbouring threads
// read 128 contiguous bytes, and each row costs two registers for the whole mainloop.
template <ConvTile T, ConvLoader kLoader, class Element>
class XLoader {
 private:
  // Elements, or the chunks that they make up; a tensor of either type.
  static constexpr int kUnit = address_unit(kLoader);
  using Unit = std::conditional_t<kUnit == 1, Element, uint4>;
  static_assert(sizeof(Unit) == kUnit * sizeof(Element));
  static constexpr bool kOneTap =
      kLoader == ConvLoader::load_1x1 || kLoader == ConvLoader::load_joined;
  static __device__ __forceinline__ int units(int elements) {
    return static_cast<int>(static_cast<unsigned int>(elements) / kUnit);
  }

 public:
  static constexpr int kRowStep = T.threads() / ConvTile::kChunksPerRow;
  static constexpr int kRows = T.block_m / kRowStep;
  static_assert(T.block_m % kRowStep == 0 && kRowStep % 8 == 0,
                "every thread serves whole rows, same swizzle");

  __device__ __forceinline__ XLoader(const ConvParams& p, const AddressEntry* table, int m_begin,
                                     int group)
      : p_(p),
        x_(static_cast<const Unit*>(p.x) +
           static_cast<std::int64_t>(first_image(p, m_begin)) * p.g.h * p.g.w * units(p.g.x_pitch)),
        table_(table),
        channels_(p.g.c_per_group),
        last_width_(p.g.c_per_group -
                    (WeightLayout{p.g.c_per_group, 1}.slices() - 1) * kSliceWidth),
        chunk_(threadIdx.x % ConvTile::kChunksPerRow) {
    const int row = threadIdx.x / ConvTile::kChunksPerRow;
    destination_ = row * kSliceBytes + swizzled_chunk(row, chunk_) * 16;
    const int in_group = units(group * p.g.c_per_group) + (kUsesChunkOffset ? chunk_ : 0);
    const unsigned int in_last_slice = chunk_ * 8 < last_width_ ? mask_bits::kLastSlice : 0;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int m = m_begin + row + i * kRowStep;
      const int image = static_cast<int>(p.per_image.quotient(m));
      const int pixel = static_cast<int>(p.per_image.remainder(m, image));
      const int output_row = static_cast<int>(p.per_row.quotient(pixel));
      const int output_column = static_cast<int>(p.per_row.remainder(pixel, output_row));
      const int h = output_row * p.g.stride_h - p.g.pad_top;
      const int w = output_column * p.g.stride_w - p.g.pad_left;
      offset_[i] =
          (((image - first_image(p, m_begin)) * p.g.h + h) * p.g.w + w) * units(p.g.x_pitch) +
          in_group;
      // A row past the last pixel may have any offset: nothing is read from there.
      if constexpr (kOneTap) {
        missing_[0] |= static_cast<unsigned int>(m >= p.m || !inside_image(h, w, p.g.h, p.g.w))
                       << i;
      } else {
        missing_[i] = m < p.m ? ~(validity_mask(p, h, w) | in_last_slice) : ~0u;
      }
      if constexpr (kLoader == ConvLoader::load_joined) {
        const SecondInput& second = p.second;
        second_offset_[i] = ((image * second.h + output_row * second.stride) * second.w +
                             output_column * second.stride) *
                                units(second.pitch) +
                            chunk_;
      }
    }
  }

  // For kernels that have the registers: offsets are not computed again in every slice.
  __device__ __forceinline__ void keep_offsets() {
#pragma unroll
    for (int& offset : offset_) ptx::keep(offset);
    if constexpr (kLoader == ConvLoader::load_joined) {
#pragma unroll
      for (int& offset : second_offset_) ptx::keep(offset);
    }
  }

  // Where a stage of K lies in x, for all rows.
  struct Slice {
    const Unit* x;       // to which a row's offset is added
    unsigned int needs;  // bits that a row must not miss; one tap: bits of the rows that miss it
    int k_block;
    bool second;  // of p.second.x
  };
  __device__ __forceinline__ Slice slice(int k_block) const {
    if constexpr (kLoader == ConvLoader::load_element) {
      return {x_, 0, k_block, false};
    } else if constexpr (kOneTap) {
      const int first_slices = WeightLayout{channels_, 1}.slices();
      const bool second = kLoader == ConvLoader::load_joined && k_block >= first_slices;
      const int in_tensor = second ? k_block - first_slices : k_block;
      const bool exists = in_tensor * kSliceWidth + chunk_ * 8 < (second ? p_.second.c : channels_);
      const Unit* x = second ? static_cast<const Unit*>(p_.second.x) : x_;
      return {x + in_tensor * units(kSliceWidth), exists ? missing_[0] : ~0u, k_block, second};
    } else {
      const AddressEntry entry =
          table_[kLoader == ConvLoader::load_rxs ? k_block
                                                 : k_block * ConvTile::kChunksPerRow + chunk_];
      return {x_ + entry.delta, entry.needs, k_block, false};
    }
  }

  // Brings stage `k_block` of K to `stage` (shared address of row 0).
  __device__ __forceinline__ void load(std::uint32_t stage, int k_block) const {
    load_part<0, 1>(stage, slice(k_block));
  }

  // The same in kParts calls, of which this is the kPart-th.
  template <int kPart, int kParts>
  __device__ __forceinline__ void load_part(std::uint32_t stage, const Slice& slice) const {
    if constexpr (kLoader == ConvLoader::load_element) {
      if constexpr (kPart == 0) load_elements(stage, slice.k_block);
    } else {
#pragma unroll
      for (int i = kPart; i < kRows; i += kParts) {
        const int offset =
            kLoader == ConvLoader::load_joined && slice.second ? second_offset_[i] : offset_[i];
        ptx::copy_async_16(stage + destination_ + i * kRowStep * kSliceBytes,
                           ptx::element_at(slice.x, offset), kOneTap ? slice.needs : missing_[i],
                           kOneTap ? 1u << i : slice.needs);
      }
    }
  }

 private:
  // The image that offsets count from: elements need one near the tile, chunks reach from image 0.
  static __device__ __forceinline__ int first_image(const ConvParams& p, int m_begin) {
    return kUnit == 1 ? static_cast<int>(p.per_image.quotient(m_begin)) : 0;
  }

  // The tables of the narrow and element loaders have the channel in them.
  static constexpr bool kUsesChunkOffset = kOneTap || kLoader == ConvLoader::load_rxs;

  // Element by element through registers: no alignment is needed, and channels are packed without
  // gaps, so that 3 channels and 49 taps fill 147 of 192 positions of K instead of 392 with
  // channels padded to 8.
  __device__ __forceinline__ void load_elements(std::uint32_t stage, int k_block) const {
    const bool narrow = channels_ < kSliceWidth;
    AddressEntry entries[8];
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const int k = chunk_ * 8 + e;
      entries[e] = table_[narrow ? element_slot(k_block, chunk_, e) : k_block];
      if (!narrow) {
        const int width = entries[e].needs & mask_bits::kLastSlice ? last_width_ : kSliceWidth;
        entries[e].delta += k;
        entries[e].needs =
            k < width ? entries[e].needs & ~mask_bits::kLastSlice : mask_bits::kNever;
      }
    }
    const auto* bits = reinterpret_cast<const unsigned short*>(x_);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      std::uint32_t words[4] = {0, 0, 0, 0};
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        if ((missing_[i] & entries[e].needs) == 0) {
          words[e / 2] |= static_cast<std::uint32_t>(__ldg(bits + (offset_[i] + entries[e].delta)))
                          << (e % 2 * 16);
        }
      }
      ptx::store_shared_16(stage + destination_ + i * kRowStep * kSliceBytes, words);
    }
  }

  const ConvParams& p_;
  const Unit* x_;
  const AddressEntry* table_;
  int channels_, last_width_;
  int chunk_;
  std::uint32_t destination_;
  int offset_[kRows];  // of the window's corner, in units; may point outside the image
  int second_offset_[kLoader == ConvLoader::load_joined ? kRows : 1];  // of p.second.x's pixel
  unsigned int missing_[kOneTap ? 1 : kRows] =
      {};  // filter rows and columns outside; one tap: a bit for each row
};

}  // namespace foldconv
