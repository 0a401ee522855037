// SPDX-License-Identifier: MIT
// The tail of a bottleneck block as one kernel, and with it the head of the next block; sm_80
// instructions (runs on every later GPU too).
//
//   t2 = inner(scale2 * conv2(t1) + bias2)             3x3, rounded to the storage type
//   y  = last(scale3 * conv3(t2) + bias3 + x)          1x1, rounded at the store
//   y  = last(scale3 * [t2 | x] . [w3 ; wd] + bias3)   with a projection shortcut: x at every
//        stride-th pixel, one longer K, not rounded in between
//   u  = next(scale * conv1'(y) + bias)                optional: the next block's 1x1
// t1, x, y, u NHWC, pixels of x and y pitches apart, 16-byte aligned; weights packed (tile/weight_layout.hpp). Bit-identical to the
// chain of conv_sm80.
//
// A CTA takes block_m pixels and all their channels, so t2 and the y that u needs never leave it, and
// no pixel is computed twice. Each CTA reads all weights, from L2.
//   DRAM  t1 + x + y + u + weights, where the chain moves 2 t2 and one y more
//
//   conv2     the mainloop of conv_sm80, or of conv_halo_sm80 where the halo fits, block_n = all
//             channels of t2 | t2 -> shared memory
//   a round   64 channels of y = t2 . w3 (+ shortcut) -> shared memory -> global;
//             sums of u += y . w1', in registers over all rounds
//
// Shared memory: see TailTile. Not taken: grouped 3x3, fewer than 64 middle channels.
#pragma once

#include "params/block_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/address_table.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/halo_mainloop.cuh"
#include "stage/sm80/mainloop.cuh"
#include "stage/sm80/stage_ring.cuh"
#include "stage/sm80/tail_convs.cuh"
#include "stage/sm80/tail_copies.cuh"
#include "tile/tail_tile.hpp"

namespace foldconv {

// A slice of x at the CTA's pixels, for the projection; zero outside.
template <TailTile T, class Element>
__device__ __forceinline__ void copy_projection_input(const TailParams& p, int m_begin, int slice,
                                                      std::uint32_t to) {
  const SecondInput& x = p.projection;
  for_each_chunk<T.conv2.threads(), T.conv2.block_m>([&](int row, int chunk, int offset) {
    const int m = m_begin + row, channel = slice * kSliceWidth + chunk * 8;
    const int image = static_cast<int>(p.conv2.per_image.quotient(m));
    const int pixel = static_cast<int>(p.conv2.per_image.remainder(m, image));
    const int h = static_cast<int>(p.conv2.per_row.quotient(pixel));
    const int w = static_cast<int>(p.conv2.per_row.remainder(pixel, h));
    const auto* from = static_cast<const Element*>(x.x) +
                       (((image * x.h + h * x.stride) * x.w + w * x.stride) * x.pitch + channel);
    ptx::copy_async_16(to + offset, from, m < p.conv2.m && channel < x.c);
  });
}

template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.conv2.threads(), Tile::value.conv2.min_ctas_per_sm)
    block_tail_sm80(const __grid_constant__ TailParams p) {
  constexpr TailTile T = Tile::value;
  constexpr ConvTile C = T.conv2;
  extern __shared__ __align__(128) char shared[];
  const std::uint32_t shared_begin = ptx::shared_address(shared);
  const std::uint32_t y = shared_begin + T.y_begin();
  const std::uint32_t operand = shared_begin + T.operand_begin();
  const bool has_next = p.next.w != nullptr;
  const int next_slices = has_next ? WeightLayout{p.next_k, 1}.slices() : 0;
  const int slices = conv3_slices(p);
  auto* table = reinterpret_cast<AddressEntry*>(shared + T.table_begin(max(slices, next_slices)));
  const int m_begin = static_cast<int>(blockIdx.x) * C.block_m;

  RoundCopies<T, Element> rounds(p, m_begin);
  StageRing<C.stages, C.stage_bytes()> ring(shared_begin);
  using WideMma = ConvWarpMma<C, Element>;
  const std::uint32_t wide_w = T.slice_bytes() + w_offset<WideMma>(warp_column<C>());
  const std::uint32_t wide_x = x_offset<WideMma>(warp_row<C>());
  {
    WideMma mma;
    const OutputPlace place = {m_begin, 0, 0};
    if (T.takes_halo() && p.halo_reach >= 0) {
      // Its pixels lie where y and the operand will.
      const HaloMemory memory = {shared_begin + T.zeros_begin(), shared_begin + T.pixels_begin(),
                                 T.slice_bytes()};
      multiply_halo<HaloTile{C}, Element>(
          p.conv2, p.halo_reach, memory, place, ring, mma,
          [&](auto& conv2) { return CopiesBeforeRounds(conv2, rounds); });
      __syncthreads();  // others read pixels where the operand goes
    } else {
      build_address_table<C, ConvLoader::load_rxs>(p.conv2, table);
      __syncthreads();
      // Belongs to the first group of copies: complete before the first stage is.
      for (int slice = middle_slices(p); slice < slices; ++slice) {
        copy_projection_input<T, Element>(p, m_begin, slice - middle_slices(p),
                                          operand + slice * T.slice_bytes());
      }
      Conv2Copies<T, Element> conv2(p.conv2, table, place);
      CopiesBeforeRounds copies(conv2, rounds);
      produce_ahead(ring, copies);
      multiply_stages(ring, copies, mma, p.conv2.k_blocks,
                      [&](WideMma::Fragments& to, std::uint32_t stage, int k_step) {
                        WideMma::load(to, stage + wide_x, stage + wide_w, k_step);
                      });
    }
    store_middle<T, Element>(mma.sums, {p.conv2.scale, p.conv2.bias, p.conv2.activation},
                             p.conv2.g.k, shared + T.operand_begin());
  }

  using Warps = RoundWarps<T>;
  using RoundMma = typename Warps::template Mma<Element>;
  const std::uint32_t round_x = operand + x_offset<RoundMma>(Warps::m());
  const std::uint32_t round_w = T.slice_bytes() + w_offset<RoundMma>(Warps::n());
  WideMma next_mma;
  for (int first = 0; first < p.k; first += kSliceWidth) {
    RoundMma mma;
    std::uint32_t stage = 0;
    for (int begin = 0; begin < slices; begin += T.slices_per_stage()) {
      stage = ring.wait();
      produce(ring, rounds);
      const int end = min(begin + T.slices_per_stage(), slices);
      for (int slice = begin; slice < end; ++slice) {
        mma.multiply_slice(round_x + slice * T.slice_bytes(),
                           stage + round_w + (slice - begin) * kSliceWidth * kSliceBytes);
      }
      ring.release();
    }
    // An identity shortcut came with the only stage of the round, which stays until the next wait().
    const char* identity = p.identity != nullptr ? shared + (stage - shared_begin) : nullptr;
    store_round<T, Element>(p, mma.sums, first, identity, shared + T.y_begin());
    if (has_next) {
      stage = ring.wait();  // its barrier: the slice of y is complete
      produce(ring, rounds);
      next_mma.multiply_slice(y + wide_x, stage + wide_w);
      ring.release();
    } else {
      __syncthreads();
    }
    write_slice<T, Element>(p, shared + T.y_begin(), m_begin, p.y, first, p.k, p.y_pitch);
  }
  ptx::wait_async_copies<0>();

  if (has_next) {
    store_middle<T, Element>(next_mma.sums, {p.next.scale, p.next.bias, p.next_activation},
                             p.next_k, shared + T.operand_begin());
    __syncthreads();
    for (int slice = 0; slice < next_slices; ++slice) {
      write_slice<T, Element>(p, shared + T.operand_begin() + slice * T.slice_bytes(), m_begin,
                              p.next_y, slice * kSliceWidth, p.next_k, p.next_k);
    }
  }
}

}  // namespace foldconv
