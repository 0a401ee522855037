// SPDX-License-Identifier: MIT
// Convolution by tensor copies and wgmma, sm_90a.
//
//   y[m, k] = act(scale[k] * sum_K x(m, K) * w[k, K] + bias[k] + residual[m, k])
//   products and sums in fp32, K in the canonical order (tile/weight_layout.hpp), one rounding at the store.
//
// Implicit GEMM as conv_sm80's: m = output pixels, N = output channels of a group. Persistent: a CTA computes tiles
// one after the other. One thread copies, by tensor maps (params/conv_sm90_params.hpp) that fill and clip all tails;
// consumer warpgroups multiply. With multicast two CTAs, a cluster, load half of what they share each, and send it to
// both.
//
// Shared memory, from a 1024-byte boundary on: T.stages stages ([block_m][64] pixels, then [block_n][64] weights), the
// consumers' boxes of y, the barriers.
//
//   copy        k0 k1 k2 k3 ... kl | k0 k1 ...                      full[stage] ->    <- empty[stage]
//   multiply       k0 k1 k2 ...  kl epilogue | k0 k1 ...            together: all consumers, rows of a tile each
//   multiply       a: k0 k1 ... kl epilogue      | k0 k1 ...        ping-pong: a tile each
//                  b:              k0 k1 ... kl epilogue
//   the residual comes into the boxes beside the products, y leaves them beside the next tile's
//
// Floors of a tile with B blocks of K, on one SM, in clocks of 4096 FLOP and 128 bytes of shared memory:
//   products        block_m * block_n * B / 32
//   shared memory   block_m / 64 * (64 + block_n) * B read by wgmma, + (block_m + block_n) * B written by the copies
//   bytes           (block_m + block_n) * 128 * B from L2, of the shared operand half with multicast; from DRAM x, w, y
//                   and the residual once a launch
//
// Taken problems: host/catalog/family.hpp.
#pragma once

#include <cstdint>

#include "params/conv_sm90_params.hpp"
#include "ptx/cluster.cuh"
#include "ptx/shared_memory.cuh"
#include "ptx/warpgroup.cuh"
#include "stage/sm90/barriers.cuh"
#include "stage/sm90/conv_copies.cuh"
#include "stage/sm90/copy_ring.cuh"
#include "stage/sm90/output_panels.cuh"
#include "stage/sm90/products.cuh"
#include "stage/sm90/tile_schedule.cuh"
#include "stage/sm90/turns.cuh"
#include "tile/sm90_tile.hpp"

namespace foldconv {

// By one thread.
template <Sm90Tile T>
__device__ __forceinline__ void copy_tiles(const ConvSm90Params& p, const TileSchedule<T>& schedule,
                                           std::uint32_t shared, const Sm90Barriers<T>& barriers) {
  RingProducer<T> ring(shared, barriers);
  Sm90ConvCopies<T> copies(p, schedule, ring);
  for (int unit = schedule.first(); unit < schedule.units(); unit += schedule.step()) {
    copies.load_tile(schedule.place(unit));
  }
}

// By a warpgroup.
template <Sm90Tile T, class Element>
__device__ __forceinline__ void compute_tiles(const ConvSm90Params& p,
                                              const TileSchedule<T>& schedule, std::uint32_t shared,
                                              const Sm90Barriers<T>& barriers, int consumer) {
  const int k_blocks = p.slices * p.r * p.s;
  const int row = T.ping_pong() ? 0 : consumer * T.consumer_rows();
  RingConsumer<T> ring(shared, barriers, schedule.clustered() ? schedule.rank() ^ 1 : -1);
  OutputPanels<T, Element> panels(p, shared + T.output_offset(), barriers.residual(consumer),
                                  consumer);
  WarpgroupProducts<T, Element> products(row);
  Turns<T> turns(barriers, consumer);

  int unit = schedule.first(), step = schedule.step();
  if constexpr (T.ping_pong()) {
    unit += consumer * step;
    step *= 2;
    ring.skip(consumer * k_blocks);
  }
  for (; unit < schedule.units(); unit += step) {
    OutputPlace place = schedule.place(unit);
    place.m_begin += row;
    panels.begin(place);
    if constexpr (T.ping_pong()) turns.wait();
    products.multiply_stages(ring, k_blocks, [&] {
      if constexpr (T.ping_pong()) turns.hand_over();
    });
    if constexpr (T.ping_pong()) ring.skip(k_blocks);
    panels.store(products, place);
  }
  panels.end();
}

// `Tile` holds an Sm90Tile as `value`: nvcc's host stubs cannot name a struct argument of a kernel itself.
template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), 1)
    conv_sm90(const __grid_constant__ ConvSm90Params p) {
  constexpr Sm90Tile T = Tile::value;
  static_assert(T.block_m <= 256 && T.block_m % (T.kBoxRows * T.consumers_of_a_stage()) == 0,
                "block m of a tile must be 64 for each consumer, or a multiple, and at most 256, "
                "the rows of a copy");
  static_assert(T.boxes() % T.boxes_in_memory() == 0 && T.box_bytes() % T.kAlignment == 0,
                "a consumer's boxes of y must take turns in whole rounds");
  static_assert(T.shared_bytes() <= 232448, "a tile's stages and boxes must fit 227 KiB");
  extern __shared__ char memory[];
  const std::uint32_t shared =
      (ptx::shared_address(memory) + T.kAlignment - 1) / T.kAlignment * T.kAlignment;
  const Sm90Barriers<T> barriers(shared + T.barriers_offset());
  const TileSchedule<T> schedule(p);

  if (threadIdx.x == 0) barriers.init(schedule.cluster_size());
  schedule.clustered() ? ptx::synchronize_cluster() : __syncthreads();

  const int warpgroup = static_cast<int>(threadIdx.x) / 128;
  if (warpgroup < T.consumers) {
    if constexpr (T.moves_registers()) ptx::grow_registers<T.consumer_registers()>();
    compute_tiles<T, Element>(p, schedule, shared, barriers, warpgroup);
  } else {
    if constexpr (T.moves_registers()) ptx::shrink_registers<T.producer_registers()>();
    if (threadIdx.x / 32 == T.consumers * 4 && ptx::elected())
      copy_tiles<T>(p, schedule, shared, barriers);
  }
  // The other CTA copies into this one's shared memory, and arrives at its barriers.
  if (schedule.clustered()) ptx::synchronize_cluster();
}

}  // namespace foldconv
