// SPDX-License-Identifier: MIT
// Convolution of few channels on tensor cores, sm_80 instructions: conv_sm80's product (sm80/conv.cuh),
// in the same order of K, without a tile of operands.
//
// K is packed without gaps (3 channels and 49 taps fill 147 of 192 positions), so that neither taps nor
// pixels lie at multiples of 16 bytes, which copies and ldmatrix want. What the tile's pixels read of x
// comes to shared memory once, as it is, and the operands are read from there where they are needed
// (stage/sm80/x_planes.cuh).
//
// Shared memory: a ring of T.stages stages of weights, the planes of x, the deltas of K's pairs; in the
// end, over all of these, the output tile.
//
//   copy     x w0 w1 | w2 w3 ...             (3 stages)
//   multiply         | k0 k1 k2 ... kl | residual, epilogue
//
// Floor, in wavefronts for a slice of 64 K by warps of M x N: each warp reads M * 64 elements (32 a
// wavefront; 16-bit loads do not fill their 4 bytes) and N * 64 weights (64 a wavefront). 256x64 by
// 64x64: 512 + 256, 64 of deltas, 64 that copy weights, in 1024 cycles of an A100's tensor cores and
// some 810 of an H100's. The operand tile of conv_sm80, were it built here: 5/4 * 256 to read, 256 to
// write, 256 by ldmatrix. Counted for a 7x7 of 3 channels and stride 2: 629 instead of 512, for where 8
// positions of K reach into the next filter row the windows of 8 pixels, which overlap, have conflicts.
//
// 256x64: 128 threads, 243 registers, two CTAs an SM. 64x64: 128 threads, 114 registers.
//
// Not taken: 64 channels or more in a group; planes that do not fit (host/catalog/supports.cpp).
#pragma once

#include "params/conv_params.hpp"
#include "ptx/async_copy.cuh"
#include "ptx/registers.cuh"
#include "ptx/shared_memory.cuh"
#include "stage/output_place.cuh"
#include "stage/sm80/conv_epilogue.cuh"
#include "stage/sm80/mainloop.cuh"
#include "stage/sm80/output_tile.cuh"
#include "stage/sm80/planes_reader.cuh"
#include "stage/sm80/stage_ring.cuh"
#include "stage/sm80/warp_mma.cuh"
#include "stage/sm80/weight_loader.cuh"
#include "stage/sm80/x_planes.cuh"
#include "tile/conv_tile.hpp"

namespace foldconv {

// The copying end of the pipeline: the stages of K.
template <ConvTile T, class Element>
class WeightCopies : public CopiesInParts<WeightCopies<T, Element>> {
 public:
  __device__ __forceinline__ WeightCopies(const ConvParams& p, const OutputPlace& place)
      : k_blocks_(p.k_blocks), w_(conv_weights<T, Element>(p, place)) {
    w_.keep_offsets();
  }

  __device__ __forceinline__ void begin(std::uint32_t stage) {
    stage_ = stage;
    k_block_ = next_++;
  }
  template <int kPart>
  __device__ __forceinline__ void part() const {
    if (k_block_ < k_blocks_) w_.template load_part<kPart, kCopyParts>(stage_, w_.slice(k_block_));
  }

 private:
  int k_blocks_;
  ConvWeights<T, Element> w_;
  std::uint32_t stage_ = 0;
  int k_block_ = 0, next_ = 0;
};

template <class Tile, class Element>
__global__ void __launch_bounds__(Tile::value.threads(), Tile::value.min_ctas_per_sm)
    conv_rows_sm80(const __grid_constant__ ConvParams p) {
  constexpr ConvTile T = Tile::value;
  constexpr int kStageBytes = T.block_n * kSliceBytes;
  extern __shared__ __align__(128) char shared[];
  auto* const deltas = reinterpret_cast<PairDelta*>(shared + T.stages * kStageBytes);
  auto* const planes = reinterpret_cast<char*>(deltas + p.k_blocks * (kSliceWidth / 2));

  const auto place = OutputPlace::of_cta<T>(p);
  const XPlanes<T, Element> x(p, planes, deltas, place);
  x.load();  // in the group of the first stage
  WeightCopies<T, Element> copies(p, place);
  StageRing<T.stages, kStageBytes> ring(ptx::shared_address(shared));
  produce_ahead(ring, copies);
  x.build_deltas();

  PlanesReader<T.warp_m() / 16, T.warp_n() / 8, Element> reader(x, warp_row<T>(), deltas);
  using Mma = ConvWarpMma<T, Element>;
  Mma mma;
  std::uint32_t w_part = w_offset<Mma>(warp_column<T>());
  ptx::keep(w_part);
  multiply_stages(ring, copies, mma, p.k_blocks,
                  [&](Mma::Fragments& to, std::uint32_t stage, int k_step) {
                    reader.load(to, stage + w_part, k_step);
                  });
  ptx::wait_async_copies<0>();

  __syncthreads();  // others read their operands where the output goes
  constexpr int kOutputStage = 0;
  static_assert(T.output_pieces() == 1, "the output tile has no ring, only its first stage");
  const OutputTile<T, Element> output(p, shared, place, kOutputStage);
  output.bring_residual();
  store_tile<T, Element>(p, mma.sums, output, place);
}

}  // namespace foldconv
