// SPDX-License-Identifier: MIT
// The table that turns a position in K into an address: what im2col would be, computed once per
// CTA.
//
// x's address splits into a part of the output pixel (kept in registers by the loader) and a part
// of the tap and channel, which is the same for all pixels. The latter stands here, in shared
// memory, with the bits that a pixel's validity mask must have for the tap to lie inside the image.
// The mainloop is left with one add and one mask test: no division.
#pragma once

#include "params/conv_params.hpp"
#include "tile/conv_tile.hpp"

namespace foldconv {

struct AddressEntry {
  int delta;           // to add to the pixel's offset, in units of address_unit()
  unsigned int needs;  // bits of the mask
};

// Bits of a validity mask. A filter row or column is a bit of its own, hence kMaxTensorCoreTaps
// = 15.
namespace mask_bits {
inline constexpr unsigned int kLastSlice =
    1u << 15;  // the thread's chunk exists in the last, shorter slice
inline constexpr unsigned int kNever = 1u << 31;  // no mask has it: zero padding at the end of K
__device__ __forceinline__ constexpr unsigned int row(int r) {
  return 1u << r;
}
__device__ __forceinline__ constexpr unsigned int column(int s) {
  return 1u << (16 + s);
}
}  // namespace mask_bits

// A bit for each tap that lies inside, of a window over one axis of `size` that starts at `begin`, which may lie outside.
__device__ __forceinline__ unsigned int taps_inside(int begin, int taps, int size,
                                                    const FastDivision& dilation) {
  // The first tap at or behind `distance`, as far as there are taps.
  const auto first_from = [&](int distance) {
    return distance > 0
               ? min(static_cast<int>(dilation.quotient(distance + dilation.divisor - 1)), taps)
               : 0;
  };
  return (1u << first_from(size - begin)) -
         (1u << min(first_from(-begin), first_from(size - begin)));
}

// The mask of the output pixel whose window starts at (h, w) of the image, which may lie outside.
__device__ __forceinline__ unsigned int validity_mask(const ConvParams& p, int h, int w) {
  return taps_inside(h, p.g.r, p.g.h, p.dilation_h) * mask_bits::row(0) |
         taps_inside(w, p.g.s, p.g.w, p.dilation_w) * mask_bits::column(0);
}

// `channel`: a multiple of kUnit.
template <int kUnit>
__device__ __forceinline__ AddressEntry address_entry(const ConvParams& p, int tap, int channel,
                                                      bool last_slice) {
  const int r = static_cast<int>(p.kernel_w.quotient(tap));
  const int s = static_cast<int>(p.kernel_w.remainder(tap, r));
  AddressEntry entry;
  entry.delta =
      (r * p.g.dilation_h * p.g.w + s * p.g.dilation_w) * (p.g.x_pitch / kUnit) + channel / kUnit;
  entry.needs = mask_bits::row(r) | mask_bits::column(s) | (last_slice ? mask_bits::kLastSlice : 0);
  return entry;
}

// Where the element loader finds element `e` of chunk `chunk`: neighbouring lanes ask for the same
// element of neighbouring chunks, which stand side by side, so that the look-up has no bank
// conflict.
__device__ __forceinline__ int element_slot(int k_block, int chunk, int e) {
  return k_block * kSliceWidth + e * ConvTile::kChunksPerRow + chunk;
}

// Fills the table with all threads of the CTA; the caller synchronises. An entry stands for a stage
// (one tap of one slice), a chunk or an element, as foldconv::table_entries() counts them.
template <ConvTile T, ConvLoader kLoader>
__device__ __forceinline__ void build_address_table(const ConvParams& p, AddressEntry* table) {
  constexpr int kUnit = address_unit(kLoader);
  const WeightLayout layout{p.g.c_per_group, p.g.r * p.g.s};
  const int entries = table_entries(kLoader, layout);
  for (int i = threadIdx.x; i < entries; i += T.threads()) {
    if (kLoader == ConvLoader::load_rxs || !layout.narrow()) {
      const int slice = static_cast<int>(p.taps.quotient(i));
      const int tap = static_cast<int>(p.taps.remainder(i, slice));
      table[i] = address_entry<kUnit>(p, tap, slice * kSliceWidth, slice == layout.slices() - 1);
    } else {
      // The inverse of element_slot(), or the first element of chunk i.
      const int k = kLoader == ConvLoader::load_element
                        ? i / kSliceWidth * kSliceWidth + i % 8 * 8 + i % kSliceWidth / 8
                        : i * 8;
      const int tap = static_cast<int>(p.channels.quotient(k));
      const int channel = static_cast<int>(p.channels.remainder(k, tap));
      table[i] = tap < layout.taps ? address_entry<kUnit>(p, tap, channel, false)
                                   : AddressEntry{0, mask_bits::kNever};
    }
  }
}

}  // namespace foldconv
