// SPDX-License-Identifier: MIT
// Convolution on tensor cores whose taps are taken from shared memory, sm_80 instructions (runs on every later GPU
// too).
//
//   y[m, k] = act(scale[k] * sum_K x(m, K) * w[k, K] + bias[k] + residual[m, k])
//   products and sums in fp32, K in the canonical order (tile/weight_layout.hpp), one rounding at
//   the store: the bits of conv_sm80.
//
// Implicit GEMM as in conv_sm80, but x is read once for each slice of channels, with its halo
// (tile/halo_tile.hpp), not once for each tap. Layouts: x NHWC, w packed [k][row], residual and y
// NPQK; every pointer 16-byte aligned. Grid: one CTA for each block_m x block_n tile of y; channel
// tiles (over all groups) run fastest, so that CTAs that run at the same time share their pixels
// in L2.
//
// A CTA's floor, of S slices of 64 channels, T taps, `reach` pixels between the first and the last one:
//   bytes from L2   S * 128 * (block_m + reach + T * block_n)        conv_sm80: S * 128 * T * (block_m + block_n)
//   multiply-adds   S * 64 * T * block_m * block_n
//   wavefronts      S * (block_m + reach + T * (block_n + block_m * warps_n + block_n * warps_m))
// So tall tiles: 256x64 in 28x28 images, 3x3, reads 0.39 of what conv_sm80 does with 128x128.
//
// Shared memory (HaloTile): the ring of T.stages stages, [block_n][64] weights; a row of zeros; a
// buffer of [block_m + reach][64] pixels, or two where there is more than one slice. Rows of 128
// bytes, 16-byte chunks swizzled (stage/swizzle.cuh). After the last product the output tile lies
// over them. The pipeline: stage/sm80/halo_copies.cuh, stage/sm80/mainloop.cuh.
//
// Registers: 254 with warps of 64x64, 216 of 48x64, 162 of 64x32.
//
// Not taken: strides, outputs of another size than x, fewer than 64 channels in a group, filters of
// fewer taps than the pipeline is ahead or over 15 rows or columns, rows of x so long that the halo
// does not fit (host/catalog/supports.cpp has the rules).
#pragma once

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/conv_epilogue.cuh"
#include "stage/sm80/halo_mainloop.cuh"
#include "stage/sm80/output_tile.cuh"
#include "stage/sm80/stage_ring.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "tile/halo_tile.hpp"

namespace foldconv {

template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), Tile::value.min_ctas_per_sm)
    conv_halo_sm80(const __grid_constant__ ConvParams p) {
  constexpr HaloTile T = {Tile::value};
  extern __shared__ __align__(128) char shared[];

  const auto place = OutputPlace::of_cta<T.conv>(p);
  const std::uint32_t begin = ptx::shared_address(shared);
  const int reach = static_cast<int>(T.reach(p.g.r, p.g.s, p.g.dilation_h, p.g.dilation_w, p.g.w));
  StageRing<T.conv.stages, T.stage_bytes()> ring(begin);
  ConvWarpMma<T.conv, Element> mma;
  multiply_halo<T, Element>(
      p, reach, {begin + T.zeros_begin(), begin + T.pixels_begin(), 0}, place, ring, mma,
      [](auto& copies) -> auto& { return copies; });
  ptx::wait_async_copies<0>();

  __syncthreads();  // others read their operands where the output goes
  constexpr int kOutputStage = 0;
  static_assert(
      T.conv.output_pieces() == 1 && T.conv.output_bytes() <= T.pixels_begin() + T.pixels_bytes(0),
      "the output tile lies over weights and pixels, in one piece");
  const OutputTile<T.conv, Element> output(p, shared, place, kOutputStage);
  output.bring_residual();
  store_tile<T.conv, Element>(p, mma.sums, output, place);
}

}  // namespace foldconv
