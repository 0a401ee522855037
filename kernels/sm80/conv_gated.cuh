// SPDX-License-Identifier: MIT
// 1x1 convolution of a gated tensor, sm_80 instructions: squeeze and excite's product and the convolution behind it.
//
//   y[m, k] = act(scale[k] * sum_c round(x[m, c] * gate[image of m, c]) * w[k, c] + bias[k] + residual[m, k])
//   The product is rounded once to the storage type, where a kernel that multiplies rounds, too; all else as in
//   conv.cuh: so the bits are those of the product as a launch of its own and a 1x1 behind it.
//
// As conv.cuh with the 1x1 loader, whose layouts, grid, ring and epilogue it has; gate [n][c], dense, 16-byte aligned.
// Shared memory: the ring of T.stages stages, then as many slots of gates: [images of a tile][64], rows of 144 bytes
// (tile/gate_rows.hpp). A slot is copied with its stage. Gates are multiplied in registers, behind ldmatrix
// (stage/sm80/gated_fragments.cuh): a lane loads two pairs a k-step, and again only where eight rows are not of the image of
// those before.
//
// Floor: DRAM x, w, residual, y and 2 n c bytes of gates, FLOPs of the 1x1. Wavefronts of shared memory for a slice: those of
// the 1x1, and gates: one for each image of a tile that is copied, 8 a warp where all its pixels are of one image, 8 or 16
// more for each boundary of images in it. For 128x64: 576 become 610, 6 %, where multiplying in shared memory would add a
// read and a write of every pixel, 44 %. HMUL2: 4 a fragment and k-step, as many as the HMMAs that read it.
// Counted: these bytes, wavefronts exactly (gated_test.cpp). Registers, sm_80 and sm_90: 168 (128x64, as many as three CTAs
// leave), 120, 118; nothing spilled. The 1x1 of the same tile has 156.
//
// Not taken: strides, padding, groups, channels that are no multiple of 8, f32 (host/catalog/supports.cpp).
#pragma once

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/conv_epilogue.cuh"
#include "stage/sm80/gate_copies.cuh"
#include "stage/sm80/gated_fragments.cuh"
#include "stage/sm80/mainloop.cuh"
#include "stage/sm80/output_tile.cuh"
#include "stage/sm80/stage_ring.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), Tile::value.min_ctas_per_sm)
    conv_gated_sm80(const __grid_constant__ ConvParams p) {
  constexpr ConvTile T = Tile::value;
  extern __shared__ __align__(128) char shared[];
  const std::uint32_t ring_begin = ptx::shared_address(shared);
  const std::uint32_t gates_begin = ring_begin + T.stages * T.stage_bytes();

  const auto place = OutputPlace::of_cta<T>(p);
  const OutputTile<T, Element> output(p, shared, place, p.k_blocks);
  GatedCopies<T, Element> copies(p, output, place, gates_begin);

  StageRing<T.stages, T.stage_bytes()> ring(ring_begin);
  produce_ahead(ring, copies);
  using Mma = ConvWarpMma<T, Element>;
  Mma mma;
  GatedFragments<T, Element> gates(p, place, warp_row<T>(), gates_begin);
  std::uint32_t x_part = x_offset<Mma>(warp_row<T>());
  std::uint32_t w_part = T.block_m * kSliceBytes + w_offset<Mma>(warp_column<T>());
  ptx::keep(x_part);
  ptx::keep(w_part);
  multiply_stages(ring, copies, mma, p.k_blocks,
                  [&](Mma::Fragments& to, std::uint32_t stage, int k_step) {
                    Mma::load(to, stage + x_part, stage + w_part, k_step);
                    gates.multiply(to.x, k_step);
                  });
  ptx::wait_async_copies<0>();

  if (p.residual != nullptr) {
    if (p.vector_output == 0) output.load_residual_elements();
    __syncthreads();  // others copied parts of this warp's residual
  }
  store_tile<T, Element>(p, mma.sums, output, place);
}

}  // namespace foldconv
