// SPDX-License-Identifier: MIT
// Tiles of the tensor-core convolution: one struct feeds kernel, launch and selector, so no figure
// is computed twice.
#pragma once

#include "tile/host_device.hpp"
#include "tile/weight_layout.hpp"

namespace foldconv {

// How a CTA reads x. Every loader fills the same shared-memory tile; they differ in how a 16-byte
// chunk (8 channels) finds its address.
enum class ConvLoader {
  load_1x1,     // 1x1: K is the channels; one 16-byte copy a chunk, no taps
  load_rxs,     // r x s, at least kSliceWidth channels: one tap a stage, 16-byte copies
  load_narrow,  // r x s, fewer than kSliceWidth channels, a multiple of 8: one tap a chunk, 16-byte
                // copies
  load_joined,  // 1x1 over the channels of two tensors, see SecondInput; one 16-byte copy a chunk
  load_element,  // any channel count: element by element; for channel counts and group offsets that
                 // break 16-byte alignment
  load_rows,  // r x s, fewer than kSliceWidth channels, any number: what each filter row reads of x
              // lies in shared memory once, and operands are read from there; conv_rows_sm80
  load_gated,  // 1x1 of x times a gate for each image and channel; conv_gated_sm80
  load_halo,  // r x s at stride 1, at least kSliceWidth channels: taps from shared memory, 16-byte copies; see HaloTile
};

// Elements of x that a loader's 32-bit addresses count as one. Those that copy 16-byte chunks count chunks of the whole
// tensor, 2^34 elements; the rows and element loaders count elements from a tile's first image on.
FOLDCONV_HOST_DEVICE constexpr int address_unit(ConvLoader loader) {
  return loader == ConvLoader::load_element || loader == ConvLoader::load_rows ? 1 : 8;
}

// One k slice a stage. Warps tile the CTA tile as warps_m x warps_n.
struct ConvTile {
  int block_m = 0;  // output pixels (N*P*Q flattened)
  int block_n = 0;  // output channels
  int warps_m = 0;
  int warps_n = 0;
  int stages = 0;
  int min_ctas_per_sm = 1;  // launch bound: caps registers

  static constexpr int kBlockK = kSliceWidth;
  static constexpr int kChunksPerRow = kBlockK / 8;  // 16-byte chunks

  FOLDCONV_HOST_DEVICE constexpr int threads() const { return warps_m * warps_n * 32; }
  FOLDCONV_HOST_DEVICE constexpr int warp_m() const { return block_m / warps_m; }
  FOLDCONV_HOST_DEVICE constexpr int warp_n() const { return block_n / warps_n; }
  FOLDCONV_HOST_DEVICE constexpr int stage_bytes() const {
    return (block_m + block_n) * kSliceBytes;
  }
  // The residual, and later the output, lie in the stages that the drained pipeline no longer
  // needs.
  FOLDCONV_HOST_DEVICE constexpr int output_bytes() const { return block_m * block_n * 2; }
  FOLDCONV_HOST_DEVICE constexpr int output_pieces() const {
    return (output_bytes() + stage_bytes() - 1) / stage_bytes();
  }
  // Shared memory of a CTA: the stages, and one 8-byte table entry for each address the loader
  // looks up.
  FOLDCONV_HOST_DEVICE constexpr int shared_bytes(int table_entries) const {
    return stages * stage_bytes() + table_entries * 8;
  }
};

// Addresses that the loader looks up in its table: one for each ...
FOLDCONV_HOST_DEVICE constexpr int table_entries(ConvLoader loader, WeightLayout layout) {
  switch (loader) {
    case ConvLoader::load_1x1:
    case ConvLoader::load_joined:
    case ConvLoader::load_gated:
    case ConvLoader::load_halo:
      return 0;
    case ConvLoader::load_rxs:
      return layout.row() / kSliceWidth;  // ... stage
    case ConvLoader::load_narrow:
      return layout.row() / 8;  // ... chunk
    case ConvLoader::load_rows:
      return layout.row() / 2;  // ... pair of elements
    case ConvLoader::load_element:
      return layout.narrow() ? layout.row() : layout.row() / kSliceWidth;  // ... element, or stage
  }
  return 0;
}

}  // namespace foldconv
