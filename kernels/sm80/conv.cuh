// SPDX-License-Identifier: MIT
// Convolution on tensor cores, sm_80 instructions (runs on every later GPU too).
//
//   y[m, k] = act(scale[k] * sum_K x(m, K) * w[k, K] + bias[k] + residual[m, k])
//   The joined loader's K runs over the channels of two tensors, both read by 1x1.
//   products and sums in fp32, K in the canonical order (tile/weight_layout.hpp), one rounding at
//   the store.
//
// Implicit GEMM: m = output pixels (n, p, q flattened), N = output channels of a group, K = slices
// x taps x channels. Layouts: x NHWC, w packed [k][row], residual and y NPQK; every pointer 16-byte
// aligned. Grid: one CTA for each block_m x block_n tile of y; channel tiles (over all groups) run
// fastest, so that CTAs that run at the same time share their pixels in L2.
//
// Shared memory: a ring of T.stages stages, then the address table.
//   stage: [block_m][64] pixels, then [block_n][64] weights; rows of 128 bytes, 16-byte chunks
//          swizzled (stage/swizzle.cuh)
//   after the last stage of K the ring takes the pieces of the output tile: residual in, output out
//   (stage/sm80/output_tile.cuh)
//
//   copy     k0 k1 | k2 k3 k4 ... | r0 r1 .     (3 stages; r: pieces of the residual)
//   multiply       | k0 k1 k2 ...   kl-1 kl | epilogue
//
// Not taken: 32-bit elements, filters over 15 rows or columns, groups of few channels
// (host/catalog/supports.cpp has the rules); the direct kernel takes those.
#pragma once

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/address_table.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/conv_copies.cuh"
#include "stage/sm80/conv_epilogue.cuh"
#include "stage/sm80/mainloop.cuh"
#include "stage/sm80/output_tile.cuh"
#include "stage/sm80/stage_ring.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// `Tile` holds a ConvTile as `value`: nvcc's host stubs cannot name a struct argument of a kernel
// itself.
template <class Tile, ConvLoader kLoader, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), Tile::value.min_ctas_per_sm)
    conv_sm80(const __grid_constant__ ConvParams p) {
  constexpr ConvTile T = Tile::value;
  extern __shared__ __align__(128) char shared[];
  auto* table = reinterpret_cast<AddressEntry*>(shared + T.stages * T.stage_bytes());

  const auto place = OutputPlace::of_cta<T>(p);
  const OutputTile<T, Element> output(p, shared, place, p.k_blocks);
  ConvCopies<T, kLoader, Element> copies(p, table, output, place);
  if constexpr (kLoader != ConvLoader::load_1x1 && kLoader != ConvLoader::load_joined) {
    build_address_table<T, kLoader>(p, table);
    __syncthreads();
  }

  StageRing<T.stages, T.stage_bytes()> ring(ptx::shared_address(shared));
  produce_ahead(ring, copies);
  using Mma = ConvWarpMma<T, Element>;
  Mma mma;
  std::uint32_t x_part = x_offset<Mma>(warp_row<T>());
  std::uint32_t w_part = T.block_m * kSliceBytes + w_offset<Mma>(warp_column<T>());
  ptx::keep(x_part);
  ptx::keep(w_part);
  multiply_stages(ring, copies, mma, p.k_blocks,
                  [&](Mma::Fragments& to, std::uint32_t stage, int k_step) {
                    Mma::load(to, stage + x_part, stage + w_part, k_step);
                  });
  ptx::wait_async_copies<0>();

  if (p.residual != nullptr) {
    if (p.vector_output == 0) output.load_residual_elements();
    __syncthreads();  // others copied parts of this warp's residual
  }
  store_tile<T, Element>(p, mma.sums, output, place);
}

}  // namespace foldconv
