// SPDX-License-Identifier: MIT
#include "conv_stage_kernels.hpp"

#include "ptx/async_copy.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/address_table.cuh"
#include "stage/sm80/conv_epilogue.cuh"
#include "stage/sm80/output_tile.cuh"
#include "stage/sm80/x_loader.cuh"

namespace foldconv::stage_tests {
namespace {

template <int kIndex>
struct OutputTileOf {
  static constexpr ConvTile value = kOutputTiles[kIndex];
};

template <ConvLoader kLoader>
__global__ void loader(const __grid_constant__ LoaderParams p) {
  using Tile = OutputTileOf<0>;
  __shared__ __align__(128) char stage[kLoaderRows * kSliceBytes];
  extern __shared__ __align__(16) char dynamic[];
  auto* table = reinterpret_cast<AddressEntry*>(dynamic);
  if constexpr (kLoader != ConvLoader::load_1x1 && kLoader != ConvLoader::load_joined) {
    build_address_table<Tile::value, kLoader>(p.conv, table);
    __syncthreads();
  }
  const XLoader<Tile::value, kLoader, __half> x(p.conv, table, p.m_begin, p.group);
  for (int k_block = 0; k_block < p.conv.k_blocks; ++k_block) {
    x.load(ptx::shared_address(stage), k_block);
    ptx::commit_async_copies();
    ptx::wait_async_copies<0>();
    __syncthreads();
    const auto* from = reinterpret_cast<const std::uint16_t*>(stage);
    for (int i = threadIdx.x; i < kLoaderRows * kSliceWidth; i += blockDim.x) {
      p.y[k_block * kLoaderRows * kSliceWidth + i] = from[i];
    }
    __syncthreads();
  }
}

template <class Tile>
__global__ void output(const __grid_constant__ OutputParams p) {
  constexpr ConvTile T = Tile::value;
  extern __shared__ __align__(128) char dynamic[];
  const OutputTile<T, __half> tile(p.conv, dynamic, {p.m_begin, p.group, p.n_begin},
                                   p.conv.k_blocks);
  for (int piece = 0; piece < T.output_pieces(); ++piece) tile.load_residual(piece);
  ptx::commit_async_copies();
  ptx::wait_async_copies<0>();
  __syncthreads();
  using Sums = Accumulators<T.warp_m() / 16, T.warp_n() / 8>;
  const auto pairs = tile.warp_pairs(warp_row<T>(), warp_column<T>());
  for (int i = 0; i < Sums::kRows; ++i) {
    for (int j = 0; j < Sums::kColumns; ++j) {
      const PairPlace at = Sums::place(i, j);
      const int code = (warp_row<T>() + at.row()) * 131 + warp_column<T>() + at.column();
      auto* const pair = pairs.template pair<ushort2>(at);
      pair->x = static_cast<unsigned short>(pair->x + code);
      pair->y = static_cast<unsigned short>(pair->y + code + 1);
    }
  }
  __syncthreads();
  tile.store();
}

template <int kIndex>
void launch_output_tile(const OutputParams& params) {
  using Tile = OutputTileOf<kIndex>;
  constexpr int kShared = Tile::value.shared_bytes(0);
  cudaFuncSetAttribute(output<Tile>, cudaFuncAttributeMaxDynamicSharedMemorySize, kShared);
  output<Tile><<<1, Tile::value.threads(), kShared>>>(params);
}

}  // namespace

void launch_loader(const LoaderParams& params, ConvLoader kind) {
  const ConvGeometry& g = params.conv.g;
  const int threads = kOutputTiles[0].threads();
  const int bytes = table_entries(kind, {g.c_per_group, g.r * g.s}) * 8;
  using enum ConvLoader;
  if (kind == load_1x1) loader<load_1x1><<<1, threads, bytes>>>(params);
  if (kind == load_rxs) loader<load_rxs><<<1, threads, bytes>>>(params);
  if (kind == load_narrow) loader<load_narrow><<<1, threads, bytes>>>(params);
  if (kind == load_joined) loader<load_joined><<<1, threads, bytes>>>(params);
  if (kind == load_element) loader<load_element><<<1, threads, bytes>>>(params);
}

void launch_output(const OutputParams& params, int tile) {
  if (tile == 0) launch_output_tile<0>(params);
  if (tile == 1) launch_output_tile<1>(params);
  if (tile == 2) launch_output_tile<2>(params);
  if (tile == 3) launch_output_tile<3>(params);
}

}  // namespace foldconv::stage_tests
