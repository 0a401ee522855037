// SPDX-License-Identifier: MIT
#include "compute_stage_kernels.hpp"

#include <cuda_runtime.h>

#include "sm90/conv.cuh"

namespace foldconv::stage_tests {
namespace {

__device__ __forceinline__ std::uint32_t aligned_shared(const char* memory) {
  constexpr int kAlignment = Sm90Tile::kAlignment;
  return (ptx::shared_address(memory) + kAlignment - 1) / kAlignment * kAlignment;
}

// By a warp.
template <Sm90Tile T>
__device__ __forceinline__ void fill_stages(const ProductsParams& p, char* stages,
                                            const Sm90Barriers<T>& barriers) {
  constexpr int kPieces = T.stage_bytes() / 16;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int fill = 0; fill < p.tiles * p.k_blocks; ++fill) {
    const int stage = fill % T.stages;
    ptx::wait_mbarrier(barriers.empty(stage), (fill / T.stages + 1) % 2);
    const uint4* from = reinterpret_cast<const uint4*>(p.stages) + fill * kPieces;
    uint4* to = reinterpret_cast<uint4*>(stages + stage * T.stage_bytes());
    for (int i = lane; i < kPieces; i += 32) to[i] = from[i];
    ptx::fence_async_shared();
    __syncwarp();
    if (lane == 0) {
      p.filled[fill] = 1;
      ptx::arrive(barriers.full(stage));
    }
  }
}

template <int kIndex, class Element>
__global__ void __launch_bounds__(kProductTiles[kIndex].threads(), 1)
    products(const __grid_constant__ ProductsParams p) {
  constexpr Sm90Tile T = kProductTiles[kIndex];
  extern __shared__ char memory[];
  const std::uint32_t shared = aligned_shared(memory);
  const Sm90Barriers<T> barriers(shared + T.barriers_offset());
  if (threadIdx.x == 0) barriers.init(1);
  __syncthreads();
  const int warp = static_cast<int>(threadIdx.x) / 32;
  if (warp == T.consumers * 4)
    fill_stages<T>(p, memory + (shared - ptx::shared_address(memory)), barriers);
  if (warp >= T.consumers * 4) return;

  const int row = warp / 4 * T.consumer_rows();
  RingConsumer<T> ring(shared, barriers, -1);
  WarpgroupProducts<T, Element> products(row);
  int calls = 0;
  for (int tile = 0; tile < p.tiles; ++tile) {
    products.multiply_stages(ring, p.k_blocks,
                             [&] { calls += p.filled[(tile + 1) * p.k_blocks - 1]; });
    float* const sums = p.sums + tile * (T.block_m * T.block_n);
#pragma unroll
    for (int atom = 0; atom < T.atoms(); ++atom) {
#pragma unroll
      for (int panel = 0; panel < T.block_n / T.panel_width(); ++panel) {
        const auto box = products.box(atom, panel);
#pragma unroll
        for (int j = 0; j < T.panel_width() / 8; ++j) {
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            const PairPlace at = box.place(i, j);
            const float2 pair = box.pair(i, j);
            float* const to = sums + (row + atom * 64 + warp % 4 * 16 + at.row()) * T.block_n +
                              panel * T.panel_width() + at.column();
            to[0] = pair.x;
            to[1] = pair.y;
          }
        }
      }
    }
  }
  p.calls[threadIdx.x] = calls;
}

// As a warpgroup holds them: PTX ISA, "Register Fragments and Shared Memory Matrix Layouts".
template <Sm90Tile T>
struct SumsByHand {
  int pixel, channel;  // of all groups

  struct Box {
    static constexpr int kRows = 2;
    static constexpr int kColumns = T.panel_width() / 8;
    int pixel, channel;

    static __device__ __forceinline__ PairPlace place(int i, int j) {
      const int lane = static_cast<int>(threadIdx.x) % 32;
      return {i, lane / 4, j, lane % 4 * 2};
    }
    __device__ __forceinline__ float2 pair(int i, int j) const {
      const int thread = static_cast<int>(threadIdx.x) % 128;
      const int row = pixel + thread / 32 * 16 + i * 8 + thread % 32 / 4;
      const int column = channel + j * 8 + thread % 4 * 2;
      return {static_cast<float>(sum_by_hand(row, column)),
              static_cast<float>(sum_by_hand(row, column + 1))};
    }
  };
  __device__ __forceinline__ Box box(int atom, int panel) const {
    return {pixel + atom * 64, channel + panel * T.panel_width()};
  }
};

template <int kIndex, class Element>
__global__ void __launch_bounds__(kPanelTiles[kIndex].threads(), 1)
    panels(const __grid_constant__ ConvSm90Params p) {
  constexpr Sm90Tile T = kPanelTiles[kIndex];
  extern __shared__ char memory[];
  const std::uint32_t shared = aligned_shared(memory);
  const Sm90Barriers<T> barriers(shared + T.barriers_offset());
  if (threadIdx.x == 0) barriers.init(1);
  __syncthreads();
  const int consumer = static_cast<int>(threadIdx.x) / 128;
  if (consumer >= T.consumers) return;

  const int m_tiles = (p.m + T.block_m - 1) / T.block_m;
  const int columns = (p.k_per_group + T.block_n - 1) / T.block_n;
  OutputPanels<T, Element> panels(p, shared + T.output_offset(), barriers.residual(consumer),
                                  consumer);
  const int own = T.ping_pong() ? consumer : 0, step = T.ping_pong() ? 2 : 1;
  for (int tile = blockIdx.x * step + own; tile < p.units; tile += gridDim.x * step) {
    const OutputPlace place = {
        tile % m_tiles * T.block_m + (T.ping_pong() ? 0 : consumer * T.consumer_rows()),
        tile / m_tiles / columns, tile / m_tiles % columns * T.block_n};
    panels.begin(place);
    panels.store(SumsByHand<T>{place.m_begin, place.group * p.k_per_group + place.n_begin}, place);
  }
  panels.end();
}

__global__ void schedule(const __grid_constant__ ScheduleParams p) {
  const TileSchedule<kScheduledTile> schedule(p.conv);
  int count = 0;
  for (int unit = schedule.first(); unit < schedule.units(); unit += schedule.step()) {
    const OutputPlace place = schedule.place(unit);
    p.tiles[blockIdx.x * p.capacity + count++] = {unit, place.m_begin, place.group, place.n_begin};
  }
  p.counts[blockIdx.x] = count;
}

__global__ void __launch_bounds__(kTurnsTile.threads(), 1)
    turns(const __grid_constant__ TurnsParams p) {
  constexpr Sm90Tile T = kTurnsTile;
  extern __shared__ char memory[];
  const std::uint32_t shared = aligned_shared(memory);
  const Sm90Barriers<T> barriers(shared + T.barriers_offset());
  if (threadIdx.x == 0) barriers.init(1);
  __syncthreads();

  const int consumer = static_cast<int>(threadIdx.x) / 128;
  if (threadIdx.x == T.consumers * 128) {
    RingProducer<T> ring(shared, barriers);
    for (int tile = 0; tile < p.tiles; ++tile) {
      for (int k_block = 0; k_block < p.k_blocks; ++k_block) {
        const auto stage = ring.acquire();
        ptx::load_tensor(stage.address, p.conv.x, stage.full, k_block * 64, tile * T.block_m);
        ptx::load_tensor(stage.address + T.x_bytes(), p.conv.w, stage.full, k_block * 64, 0);
      }
    }
  }
  if (consumer >= T.consumers) return;

  RingConsumer<T> ring(shared, barriers, -1);
  Turns<T> turns(barriers, consumer);
  ring.skip(consumer * p.k_blocks);
  for (int tile = consumer; tile < p.tiles; tile += 2) {
    turns.wait();
    for (int k_block = 0; k_block < p.k_blocks; ++k_block) {
      const std::uint32_t stage = ring.wait();
      if (threadIdx.x % 32 == 0) {
        p.reads[atomicAdd(p.count, 1)] = {
            consumer, static_cast<int>(threadIdx.x) % 128 / 32,
            static_cast<int>(ptx::load_shared_2(stage)),
            static_cast<int>(ptx::load_shared_2(stage + T.x_bytes()))};
      }
      if (k_block + 1 == p.k_blocks) turns.hand_over();
      ring.release<0>();
    }
    ring.skip(p.k_blocks);
  }
}

template <int kIndex, class Element>
void launch_products_of(const ProductsParams& params) {
  constexpr Sm90Tile T = kProductTiles[kIndex];
  cudaFuncSetAttribute(products<kIndex, Element>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                       T.shared_bytes());
  products<kIndex, Element><<<1, T.threads(), T.shared_bytes()>>>(params);
}

template <int kIndex, class Element>
const void* panels_entry() {
  return reinterpret_cast<const void*>(&panels<kIndex, Element>);
}

}  // namespace

void launch_products(const ProductsParams& params, int tile) {
  if (tile == 0) launch_products_of<0, __nv_bfloat16>(params);
  if (tile == 1) launch_products_of<1, __half>(params);
  if (tile == 2) launch_products_of<2, __half>(params);
}

const void* panels_kernel(int tile) {
  if (tile == 0) return panels_entry<0, __half>();
  if (tile == 1) return panels_entry<1, __nv_bfloat16>();
  if (tile == 2) return panels_entry<2, __half>();
  if (tile == 3) return panels_entry<3, __nv_bfloat16>();
  return panels_entry<4, __half>();
}

void launch_schedule(const ScheduleParams& params, int ctas) {
  schedule<<<ctas, 1>>>(params);
}

void launch_turns(const TurnsParams& params) {
  constexpr Sm90Tile T = kTurnsTile;
  cudaFuncSetAttribute(turns, cudaFuncAttributeMaxDynamicSharedMemorySize, T.shared_bytes());
  turns<<<1, T.threads(), T.shared_bytes()>>>(params);
}

}  // namespace foldconv::stage_tests
